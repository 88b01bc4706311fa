"""The centre's database: engine, metadata and migrations."""
