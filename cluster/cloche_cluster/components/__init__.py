"""The pinned Go components, such as Kubernetes and Helm, and their builds."""
