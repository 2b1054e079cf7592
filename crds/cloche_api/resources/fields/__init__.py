"""Fields of resources that have the form which Kubernetes gives them."""
