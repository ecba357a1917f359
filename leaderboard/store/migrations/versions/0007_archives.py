"""From which archive a result was imported, and results of archives that differ from stored ones.

Revision: 0007, after 0006. Its downgrade forgets both, and needs SQLite 3.35.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("results", sa.Column("archive", sa.String(64)))
    op.create_table(
        "alternatives",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("battery_sha256", sa.String(64), nullable=False),
        sa.Column("data_sha256", sa.String(64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("probe", sa.String(100), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("archive", sa.String(64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.UniqueConstraint(
            *("fingerprint", "battery_sha256", "data_sha256", "seed", "probe", "content_sha256"),
            name="uq_alternatives_key",
        ),
    )


def downgrade() -> None:
    op.drop_table("alternatives")
    op.drop_column("results", "archive")
