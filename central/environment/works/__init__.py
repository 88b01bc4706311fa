"""Planned works in rooms, and the calendar of days off."""
