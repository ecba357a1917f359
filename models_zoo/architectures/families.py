"""Families of architectures: names that contain numbers, such as ``wrn-DEPTH-WIDTH``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from models_zoo.architectures.shape import Shape
from models_zoo.errors import InputError

Build = Callable[[Mapping[str, str], int, Shape], nn.Module]
"""Builds a network from the parts of a name, the number of classes and the shape of an image."""


@dataclass(frozen=True)
class Family:
    """Networks that differ in the numbers in their names.

    Attributes:
        form: the form of names, such as ``"wrn-DEPTH-WIDTH"``.
        example: one of them.
        description: one line.
        pattern: of whole names; its groups are the parts.
        build: builds the network.
        chain: whether its layers follow each other without branches, so that they can be matched in
            order, whatever their names.
        texts: whether they take token ids instead of images.
        random: whether they draw random numbers in eval mode too, so that their logits differ from
            pass to pass.
    """

    form: str
    example: str
    description: str
    pattern: re.Pattern[str]
    build: Build
    chain: bool = False
    texts: bool = False
    random: bool = False


_FAMILIES: list[Family] = []


def register_family(
    form: str,
    *,
    pattern: str,
    example: str,
    description: str,
    chain: bool = False,
    texts: bool = False,
    random: bool = False,
) -> Callable[[Build], Build]:
    """Decorator that adds a family, whose example must match its pattern."""

    def add(build: Build) -> Build:
        compiled = re.compile(pattern)
        if compiled.fullmatch(example) is None:
            raise ValueError(f"{example!r} is not of the form {form!r}")
        _FAMILIES.append(Family(form, example, description, compiled, build, chain, texts, random))
        return build

    return add


def list_families() -> list[Family]:
    """All families, in the order of their forms."""
    return sorted(_FAMILIES, key=lambda each: each.form)


def find_family(name: str) -> tuple[Family, dict[str, str]] | None:
    """The family of a name and the parts of the name; ``None`` if it belongs to no family."""
    for family in _FAMILIES:
        found = family.pattern.fullmatch(name)
        if found is not None:
            return family, {key: value or "" for key, value in found.groupdict().items()}
    return None


def is_random(name: str) -> bool:
    """Whether a family says of its networks that they draw random numbers in eval mode too."""
    found = find_family(name)
    return found is not None and found[0].random


def number(parts: Mapping[str, str], part: str, *, least: int = 1, most: int) -> int:
    """A number in a name, within limits that prevent a name from requesting all memory.

    Raises:
        InputError: it is outside.
    """
    text = parts[part]
    if len(text) > 9 or not least <= int(text) <= most:
        few = text if len(text) <= 12 else f"{text[:12]}..."
        raise InputError(f"the {part} of an architecture is {least} to {most:,}, got {few}")
    return int(text)


def blocks_of_depth(depth: int, per_block: int, rest: int) -> int:
    """Blocks per stage of a network with ``per_block * n + rest`` layers.

    Raises:
        InputError: no n of at least 1 gives that depth; the message names the nearest valid depths.
    """
    blocks, left = divmod(depth - rest, per_block)
    if left or blocks < 1:
        below = max(1, blocks) * per_block + rest
        raise InputError(
            f"a depth of {depth} is not {per_block} * n + {rest}; "
            f"the nearest are {below} and {below + per_block}"
        )
    return blocks
