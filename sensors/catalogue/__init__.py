"""What a device's table may hold: every driver with its options, as plain data."""
