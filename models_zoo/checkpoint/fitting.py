"""Putting named tensors into a network, or saying exactly why they do not fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from models_zoo.checkpoint.reading import finished
from models_zoo.display import label
from models_zoo.errors import InputError, shown

WRAPPERS = ("module", "_orig_mod", "model", "net", "network")
"""What ``DataParallel``, ``torch.compile`` and training scripts put in front of every key."""

SHOWN = 3
"""How many offending keys a message names."""


def fit_weights(network: nn.Module, weights: Mapping[str, Tensor], *, source: str) -> None:
    """Give a network these weights, in place of its own.

    A prefix of :data:`WRAPPERS` that every key shares is removed. Batch norm's counter of batches,
    which no prediction depends on, may be missing.

    Args:
        network: may be on the meta device; the given tensors become its own.
        weights: tensors by key, as they are stored; names and shapes are compared before any of
            them is converted to float32.
        source: what the weights are, for messages, such as ``"checkpoint a.pt"``.

    Raises:
        InputError: a key is missing or too many, or a tensor has another shape or type.
    """
    expected = network.state_dict()
    weights = _without_wrappers(weights, expected)
    required = {name for name in expected if not name.endswith("num_batches_tracked")}
    missing, unexpected = required - weights.keys(), weights.keys() - expected.keys()
    if missing or unexpected:
        parts = []
        if missing:
            parts.append(f"lacks {_first(missing)}")
        if unexpected:
            parts.append(f"has unexpected {_first(unexpected)}")
        raise InputError(
            f"{source} does not match the architecture: it {' and '.join(parts)}; "
            "name the architecture it was trained with"
        )
    _check_tensors(expected, weights, source)
    # Only now are numbers copied: there are as many of them as the network has.
    own = {name: finished(value, name, source) for name, value in weights.items()}
    network.load_state_dict(own, assign=True)


def _without_wrappers(
    weights: Mapping[str, Tensor], expected: Collection[str]
) -> Mapping[str, Tensor]:
    for _ in WRAPPERS:
        for wrapper in WRAPPERS:
            prefix = f"{wrapper}."
            wrapped = bool(weights) and all(name.startswith(prefix) for name in weights)
            if wrapped and not any(name.startswith(prefix) for name in expected):
                weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights


def _check_tensors(
    expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], source: str
) -> None:
    wrong = [
        f"{label(name)} is {_shape(value)}, should be {_shape(expected[name])}"
        for name, value in weights.items()
        if value.shape != expected[name].shape
    ]
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise InputError(
            f"{source} does not match the architecture: {'; '.join(wrong[:SHOWN])}{more}; "
            "check the architecture, the number of classes and the input shape"
        )
    for name, value in weights.items():
        floats = value.is_floating_point() and expected[name].dtype == torch.float32
        if not floats and value.dtype != expected[name].dtype:
            raise InputError(
                f"{source} stores {shown(name)} as {value.dtype}, should be {expected[name].dtype}"
            )


def _first(names: Collection[str]) -> str:
    some = ", ".join(label(name) for name in sorted(names)[:SHOWN])
    return f"{some} and {len(names) - SHOWN} more" if len(names) > SHOWN else some


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a scalar"
