"""The screen of a bench, served by its own process."""
