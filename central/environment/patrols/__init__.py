"""Patrol rounds: what is to be walked, what was seen, what was missed."""
