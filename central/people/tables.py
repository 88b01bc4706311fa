"""People, their roles, sessions and tokens; sources, not projections: they hold secrets that no ledger may."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, true

from central.store.metadata import metadata

users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(60), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),  # argon2id
    Column("lang", String(10)),  # en, zh; NULL = as the browser asks
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("created_ms", BigInteger, nullable=False),
)

user_roles = Table(
    "user_roles",
    metadata,
    Column("user_id", Integer, ForeignKey("users.id"), primary_key=True),
    Column("role", String(20), primary_key=True),
    sqlite_with_rowid=False,
)

user_sessions = Table(
    "user_sessions",
    metadata,
    Column("hash", String(64), primary_key=True),  # hex SHA-256 of the session's secret
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

user_tokens = Table(
    "user_tokens",
    metadata,
    Column("hash", String(64), primary_key=True),  # hex SHA-256 of the token
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("label", String(100), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),  # NULL = until revoked
    sqlite_with_rowid=False,
)
Index("ix_user_sessions_seen", user_sessions.c.seen_ms)
