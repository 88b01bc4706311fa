"""Putting Muniment on machines: broker, services, packaging and the demonstration."""
