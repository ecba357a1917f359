"""Figures of models that are reported elsewhere.

Revision: 0008, after 0007. Its downgrade forgets them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reported",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("date", sa.String(10), nullable=False),
        sa.Column("licence", sa.String(100), nullable=False),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("norm", sa.String(20), nullable=False),
        sa.Column("eps", sa.String(40), nullable=False),
        sa.Column("model_id", sa.String(200), nullable=False),
        sa.Column("architecture", sa.String(200), nullable=False),
        sa.Column("venue", sa.String(200), nullable=False),
        sa.Column("extra_data", sa.Boolean()),
        sa.Column("clean", sa.String(20), nullable=False),
        sa.Column("autoattack", sa.String(20), nullable=False),
        sa.Column("best_known", sa.String(20), nullable=False),
        sa.Column("unreliable", sa.Boolean()),
        sa.Column("link", sa.String(1000), nullable=False),
        sa.Column("load", sa.String(200), nullable=False),
        sa.UniqueConstraint(
            *("source", "dataset", "norm", "eps", "model_id"), name="uq_reported_key"
        ),
    )


def downgrade() -> None:
    op.drop_table("reported")
