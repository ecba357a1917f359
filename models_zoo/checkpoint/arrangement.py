"""Matching the tensors of a file to those of a network, whatever prefixes the names have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from models_zoo.checkpoint.extras import is_extra
from models_zoo.checkpoint.normalizers import Normalization, is_normalizer, normalization_of
from models_zoo.checkpoint.synonyms import by_common_names, in_order, renamed_parts
from models_zoo.checkpoint.wrappers import nearest_prefix, prefixes, without_wrappers
from models_zoo.display import label
from models_zoo.errors import InputError, shown

ADAPTERS = ("lora_", "ia3_l", "hada_w", ".base_layer.")
"""Parts of the names of PEFT's adapters."""

COUNTER = "num_batches_tracked"
"""Batch norm's counter of batches, which may be missing."""

_LISTED = 4


@dataclass(frozen=True)
class Arrangement:
    """Weights by the names of a network.

    Attributes:
        weights: those that the network uses.
        missing: names that the network needs and the file lacks.
        unexpected: names in the file that are neither the network's nor recognized.
        notes: what was changed, one line each.
        normalization: found among the weights.
    """

    weights: dict[str, Tensor]
    missing: frozenset[str] = frozenset()
    unexpected: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    normalization: Normalization | None = None


@dataclass(frozen=True)
class Asked:
    """What is known about the network whose weights are wanted.

    Attributes:
        expected: its own tensors, for their names and shapes.
        channels: of an image.
        unused: prefixes of names that the architecture's own code creates but never uses.
        ordered: whether its layers follow each other without branches.
        source: what the weights are, for messages.
        peek: whether to compare only names and shapes, without reading numbers.
    """

    expected: Mapping[str, Tensor]
    channels: int = 3
    unused: tuple[str, ...] = ()
    ordered: bool = False
    source: str = "it"
    peek: bool = False

    @property
    def required(self) -> set[str]:
        """Names that must be present."""
        return {name for name in self.expected if name.rpartition(".")[2] != COUNTER}


def arrange(weights: Mapping[str, Tensor], asked: Asked) -> Arrangement:
    """Find a network's weights among named tensors.

    Args:
        weights: by name, as stored in a file.
        asked: the network.

    Returns:
        What was found, with ``missing`` or ``unexpected`` names if it does not fit.

    Raises:
        InputError: they are adapters, or several networks or normalizations that differ.
    """
    required = asked.required
    if required <= weights.keys() <= asked.expected.keys():
        return Arrangement(dict(weights))
    _refuse_adapters(weights, required, asked.source)
    plain, wrappers = without_wrappers(weights, asked.expected)
    stripped = [f"{each}." for each in wrappers]
    found = prefixes(plain, required)
    if found:
        return _within(plain, {name: name for name in asked.expected}, found, stripped, asked)
    ours, theirs = by_common_names(asked.expected), by_common_names(plain)
    if ours is not None and theirs is not None:
        common = {key: plain[name] for key, name in theirs.items()}
        names = {name: key for key, name in ours.items()}
        found = prefixes(common, {names[name] for name in required})
        if found:
            return _within(common, names, found, stripped, asked, theirs)
    if asked.ordered and (placed := _placed(plain, stripped, asked)) is not None:
        return placed
    return _unfit(plain, required, asked)


def _within(
    values: Mapping[str, Tensor],
    names: Mapping[str, str],
    found: list[str],
    stripped: list[str],
    asked: Asked,
    theirs: Mapping[str, str] | None = None,
) -> Arrangement:
    """The network under one of several prefixes, with the other tensors interpreted.

    Args:
        values: the file's tensors, by common names if ``theirs`` is given.
        names: their names for the network's own tensors.
        found: prefixes under which the whole network is present.
        stripped: what was already removed from the names.
        asked: the network.
        theirs: names in the file by common names.
    """
    prefix, copies = _one_of(found, values, names, asked)
    own = {name: values[prefix + key] for name, key in names.items() if prefix + key in values}
    taken = {head + key for head in (prefix, *copies) for key in names.values()}
    others = {name: value for name, value in values.items() if name not in taken}
    head = prefix
    if theirs is not None:  # the actual names in the file
        others = {theirs[name]: value for name, value in others.items()}
        some = next(key for key in names.values() if prefix + key in values)
        head = ".".join(theirs[prefix + some].split(".")[: prefix.count(".")]) + "." * bool(prefix)
    notes = []
    if stripped or head:
        listed = ", ".join(label(each) for each in (*stripped, head) if each)
        notes.append(f"stripped {listed} from the names in its file")
    if theirs is not None:
        pairs = {
            theirs[prefix + key].removeprefix(head): name
            for name, key in names.items()
            if prefix + key in values
        }
        parts = renamed_parts(pairs)
        notes.append("read " + ", ".join(f"{label(a)} as {label(b)}" for a, b in parts))
    if copies:
        listed = ", ".join(label(each) for each in copies)
        notes.append(f"left out a second copy of the same weights, {listed}")
    return _understood(own, others, prefix, notes, asked)


