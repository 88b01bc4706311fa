"""Ingest: takes what agents publish, verifies it, commits it, and only then acknowledges it."""
