"""Floor plans and where each sensor hangs."""
