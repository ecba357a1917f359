"""``nonsingular models``: list the zoo, and show the card of one model."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from leaderboard.commands.command_line import HELP, LIST, CommandLine, ListByDefault
from leaderboard.terminal.output import say
from models_zoo.errors import InputError, unknown_name

if TYPE_CHECKING:
    from models_zoo.card import Card

GLOB = set("*?[")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = CommandLine(
        cls=ListByDefault,
        help="List the models of the zoo, or show one model's card; without a command, list.",
        context_settings=HELP,
    )
    group.command(LIST)(list_zoo)
    group.command("show")(show)
    app.add_typer(group, name="models")


def list_zoo(
    pattern: Annotated[
        str,
        typer.Argument(
            help="Only names that match, with * and ?, such as 'digits/*'; without them, models "
            "whose name, architecture or notes hold this text."
        ),
    ] = "*",
    dataset: Annotated[str | None, typer.Option(help="Only models for this data set.")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Only models trained this way, such as 'pgd-at'.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Only models from this source, such as 'bundled'.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the models' cards as JSON instead of a table.")
    ] = False,
) -> None:
    """List the models of the zoo and the training methods."""
    from models_zoo.catalog import LISTED_BY, list_models, load_card
    from models_zoo.methods import list_methods, method_card

    cards = [load_card(name) for name in list_models()] + [method_card(n) for n in list_methods()]
    for kind, value, known in (
        ("data set", dataset, {card.dataset for card in cards}),
        ("recipe", recipe, {card.recipe for card in cards}),
        ("source", source, {card.source for card in cards}),
    ):
        if value is not None and value not in known:
            raise unknown_name(f"{kind} of the zoo", value, known)
    chosen = [
        card
        for card in cards
        if _matches(card, pattern)
        and dataset in (None, card.dataset)
        and recipe in (None, card.recipe)
        and source in (None, card.source)
    ]
    if not chosen and not set(pattern) & GLOB and dataset is recipe is source is None:
        raise unknown_name("model", pattern, [card.name for card in cards], LISTED_BY)
    if not chosen:
        raise InputError(
            f"no model matches {_asked(pattern, dataset, recipe, source)}; "
            "'nonsingular models' alone lists all"
        )
    if as_json:
        say(json.dumps([card.model_dump(mode="json") for card in chosen], indent=2))
    else:
        from leaderboard.terminal.output import print_full_width

        print_full_width(_table(chosen))


def show(
    name: Annotated[
        str,
        typer.Argument(
            help="A model of the zoo, or of elsewhere, such as torchvision:resnet18 or net.onnx."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Print a model's card: what it is, where it is from and how it was trained.

    The weights are not loaded, and nothing is downloaded but the configuration of a hub model.
    """
    from models_zoo import describe_model

    fields = describe_model(name).model_dump(mode="json", exclude_none=True)
    if as_json:
        say(json.dumps(fields, indent=2))
        return
    lines = _lines(fields)
    width = max(len(key) for key, _ in lines)
    for key, text in lines:  # not wrapped, so that a hash or an address can be copied
        say(f"{key:<{width}}  {text}".rstrip())


def _matches(card: Card, pattern: str) -> bool:
    if set(pattern) & GLOB:
        return fnmatchcase(card.name, pattern)
    text = " ".join((card.name, card.architecture, card.recipe, card.notes))
    return pattern.casefold() in text.casefold()


def _asked(pattern: str, dataset: str | None, recipe: str | None, source: str | None) -> str:
    filters = {"--dataset": dataset, "--recipe": recipe, "--source": source}
    given = [f"{option} {value}" for option, value in filters.items() if value is not None]
    return " with ".join([repr(pattern), *given])


def _lines(fields: dict[str, Any], indent: str = "") -> list[tuple[str, str]]:
    """The fields of a card with their values; those of a table inside it are indented."""
    lines: list[tuple[str, str]] = []
    for key, value in fields.items():
        name = f"{indent}{key.replace('_', ' ')}"
        if isinstance(value, dict):
            lines += [(name, ""), *_lines(value, f"{indent}  ")]
        elif value != "":
            separator = "x" if key == "input_shape" else ", "
            text = separator.join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append((name, text))
    return lines


def _table(cards: list[Card]) -> Table:
    table = Table(
        box=None, pad_edge=False, collapse_padding=True, padding=(0, 1), header_style="bold"
    )
    table.add_column("name", no_wrap=True)
    for heading in ("data set", "architecture", "recipe"):
        table.add_column(heading)
    table.add_column("clean accuracy", justify="right")
    table.add_column("params", justify="right")
    table.add_column("licence")
    for card in cards:
        table.add_row(
            *map(Text, (card.name, card.dataset, card.architecture, card.recipe)),
            "?" if card.clean_accuracy is None else f"{card.clean_accuracy:.1%}",
            _count(card.parameters),
            Text(card.licence or "?"),
        )
    return table


def _count(parameters: int | None) -> str:
    if parameters is None:
        return "?"
    return f"{parameters / 1e6:.1f} M" if parameters >= 1e6 else f"{parameters / 1e3:.0f} k"
