"""The gateway: HTTP in, a SandboxExecution in the cluster, the program's result out."""

__version__ = "0.1.0"
