"""The client of the Kubernetes API server that the gateway and the operator use."""
