"""What a bench says of pages beyond taking them: placeholders, moves, rework."""

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: a backup is the way back."""
