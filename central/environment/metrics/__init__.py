"""What a climate does to what is kept in it: the preservation metrics."""
