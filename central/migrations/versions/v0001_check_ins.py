"""Receipts, check-ins and dead letters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the three tables."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "receipt",
        sa.Column("device_id", sa.Text, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("device_id", "epoch", "seq"),
    )
    op.create_table(
        "check_in",
        sa.Column("device_id", sa.Text, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("scanned_at", moment, nullable=False, index=True),
        sa.Column("scanned_at_ms", sa.BigInteger, nullable=False),
        sa.Column("clock", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, index=True),
        sa.Column("signed", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("claims", sa.JSON, nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("device_id", "epoch", "seq"),
    )
    op.create_table(
        "dead_letter",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("device_id", sa.Text),
        sa.Column("segment", sa.Text),
        sa.Column("epoch", sa.Text),
        sa.Column("seq", sa.BigInteger),
        sa.Column("id", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
