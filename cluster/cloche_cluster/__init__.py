"""Brings a Kubernetes up, builds Cloche's images, and installs Cloche into it."""
