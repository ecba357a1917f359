"""Submissions to the service, their history, and the tokens of those who send them.

Revision: 0010, after 0009. Its downgrade forgets them; results stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("last_used", sa.Float(53)),
        sa.Column("revoked", sa.Float(53)),
    )
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("token", sa.String(32), sa.ForeignKey("tokens.id")),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("changed", sa.Float(53), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("description", sa.JSON(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("expected_bytes", sa.BigInteger()),
        sa.Column("expected_sha256", sa.String(64)),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("verdict", sa.JSON(none_as_null=True)),
        sa.Column("isolation", sa.String(20)),
        sa.Column("model", sa.String(64)),
        sa.Column("units", sa.JSON(none_as_null=True)),
        sa.Column("reason", sa.Text()),
    )
    op.create_index("ix_submissions_state", "submissions", ["state"])
    op.create_table(
        "submission_events",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "submission",
            sa.String(32),
            sa.ForeignKey("submissions.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("moment", sa.Float(53), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("token", sa.String(32), sa.ForeignKey("tokens.id")),
        sa.Column("note", sa.Text(), nullable=False),
    )
    op.create_index("ix_submission_events_submission", "submission_events", ["submission"])


def downgrade() -> None:
    op.drop_table("submission_events")
    op.drop_table("submissions")
    op.drop_table("tokens")
