"""Between which moments a check-in was made, and when the boots of kiosks began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Of records from before the boot is not known any more: nothing can correct them."""
    moment = sa.DateTime(timezone=True)
    op.add_column("check_in", sa.Column("boot_id", sa.Text))
    op.add_column("check_in", sa.Column("boottime_ms", sa.BigInteger))
    op.add_column("check_in", sa.Column("not_before", moment))
    op.add_column("check_in", sa.Column("not_after", moment))
    unsettled = sa.text("not_after IS NOT NULL")
    op.create_index(
        "ix_check_in_unsettled",
        "check_in",
        ["device_id", "boot_id", "epoch", "seq"],
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )
    op.create_table(
        "boot",
        sa.Column("device_id", sa.Text, nullable=False),
        sa.Column("boot_id", sa.Text, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("device_id", "boot_id"),
    )