def _understood(
    own: dict[str, Tensor],
    others: Mapping[str, Tensor],
    prefix: str,
    notes: list[str],
    asked: Asked,
) -> Arrangement:
    """An arrangement, with the tensors that are not the network's sorted by kind."""
    means = {k: v for k, v in others.items() if is_normalizer(k, v, asked.channels)}
    rest = others.keys() - means.keys()
    extra = {k for k in rest if is_extra(k.removeprefix(prefix), unused=asked.unused)}
    normalization = None
    if means and not asked.peek:
        normalization = normalization_of(means, asked.source)
    if normalization is not None:
        listed = ", ".join(label(each) for each in normalization.names[:_LISTED])
        notes.append(f"found its normalization in {listed}: {normalization}")
    if extra:
        names = [label(each) for each in sorted(extra)]
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        notes.append(f"left out {', '.join(names[:_LISTED])}{more}: no prediction depends on it")
    return Arrangement(
        own,
        unexpected=frozenset(rest - extra),
        notes=tuple(notes),
        normalization=normalization,
    )


def _one_of(
    found: list[str],
    values: Mapping[str, Tensor],
    names: Mapping[str, str],
    asked: Asked,
) -> tuple[str, list[str]]:
    """The prefix of the network to use, and those of equal copies of it."""
    fitting = [
        prefix
        for prefix in found
        if all(
            asked.expected[name].shape == values[prefix + key].shape
            for name, key in names.items()
            if prefix + key in values
        )
    ] or found[:1]
    first, others = fitting[0], fitting[1:]
    if not asked.peek:
        for other in others:
            apart = [
                key
                for key in names.values()
                if not key.endswith(COUNTER)
                and not torch.equal(values[first + key], values[other + key])
            ]
            if apart:
                listed = ", ".join(label(each or "(no prefix)") for each in fitting[:_LISTED])
                raise InputError(
                    f"{asked.source} holds several networks that fit, with different weights "
                    f"({listed}); save the one that is meant alone"
                )
    return first, others


def _placed(plain: Mapping[str, Tensor], stripped: list[str], asked: Asked) -> Arrangement | None:
    """The network's layers matched in the order of the file, whatever their names."""
    others = {
        name: value
        for name, value in plain.items()
        if is_normalizer(name, value, asked.channels) or is_extra(name, unused=asked.unused)
    }
    layers = {name: value for name, value in plain.items() if name not in others}
    order = in_order(layers, asked.expected)
    if order is None:
        return None
    own = {ours: layers[theirs] for theirs, ours in order.items()}
    notes = [f"stripped {', '.join(stripped)} from the names in its file"] if stripped else []
    parents = dict.fromkeys(
        (theirs.rpartition(".")[0], ours.rpartition(".")[0]) for theirs, ours in order.items()
    )
    pairs = sorted(parents, key=lambda pair: list(asked.expected).index(_some(asked, pair[1])))
    shown_pairs = ", ".join(f"{label(a)} as {label(b)}" for a, b in pairs[:_LISTED])
    more = f" and {len(pairs) - _LISTED} more" if len(pairs) > _LISTED else ""
    notes.append(f"took its layers in their order: {shown_pairs}{more}")
    return _understood(own, others, "", notes, asked)


def _some(asked: Asked, parent: str) -> str:
    return next(name for name in asked.expected if name.rpartition(".")[0] == parent)


def _unfit(plain: Mapping[str, Tensor], required: set[str], asked: Asked) -> Arrangement:
    """The missing and unexpected names, without the prefix of most names."""
    prefix = nearest_prefix(plain, required)
    names = {name.removeprefix(prefix) for name in plain}
    others = {
        name.removeprefix(prefix)
        for name, value in plain.items()
        if is_normalizer(name, value, asked.channels)
        or is_extra(name.removeprefix(prefix), unused=asked.unused)
    }
    unexpected = names - asked.expected.keys() - others
    return Arrangement({}, frozenset(required - names), frozenset(unexpected))


def _refuse_adapters(weights: Mapping[str, Tensor], required: set[str], source: str) -> None:
    for name in weights:
        if any(each in name for each in ADAPTERS) and name not in required:
            raise InputError(
                f"{source} holds adapters of PEFT ({shown(name)}); call merge_and_unload() on the "
                "model and save its state_dict()"
            )
