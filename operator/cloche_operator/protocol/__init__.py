"""What the operator sends to a supervisor and receives from it. Pure."""
