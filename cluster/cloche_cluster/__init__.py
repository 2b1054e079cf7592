"""Create a Kubernetes cluster, build Cloche's images, and install Cloche."""
