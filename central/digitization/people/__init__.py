"""Who may work at a bench: people by name, each with a PIN for the bench's screen, and the benches that they work at."""
