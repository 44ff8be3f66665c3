"""Who was shown together at a door."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Kiosks of before did not say."""
    party = sa.Column("party", sa.Text, nullable=False, server_default="")
    op.add_column("check_in", party)
