"""Acceptance of batches: sampling plans, the drawing of samples, reviews of pages, decisions, rework, statistics."""
