"""People and programs: who they are, their roles, sessions and tokens."""
