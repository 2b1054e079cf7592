"""The operator. It runs each SandboxExecution in a Pod and records the result."""
