"""Doors, cards, motion, custody clips and their review."""
