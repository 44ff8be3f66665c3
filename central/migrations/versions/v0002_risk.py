"""What the risk list said of whoever checked in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Records from before were made at doors without a list."""
    risk = sa.Column("risk", sa.Text, nullable=False, server_default="none")
    op.add_column("check_in", risk)
