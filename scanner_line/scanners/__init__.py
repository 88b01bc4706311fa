"""Scanners as sources of a station: what SANE drives, and folders that a vendor's software writes into."""
