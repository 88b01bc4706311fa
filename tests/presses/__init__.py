"""Thousands of presses at a bench of real programs, with faults between and within them, and the books that have to balance afterwards."""
