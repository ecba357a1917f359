"""``nonsingular cite``: BibTeX of the suite and its methods, and the protocol of a battery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.output_paths import require_file_place
from leaderboard.terminal.output import write_binary
from models_zoo.errors import InputError, unknown_name


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(cite)


def cite(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Probes or batteries, by name or FILE.toml, whose sources are printed; a battery "
            "has those of all its probes. By default every probe's."
        ),
    ] = None,
    protocol: Annotated[
        bool,
        typer.Option(
            "--protocol",
            help="Print the protocol of one battery instead: a paragraph in LaTeX that cites these "
            "entries.",
        ),
    ] = False,
    examples: Annotated[
        int | None,
        typer.Option(
            "--examples",
            "--limit",
            min=1,
            help="Number of test images in the protocol, if it is not the battery's.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; by default the text is printed.")
    ] = None,
) -> None:
    """Print BibTeX of the suite and of the papers whose methods the scores come from."""
    from benchmark.batteries import is_battery_file, list_batteries, load_battery
    from leaderboard.exports.bibliography import bibliography
    from leaderboard.exports.protocol import protocol_paragraph
    from leaderboard.formatting.texts import probe_texts

    require_file_place(out, "--out")
    if examples is not None and not protocol:
        raise InputError("--examples is about --protocol; give both or neither")
    if protocol:
        if not names or len(names) != 1:
            raise InputError("--protocol needs one battery, such as: cite digits-v1 --protocol")
        text = protocol_paragraph(load_battery(names[0]), examples) + "\n"
    else:
        known, probes = probe_texts(), list[str]()
        for name in names or ():
            if name in known:
                probes.append(name)
            elif is_battery_file(name) or name in list_batteries():
                probes += ["nonsingular", *load_battery(name).probes]
            else:
                raise unknown_name("probe or battery", name, [*known, *list_batteries()])
        text = bibliography(probes or None)
    if out is None:
        write_binary(text.encode())
        return
    from models_zoo.checkpoint.writing import write_bytes

    write_bytes(out, text.encode())
