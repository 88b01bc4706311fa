"""The demonstration: two rooms, a bench, a broker and the centre on one machine, each its own process."""
