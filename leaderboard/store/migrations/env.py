"""Alembic's entry point: runs the migrations on the connection passed by the store.

To write a new one: change ``schema.py``, then
``alembic -c leaderboard/store/migrations/alembic.ini revision --autogenerate -m "what changed"``.
"""

from alembic import context
from sqlalchemy import Connection, create_engine

from leaderboard.store.schema import Base


def run(connection: Connection) -> None:
    """Run the requested migrations in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    with create_engine(context.config.get_main_option("sqlalchemy.url") or "").begin() as own:
        run(own)
