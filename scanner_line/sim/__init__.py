"""The simulated bench: invented pages, photographed with real defects, and an operator."""
