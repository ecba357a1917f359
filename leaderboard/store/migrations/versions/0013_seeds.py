"""Secret seeds, which results are scored with before they are revealed.

Revision: 0013, after 0012. Its downgrade forgets them, so that results show their seeds.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seeds",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("revealed", sa.Float(53)),
    )


def downgrade() -> None:
    op.drop_table("seeds")
