"""The application: everything of the service, put together for some settings."""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from leaderboard.service import counterexample_routes, health, pages, seed_routes, submission_routes
from leaderboard.service.authentication import Doorkeeper
from leaderboard.service.background import Background
from leaderboard.service.checker import Checker, Inspect
from leaderboard.service.counterexamples import Counterexamples
from leaderboard.service.intake import Intake
from leaderboard.service.middleware import Front
from leaderboard.service.problems import handle_problems
from leaderboard.service.quarantine import Quarantine
from leaderboard.service.renderer import Renderer
from leaderboard.service.settings import Settings
from leaderboard.service.site_files import SiteFiles
from leaderboard.store import Store
from leaderboard.store.tokens import Tokens


def create_app(
    settings: Settings,
    store: Store,
    *,
    inspect: Inspect,
    verify: Inspect,
    isolation: str,
    closed: str | None = None,
    render: Callable[[], object],
    threads: bool = True,
) -> FastAPI:
    """Make the application.

    Args:
        settings: of the service.
        store: the open database.
        inspect: checks a file.
        verify: verifies a counterexample.
        isolation: what that is isolated by.
        closed: why no files are accepted; ``None`` if they are.
        render: writes the site.
        threads: whether it starts the threads of :class:`Background`; without, who made it calls
            ``app.state.background.advance()``.
    """
    intake = Intake(settings, store, Quarantine(settings.workspace), closed)
    renderer = Renderer(render)
    checker = Checker(store, intake, inspect, isolation)
    counterexamples = Counterexamples(settings, store, verify, renderer.mark, closed)
    background = Background(store, intake, checker, renderer, counterexamples)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if not threads:
            yield
            return
        with background:
            yield

    app = FastAPI(
        title="nonsingular",
        description="Submit a checkpoint to a robustness leaderboard, and follow its scoring.",
        version=importlib.metadata.version("nonsingular"),
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.store, app.state.intake, app.state.isolation = store, intake, isolation
    app.state.doorkeeper = Doorkeeper(Tokens(store.engine), settings.bounds.token_requests)
    app.state.renderer, app.state.background = renderer, background
    app.state.counterexamples = counterexamples
    handle_problems(app)
    app.include_router(submission_routes.routes)
    app.include_router(counterexample_routes.routes)
    app.include_router(health.routes)
    app.include_router(pages.routes)
    app.mount("/service", StaticFiles(packages=[("leaderboard.service", "static")]))
    app.include_router(seed_routes.routes)
    app.mount("/", SiteFiles(settings.site))
    app.add_middleware(Front, bounds=settings.bounds)
    return app
