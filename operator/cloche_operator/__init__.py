"""The operator: it turns SandboxExecutions into Pods and Pods into results."""
