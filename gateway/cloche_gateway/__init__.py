"""The gateway: an HTTP API that runs programs as SandboxExecutions and returns their results."""

__version__ = "0.1.0"
