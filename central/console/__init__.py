"""The console: pages, their words and assets."""
