"""The operator. It runs each SandboxExecution in a Pod and records the result."""

__version__ = "0.1.0"
