"""Capture stations: cameras, page checks, batches, the page spool and the bench's own screen."""
