"""What the attacks share: their programs, their target, and the node that must not change."""
