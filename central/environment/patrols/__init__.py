"""Rounds through the rooms: what was looked at, by whom, and what was missed."""
