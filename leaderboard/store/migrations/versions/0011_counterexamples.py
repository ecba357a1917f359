"""Counterexamples, and results as they were before counterexamples lowered them.

Revision: 0011, after 0010. Its downgrade forgets the counterexamples: results stay as they were
lowered, and what was measured is lost.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("results", sa.Column("measured", sa.Text()))
    op.create_table(
        "counterexamples",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("data_sha256", sa.String(64), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("found_by", sa.String(200), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("note", sa.String(1000), nullable=False),
        sa.Column("threat", sa.JSON(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("n_broken", sa.Integer(), nullable=False),
        sa.Column("robust", sa.LargeBinary(), nullable=False),
        sa.Column("broken", sa.LargeBinary(), nullable=False),
        sa.Column("scores", sa.JSON()),
        sa.Column("n_held_out", sa.Integer()),
        sa.Column("held_out", sa.LargeBinary()),
        sa.Column("battery_sha256", sa.String(64)),
        sa.Column("seed", sa.BigInteger()),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.UniqueConstraint(
            "fingerprint", "data_sha256", "file_sha256", name="uq_counterexamples_key"
        ),
    )


def downgrade() -> None:
    op.drop_table("counterexamples")
    op.drop_column("results", "measured")
