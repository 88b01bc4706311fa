"""The custody recorder, a process of its own: short segments always written, and clips around what happened at the doors."""
