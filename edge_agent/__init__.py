"""The process on the Pi: measures, watches, records, alarms, and sends what it has to the centre."""
