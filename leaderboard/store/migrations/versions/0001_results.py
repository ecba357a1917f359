"""Models, results, scores and outcomes.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("checkpoint_sha256", sa.String(64)),
        sa.Column("submitted", sa.Boolean(), nullable=False),
        sa.Column("first_seen", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_models_name", "models", ["name"])
    op.create_table(
        "results",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "fingerprint", sa.String(64), sa.ForeignKey("models.fingerprint"), nullable=False
        ),
        sa.Column("battery_sha256", sa.String(64), nullable=False),
        sa.Column("data_sha256", sa.String(64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("probe", sa.String(100), nullable=False),
        sa.Column("battery", sa.String(100), nullable=False),
        sa.Column("battery_content", sa.JSON(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.UniqueConstraint(
            "fingerprint", "battery_sha256", "data_sha256", "seed", "probe", name="uq_results_key"
        ),
    )
    op.create_index("ix_results_battery", "results", ["battery"])
    op.create_table(
        "scores",
        sa.Column(
            "result_id",
            sa.Integer(),
            sa.ForeignKey("results.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("value", sa.Float(53)),
        sa.Column("low", sa.Float(53)),
        sa.Column("high", sa.Float(53)),
        sa.Column("n", sa.Integer(), nullable=False),
    )
    op.create_table(
        "outcomes",
        sa.Column(
            "result_id",
            sa.Integer(),
            sa.ForeignKey("results.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    for table in ("outcomes", "scores", "results", "models"):
        op.drop_table(table)
