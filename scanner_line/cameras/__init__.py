"""The cameras over a bench."""
