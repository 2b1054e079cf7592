"""A complete single-node Kubernetes, built from pinned Go modules and run by supervisord."""
