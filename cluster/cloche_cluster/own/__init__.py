"""Runtimes with packages of the user's choice: `make runtime`."""
