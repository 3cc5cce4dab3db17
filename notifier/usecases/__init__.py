"""What the service does, one module a step, in the order it happens."""
