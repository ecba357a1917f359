"""``nonsingular batteries``: list, show and compare batteries, and begin one of your own."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from leaderboard.commands.command_line import HELP, LIST, CommandLine, ListByDefault
from leaderboard.terminal.output import console, say
from models_zoo.display import shown
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from benchmark.batteries import Battery

Named = Annotated[str, typer.Argument(help="Battery: its name, or a file, FILE.toml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]

HASH_DIGITS = 12
"""Digits of a hash in the table."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = CommandLine(
        cls=ListByDefault,
        help="List, show and compare batteries, and begin one of your own; without a command, "
        "list.",
        context_settings=HELP,
    )
    group.command(LIST)(list_all)
    group.command("show")(show)
    group.command("diff")(diff)
    group.command("new")(new)
    app.add_typer(group, name="batteries")


def list_all(
    dataset: Annotated[str | None, typer.Option(help="Only batteries for this data set.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the bundled batteries with their headline budgets and hashes."""
    from benchmark.batteries import list_batteries, load_battery
    from leaderboard.terminal.output import print_to_fit
    from models_zoo.errors import unknown_name

    batteries = [load_battery(name) for name in list_batteries()]
    known = {each.dataset for each in batteries}
    if dataset is not None and dataset not in known:
        raise unknown_name("data set with a battery", dataset, known)
    chosen = [each for each in batteries if dataset in (None, each.dataset)]
    if as_json:
        say(json.dumps([_facts(each) for each in chosen], indent=2))
        return
    table = Table(
        box=None, pad_edge=False, collapse_padding=True, padding=(0, 1), header_style="bold"
    )
    for heading in ("name", "data set", "examples", "headline budgets", "SHA-256"):
        table.add_column(heading, no_wrap=heading != "headline budgets")
    for each in chosen:
        budgets = "; ".join(f"{probe}: {text}" for probe, text in _headline(each).items())
        table.add_row(
            *map(Text, (each.name, each.dataset, _examples(each), budgets)),
            Text(each.sha256[:HASH_DIGITS]),
        )
    print_to_fit(table)


def show(battery: Named, as_json: AsJson = False) -> None:
    """Print a battery: data set, hash, probes with their budgets, and every setting."""
    from benchmark.batteries import frozen_batteries, load_battery
    from leaderboard.formatting.texts import plain

    chosen = load_battery(battery)
    if as_json:
        say(json.dumps(_facts(chosen) | {"content": chosen.model_dump(mode="json")}, indent=2))
        return
    frozen = frozen_batteries().get(chosen.sha256)
    on_request = [name for name in chosen.probes if name not in chosen.default]
    lines = [
        ("name", chosen.name),
        ("description", chosen.description),
        ("data set", chosen.dataset),
        ("examples", _examples(chosen)),
        ("SHA-256", chosen.sha256),
        ("frozen", f"{frozen.date}: {frozen.note}" if frozen else "no: not a battery of the suite"),
        ("default probes", ", ".join(chosen.default)),
        ("on request", ", ".join(on_request) or "none"),
    ]
    lines += [(f"headline {probe}", text) for probe, text in _headline(chosen).items()]
    for probe, settings in chosen.model_dump(mode="json")["probes"].items():
        lines += [(f"{probe}.{name}", plain(value)) for name, value in settings.items()]
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        say(f"{name:<{width}}  {text}".rstrip())


def diff(first: Named, second: Named, as_json: AsJson = False) -> None:
    """Print what two batteries do not have in common, one setting per line."""
    from benchmark.batteries import load_battery
    from leaderboard.pages.battery import differences

    contents = [load_battery(each).model_dump(mode="json") for each in (first, second)]
    found = differences(*contents)
    if as_json:
        rows = [dict(zip(("setting", "first", "second"), each, strict=True)) for each in found]
        say(json.dumps(rows, indent=2))
        return
    if not found:
        say("the same content")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("setting", first, second):
        table.add_column(Text(heading), overflow="fold")
    for row in found:
        table.add_row(*map(Text, row))
    console().print(table)


def new(
    file: Annotated[Path, typer.Argument(help="File to write, which ends in .toml.")],
    name: Annotated[
        str | None,
        typer.Option(help="Name of the battery; by default that of the file, without .toml."),
    ] = None,
    base: Annotated[
        str, typer.Option("--from", help="Battery to begin with: its name, or a file.")
    ] = "digits-v1",
) -> None:
    """Write a battery of your own: a copy of another one under a new name, to be changed.

    Give the file to --battery. Its scores are never in one table with those of another content.
    """
    from benchmark.batteries import is_battery_file, load_battery, require_own_name
    from benchmark.batteries.own import SUFFIX, read_battery
    from leaderboard.output_paths import require_file_place
    from models_zoo.checkpoint.writing import write_bytes

    if file.suffix != SUFFIX:
        raise InputError(f"a battery's file ends in {SUFFIX}, got {shown(file)}")
    own = name or file.stem
    require_own_name(own)
    require_file_place(file)
    if file.exists():
        raise InputError(f"{shown(file)} exists; name another file, or remove it first")
    template = load_battery(base)
    source = Path(base) if is_battery_file(base) else None
    text = (source or files("benchmark.batteries") / f"{base}.toml").read_text("utf-8")
    write_bytes(file, _renamed(text, template, own).encode())
    written = read_battery(file)
    say(f"{file}: battery {written.name}, a copy of {template.name}; change it, then run")
    say(f"nonsingular bench --battery {file}")


def _renamed(text: str, base: Battery, name: str) -> str:
    """A battery's file under another name, without the comments before its name."""
    _, _, rest = re.split(r"^(name\s*=.*)$", text, maxsplit=1, flags=re.M)
    head = f"# Copied from {base.name} (SHA-256 {base.sha256[:HASH_DIGITS]}); docs/batteries.md.\n"
    return f'{head}name = "{name}"{rest}'


def _headline(battery: Battery) -> dict[str, str]:
    """Budgets of the headline's probes, by probe."""
    from benchmark.batteries import stored_headline_threats
    from benchmark.headline import headline_probes
    from benchmark.threats import labels

    threats = stored_headline_threats(battery.model_dump(mode="json"))
    return {name: labels(threats[name]) for name in headline_probes() if name in threats}


def _examples(battery: Battery) -> str:
    return "all" if battery.examples is None else f"first {battery.examples:,}"


def _facts(battery: Battery) -> dict[str, Any]:
    from benchmark.batteries import frozen_batteries

    return {
        "name": battery.name,
        "dataset": battery.dataset,
        "description": battery.description,
        "examples": battery.examples,
        "sha256": battery.sha256,
        "bundled": battery.sha256 in frozen_batteries(),
        "default": list(battery.default),
        "headline": _headline(battery),
    }
