"""The service as a process: one HTTP server with its threads."""

from __future__ import annotations

from dataclasses import replace

import uvicorn
from fastapi import FastAPI

from leaderboard.pages import render_site
from leaderboard.pages.publish import require_site_place
from leaderboard.pages.site_options import stored_options
from leaderboard.service import counterexample_check
from leaderboard.service.application import create_app
from leaderboard.service.inspection import isolation, sandboxed, why_closed
from leaderboard.service.log import log
from leaderboard.service.settings import Settings
from leaderboard.store import Store
from leaderboard.store.addresses import without_password

KEEP_ALIVE_SECONDS = 15
CLOSING_SECONDS = 10
"""How long requests may take that are running when the service is stopped."""


def application(settings: Settings) -> FastAPI:
    """The application for some settings, with everything real: database, sandbox and site.

    Raises:
        InputError: the database, the site's folder or a setting cannot be used.
    """
    # A job may be run by a process with another working folder.
    settings = replace(settings, site=settings.site.absolute())
    require_site_place(settings.site)
    store = Store.open(settings.database)
    level = isolation()
    closed = why_closed(level, allowed=settings.allow_unsandboxed)
    options = stored_options(settings.site)
    if not options.submissions:
        options = options.with_given(submissions=UPLOAD)
    options.require_links()
    app = create_app(
        settings,
        store,
        inspect=sandboxed(level),
        verify=sandboxed(level, counterexample_check.TARGET),
        isolation=level.value,
        closed=closed,
        render=lambda: render_site(store, settings.site, options=options),
    )
    log(
        "started",
        database=without_password(store.engine.url),
        isolation=level.value,
        accepts=closed is None,
        datasets=" ".join(settings.datasets),
    )
    return app


UPLOAD = "/upload"
"""Where the served pages send those who want to submit."""


def serve(settings: Settings, host: str, port: int, proxy: str | None = None) -> None:
    """Serve until the process is interrupted or told to end.

    Args:
        settings: of the service.
        host: address to listen on.
        port: port to listen on; 0 for a free one.
        proxy: address of a reverse proxy, whose word is taken for the address of a request;
            ``None`` to take nobody's.

    Raises:
        InputError: the database, the site's folder or a setting cannot be used.
    """
    config = uvicorn.Config(
        application(settings),
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy or "",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=CLOSING_SECONDS,
        h11_max_incomplete_event_size=64 << 10,
        ws="none",
    )
    uvicorn.Server(config).run()
