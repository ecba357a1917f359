"""The view ``leaderboard`` says whether examples are own images, in a last column ``own_data``.

It is NULL for results stored before this was recorded.

Revision: 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make(own_data=True)


def downgrade() -> None:
    _make(own_data=False)


def _make(*, own_data: bool) -> None:
    """Replace the view by that of this revision, or by that of revision 0003."""
    models = sa.table(
        "models",
        *map(sa.column, ("fingerprint", "name", "submitted")),
        sa.column("card", sa.JSON),
    )
    results = sa.table(
        "results",
        *map(
            sa.column,
            ("id", "fingerprint", "battery", "battery_sha256", "data_sha256", "seed", "probe"),
        ),
        sa.column("provenance", sa.JSON),
        sa.column("created"),
    )
    scores = sa.table("scores", *map(sa.column, ("result_id", "name", "value", "low", "high", "n")))
    own = results.c.provenance["own_data"].as_boolean().label("own_data")
    rows = (
        sa.select(
            models.c.name.label("model"),
            results.c.battery,
            results.c.probe,
            scores.c.name.label("score"),
            scores.c.value,
            scores.c.low,
            scores.c.high,
            scores.c.n,
            results.c.provenance["examples"].as_integer().label("examples"),
            # Older results are all on test images and do not say so.
            sa.func.coalesce(results.c.provenance["split"].as_string(), "test").label("split"),
            results.c.seed,
            results.c.created,
            models.c.submitted,
            models.c.card["architecture"].as_string().label("architecture"),
            models.c.card[("training", "recipe")].as_string().label("recipe"),
            results.c.fingerprint,
            results.c.battery_sha256,
            results.c.data_sha256,
            *([own] if own_data else []),
        )
        .select_from(scores)
        .join(results, results.c.id == scores.c.result_id)
        .join(models, models.c.fingerprint == results.c.fingerprint)
    )
    bind = op.get_bind()
    op.execute("DROP VIEW leaderboard")
    text = rows.compile(bind, compile_kwargs={"literal_binds": True})
    bind.exec_driver_sql(f"CREATE VIEW leaderboard AS {text}")
