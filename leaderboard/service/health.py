"""The route that says how the service is."""

from __future__ import annotations

import importlib.metadata
from collections import Counter

from fastapi import APIRouter, Request

from leaderboard.service.answers import Health
from leaderboard.service.intake import Intake
from leaderboard.service.problems import described
from leaderboard.store import Store
from leaderboard.store.jobs import Jobs

routes = APIRouter(prefix="/api/v1", tags=["service"])


@routes.get("/health", responses=described(400, 411, 413, 422, 429))
def health(request: Request) -> Health:
    """How the service is; it needs no token."""
    intake: Intake = request.app.state.intake
    store: Store = request.app.state.store
    counts = Jobs(store.engine).counts()
    settings = intake.settings
    return Health(
        version=importlib.metadata.version("nonsingular"),
        accepts=intake.closed is None,
        closed=intake.closed,
        isolation=request.app.state.isolation,
        datasets=list(settings.datasets),
        largest=settings.bounds.upload,
        waiting=_of(counts, "queued"),
        running=_of(counts, "running"),
        workers=len(Jobs(store.engine).owners(kind="unit")),
        disk_free=intake.quarantine.free(),
        site=request.app.state.renderer.rendered,
    )


def _of(counts: dict[tuple[str, str], int], state: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (kind, each), count in counts.items():
        if each == state:
            found[kind] += count
    return dict(found)
