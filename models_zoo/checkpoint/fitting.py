"""Putting named tensors into a network, or saying exactly why they do not fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from models_zoo.errors import InputError

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
        weights: tensors by key, float32 where floating-point.
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
    network.load_state_dict(dict(weights), assign=True)


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
        f"{name} is {_shape(value)}, should be {_shape(expected[name])}"
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
        if value.dtype != expected[name].dtype:
            raise InputError(
                f"{source} stores {name!r} as {value.dtype}, should be {expected[name].dtype}"
            )


def _first(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a scalar"
