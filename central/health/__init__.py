"""What agents say about themselves: health, clocks, configuration in force, answers to commands."""
