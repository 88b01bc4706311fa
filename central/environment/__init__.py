"""The rooms' climate: channels, readings, limits and alarms."""
