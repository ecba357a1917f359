"""Code that loads the model of a page."""

from __future__ import annotations

from leaderboard.reruns.command_lines import FILE_SOURCES
from models_zoo.card import Card


def how_to_load(card: Card) -> str:
    """Python code that loads the model."""
    if card.source not in (*FILE_SOURCES, "memory"):
        return f"import nonsingular as ns\n\nmodel = ns.load_model({card.name!r})"
    if card.source == "memory":
        return "# scored in memory by ns.evaluate(); its weights were not stored"
    return "\n".join(
        [
            "import nonsingular as ns",
            *(["from models_zoo.inputs import Tokens"] if card.tokens else []),
            "",
            "model = ns.load_file(",
            f"    {card.checkpoint or 'checkpoint.safetensors'!r},",
            *_architecture(card),
            f"    dataset={card.dataset!r},",
            f"    classes={card.classes},",
            *_inputs(card),
            *([f"    weights={card.weights!r},"] if card.weights else []),
            ")",
        ]
    )


def _inputs(card: Card) -> list[str]:
    """What the model takes, and the normalization of images."""
    if card.tokens is not None:
        return [f"    tokens=Tokens(**{card.tokens.model_dump()!r}),"]
    return [
        f"    input_shape={card.input_shape!r},",
        f"    mean={card.mean!r},",
        f"    std={card.std!r},",
    ]


def _architecture(card: Card) -> list[str]:
    """What a file needs besides its description: a network is in it, or is named."""
    if card.brings_network:
        return ["    trust=True,"] if card.architecture.startswith("pt2:") else []
    return [f"    architecture={card.architecture!r},"]
