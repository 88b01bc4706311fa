"""Packages: accepted batches as files that others can keep, read and check: BagIt, METS with PREMIS, IIIF, PDF."""
