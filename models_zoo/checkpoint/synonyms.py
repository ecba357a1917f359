"""Other names for the same layers: ``fc`` for ``linear``, ``downsample`` for ``shortcut``."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from torch import Tensor

_HEADS = frozenset(
    ("linear", "fc", "classifier", "head", "last_linear", "output", "out", "logits", "final")
)
_SHORTCUTS = frozenset(("shortcut", "downsample", "skip", "residual", "identity_downsample"))
_NORM = re.compile(r"(?:bn|norm|batch_?norm)_?(\d*)")
_CONV = re.compile(r"conv_?(\d+)")


def common_name(name: str) -> str:
    """The name of a weight, with each layer named as in this package.

    Only layers with the same role at the same place are considered the same: the last linear layer,
    the projections of shortcuts, numbered batch norm and convolutions.
    """
    parts = name.split(".")
    for index, part in enumerate(parts[:-1]):
        if index == len(parts) - 2 and part in _HEADS:
            parts[index] = "linear"
        elif part in _SHORTCUTS:
            parts[index] = "shortcut"
        elif found := _NORM.fullmatch(part):
            parts[index] = f"bn{found[1]}"
        elif found := _CONV.fullmatch(part):
            parts[index] = f"conv{found[1]}"
    return ".".join(parts)


def by_common_names(names: Collection[str]) -> dict[str, str] | None:
    """Names by their :func:`common_name`; ``None`` if two have the same."""
    common = {common_name(name): name for name in names}
    return common if len(common) == len(names) else None


def renamed_parts(pairs: Mapping[str, str]) -> list[tuple[str, str]]:
    """The words that were replaced, and by which: ``[("fc", "linear")]``.

    Args:
        pairs: names in a file and the names in the network, with the same number of parts.
    """
    found = {
        (theirs, ours)
        for name, own in pairs.items()
        for theirs, ours in zip(name.split("."), own.split("."), strict=False)
        if theirs != ours
    }
    return sorted(found)


def in_order(
    weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> dict[str, str] | None:
    """Match the weights of layers without branches by their order and shapes.

    Args:
        weights: by name, all of them layers of the network.
        expected: the network's own, in the order of its layers.

    Returns:
        Names in the network by names of the weights; ``None`` if the weights do not fit, or fit in
        more than one way.
    """
    wanted, names = _layers(expected), _layers(weights)
    orders = (sorted(names, key=_natural), list(names))
    found: list[dict[str, str]] = []
    for order in orders:
        pairs: dict[str, str] = {}
        for kind in ("conv", "linear", "norm"):
            ours = [each for each in wanted if wanted[each] == kind]
            theirs = [each for each in order if names[each] == kind]
            if len(ours) != len(theirs):
                return None
            pairs |= dict(zip(theirs, ours, strict=True))
        renamed = _renamed(pairs, weights, expected)
        if renamed is not None and renamed not in found:
            found.append(renamed)
    return found[0] if len(found) == 1 else None


def _layers(weights: Mapping[str, Tensor]) -> dict[str, str]:
    """The kind of layer of each name's parent, in the order of the names."""
    kinds: dict[str, str] = {}
    for name in weights:
        parent, _, last = name.rpartition(".")
        kinds.setdefault(parent, "norm")
        if last == "weight" and weights[name].ndim in (2, 4):
            kinds[parent] = "linear" if weights[name].ndim == 2 else "conv"
    return kinds


def _renamed(
    pairs: Mapping[str, str], weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> dict[str, str] | None:
    renamed = {}
    for name, value in weights.items():
        parent, _, last = name.rpartition(".")
        ours = f"{pairs[parent]}.{last}"
        if ours not in expected or expected[ours].shape != value.shape:
            return None
        renamed[name] = ours
    needed = [name for name in expected if not name.endswith("num_batches_tracked")]
    return renamed if set(needed) <= set(renamed.values()) else None


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts ``conv10`` after ``conv9``."""
    pieces = re.findall(r"\d{1,9}|\D+|\d+", name)
    return [
        (0, int(each), "") if each.isdecimal() and len(each) < 10 else (1, 0, each)
        for each in pieces
    ]
