"""``nonsingular serve``: accept submissions over HTTP, and serve the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leaderboard.commands.options import (
    DATABASE,
    OUT,
    Database,
    DataRoot,
    Device,
    Examples,
    Out,
    Seed,
    chosen_device,
)
from leaderboard.terminal.output import note
from models_zoo.display import shown
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; put a reverse proxy with TLS before others.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    database: Database = DATABASE,
    out: Out = OUT,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Images of a data set, DATASET=FILE.npz, to check and score on; repeatable. "
            "Submissions are accepted for these data sets and the digits."
        ),
    ] = None,
    private: Annotated[
        bool,
        typer.Option("--private", help="The images of --data are private: no page shows one."),
    ] = False,
    data_root: DataRoot = None,
    battery: Annotated[
        list[str] | None,
        typer.Option(
            help="Battery that scores the submissions of its data set: a name, or FILE.toml; "
            "repeatable; by default the newest of each."
        ),
    ] = None,
    examples: Examples = None,
    require_approval: Annotated[
        bool,
        typer.Option(
            "--require-approval", help="A maintainer approves what the checks accept first."
        ),
    ] = False,
    max_upload: Annotated[
        int, typer.Option(min=1, help="Largest file that is accepted, in MiB.")
    ] = 512,
    checkers: Annotated[
        int, typer.Option(min=1, max=64, help="How many files are checked at once.")
    ] = 1,
    requests: Annotated[
        int, typer.Option(min=1, help="Requests per minute from one address, and with one token.")
    ] = 600,
    daily: Annotated[
        int, typer.Option(min=1, help="MiB that one submitter may send in 24 hours.")
    ] = 20480,
    proxy: Annotated[
        str | None,
        typer.Option(
            help="Address of the reverse proxy that says where requests come from; by default "
            "none is believed."
        ),
    ] = None,
    allow_unsandboxed: Annotated[
        bool,
        typer.Option(
            "--allow-unsandboxed",
            help="Accept files where this machine cannot isolate the checks: only from people "
            "you trust.",
        ),
    ] = False,
    seed: Seed = 0,
    secret_seed: Annotated[
        str | None,
        typer.Option(
            help="Score with the secret seed of this commitment, of nonsingular seed commit, in "
            "place of --seed."
        ),
    ] = None,
    device: Device = "cpu",
) -> None:
    """Accept checkpoints over HTTP, check them, have workers score them, and serve the site.

    Start at least one ``nonsingular worker`` with the same database beside it.
    """
    try:
        from leaderboard.service.serving import serve as serve_until_told
    except ModuleNotFoundError as error:
        raise InputError(
            f"nonsingular serve needs {error.name}: pip install 'nonsingular[service]'"
        ) from error
    from leaderboard.service.settings import MIB, Bounds, Settings

    bounds = Bounds(
        upload=max_upload * MIB,
        bytes_per_day=daily * MIB,
        requests=requests,
        token_requests=requests,
    )
    if secret_seed is not None:
        from leaderboard.store import Store
        from leaderboard.store.seeds import Seeds

        if seed:
            raise InputError("give either --seed or --secret-seed")
        seed = Seeds(Store.open(database).engine).secret(secret_seed)
    settings = Settings(
        database,
        site=out,
        data=_files(data or []),
        private=private,
        data_root=data_root,
        batteries=_batteries(battery or []),
        examples=examples,
        require_approval=require_approval,
        allow_unsandboxed=allow_unsandboxed,
        checkers=checkers,
        seed=seed,
        device=chosen_device(device),
        bounds=bounds,
    )
    note(f"serving http://{host}:{port}/ (Ctrl-C ends it)")
    serve_until_told(settings, host, port, proxy)


def _files(given: Sequence[str]) -> Mapping[str, Path]:
    """The files of ``DATASET=FILE`` options.

    Raises:
        InputError: one is not of that form, of an unknown data set, or missing.
    """
    from models_zoo.errors import unknown_name
    from models_zoo.image_sets import IMAGE_SETS

    found = {}
    for text in given:
        name, equals, file = text.partition("=")
        if not equals or not file:
            raise InputError(f"--data {shown(text)} is not DATASET=FILE.npz")
        if name not in IMAGE_SETS:
            raise unknown_name("data set", name, IMAGE_SETS)
        if not Path(file).is_file():
            raise InputError(f"--data {shown(text)}: there is no file {shown(Path(file))}")
        found[name] = Path(file)
    return found


def _batteries(given: Sequence[str]) -> Mapping[str, str]:
    """The batteries of options, by their data sets.

    Raises:
        InputError: one cannot be used, or two are for the same data set.
    """
    from benchmark.batteries import is_battery_file, load_battery

    found: dict[str, str] = {}
    for text in given:
        battery = load_battery(text)
        if battery.dataset in found:
            raise InputError(f"--battery: two batteries are for {battery.dataset}; choose one")
        is_file = is_battery_file(text)
        found[battery.dataset] = str(Path(text).absolute()) if is_file else battery.name
    return found
