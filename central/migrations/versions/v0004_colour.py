"""The colour that the rules of the door gave a certificate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Records from before have none."""
    colour = sa.Column("colour", sa.Text, nullable=False, server_default="")
    op.add_column("check_in", colour)
