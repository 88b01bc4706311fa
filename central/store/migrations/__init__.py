"""Alembic's scripts: how an older database becomes a newer one."""
