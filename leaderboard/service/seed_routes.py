"""The route that publishes commitments to seeds."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from leaderboard.service.problems import described
from leaderboard.store import Store
from leaderboard.store.seeds import Seeds

routes = APIRouter(prefix="/api/v1", tags=["service"])


class Committed(BaseModel):
    """A seed that scores are computed with, see :mod:`leaderboard.store.seeds`.

    Attributes:
        commitment: SHA-256 of the seed and of random digits.
        created: seconds since 1970, when it was committed to.
        revealed: likewise, when it was revealed; ``None`` while it is secret.
        note: what it is for.
        seed: ``None`` while it is secret.
        nonce: the random digits; ``None`` while they are secret.
    """

    commitment: str
    created: float
    revealed: float | None
    note: str
    seed: int | None
    nonce: str | None


@routes.get("/seeds", responses=described(400, 411, 413, 422, 429))
def seeds(request: Request) -> list[Committed]:
    """The seeds that this server has committed to; it needs no token."""
    store: Store = request.app.state.store
    return [
        Committed(
            commitment=each.sha256,
            created=each.created,
            revealed=each.revealed,
            note=each.note,
            seed=each.seed,
            nonce=each.nonce,
        )
        for each in Seeds(store.engine).listed()
    ]
