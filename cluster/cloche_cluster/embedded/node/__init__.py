"""The embedded node: its configuration and images, and what it changes on this machine."""
