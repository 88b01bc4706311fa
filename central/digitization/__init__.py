"""Stations, presses, pages and batches of the digitisation line, and the objects that agents upload."""
