"""What each medium bears, and the limits a room keeps: profiles by standard, their combination, a room's own settings."""
