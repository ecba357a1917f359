"""The file of a counterexample: safetensors, with its threat as JSON in the metadata.

The tensors are ``indices``, int64 (K,); ``images``, float32 (K, C, H, W); and
``delta.<parameter>``, float32, what is added to that parameter. The metadata have one entry,
``counterexample``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from benchmark.attacks.result import AttackResult
from benchmark.counterexamples.counterexample import Claimed, Counterexample
from benchmark.probes.backdoor.settings import AnyTrigger
from benchmark.threats import BackdoorThreat, InputThreat, JointThreat
from benchmark.triggers import TokenTrigger
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.display import shown
from models_zoo.errors import InputError, first_problem

MAX_BYTES = 2**30
"""Largest file that is read. Ten thousand images of CIFAR-10 have an eighth of that."""

MAX_DESCRIPTION = 10_000
"""Maximum number of characters of the threat as JSON."""

_KEY, _INDICES, _IMAGES, _DELTA = "counterexample", "indices", "images", "delta."

_TYPES = {_INDICES: ("I64",), _IMAGES: ("F32",)}


_ClaimedTrigger = Annotated[AnyTrigger | TokenTrigger, Field(discriminator="kind")]
"""The triggers of images and of texts."""


class _Description(BaseModel):
    """What the metadata say; see :class:`Counterexample` for the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threat: Annotated[Claimed, Field(discriminator="kind")]
    trigger: _ClaimedTrigger | None = None
    target: Annotated[int, Field(ge=0)] | None = None
    fingerprint: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    data_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


def read_counterexample(path: Path, limit: int = MAX_BYTES) -> Counterexample:
    """Read a counterexample; nothing in the file is executed, and nothing is believed.

    Args:
        path: the file.
        limit: largest number of bytes.

    Raises:
        InputError: it cannot be read, or is not a counterexample.
    """
    what = f"counterexample {shown(path)}"
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"cannot read {what}: {error.strerror}") from error
    if size > limit:
        raise InputError(f"{what} has {size:,} bytes, more than the limit of {limit:,}")
    try:
        with safe_open(path, "pt") as file:
            description = _described(what, file.metadata() or {})
            tensors = {name: _tensor(what, file, name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{what} is not a safetensors file, or is damaged") from error
    indices, images = tensors.pop(_INDICES, None), tensors.pop(_IMAGES, None)
    return Counterexample(
        threat=description.threat,
        indices=indices,
        images=images,
        delta={name.removeprefix(_DELTA): tensor for name, tensor in tensors.items()},
        trigger=description.trigger,
        target=description.target,
        fingerprint=description.fingerprint,
        data_sha256=description.data_sha256,
    )


def _described(what: str, metadata: dict[str, str]) -> _Description:
    text = metadata.get(_KEY)
    if text is None:
        raise InputError(
            f"{what} does not say what it is about: its metadata need the entry {_KEY!r}; "
            "benchmark.counterexamples.write_counterexample writes it"
        )
    if len(text) > MAX_DESCRIPTION:
        raise InputError(f"{what} has a description of {len(text):,} characters")
    try:
        return _Description.model_validate(json.loads(text))
    except ValidationError as error:
        where, reason, given = first_problem(error)
        raise InputError(f"{what}: {where}: {reason}, got {shown(given)}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} has a description that is not JSON") from error


def _tensor(what: str, file: safe_open, name: str) -> Tensor:
    """One tensor, after its type was checked."""
    types = _TYPES.get(name) or (("F32",) if name.startswith(_DELTA) else ())
    if not types:
        raise InputError(
            f"{what} has a tensor {shown(name)}; its tensors are {_INDICES}, {_IMAGES} and "
            f"{_DELTA}<parameter>"
        )
    found = file.get_slice(name).get_dtype()  # type: ignore[no-untyped-call]
    if found not in types:
        raise InputError(f"{what}: {shown(name)} has the type {shown(found)}, not {types[0]}")
    tensor: Tensor = file.get_tensor(name)  # type: ignore[no-untyped-call]
    return tensor


def counterexample_of(
    result: AttackResult,
    clean: Tensor,
    weights: dict[str, Tensor] | None = None,
    *,
    fingerprint: str = "",
    data_sha256: str = "",
) -> Counterexample:
    """The counterexample that an attack of this suite has found.

    Args:
        result: of an attack on images, weights or both.
        clean: the evaluation images (N, C, H, W) that it was run on.
        weights: the model's own parameters by name, where the attack moved them.
        fingerprint: of the model.
        data_sha256: of the examples.

    Raises:
        InputError: the attack is not one on images, weights or both.
    """
    threat = result.threat
    if not isinstance(threat, Claimed) or isinstance(threat, BackdoorThreat):
        raise InputError(f"an attack within {threat.label} gives no counterexample")
    indices = images = None
    if isinstance(threat, InputThreat | JointThreat):
        moved = (result.images != clean).flatten(1).any(1)
        indices = (~result.robust & moved).nonzero().squeeze(1).cpu()
        images = result.images[indices].cpu()
    own = weights or {}
    delta = {name: (tensor - own[name]).cpu() for name, tensor in result.weights.items()}
    return Counterexample(
        threat, indices, images, delta, fingerprint=fingerprint, data_sha256=data_sha256
    )


def write_counterexample(path: str | Path, example: Counterexample) -> None:
    """Write a counterexample, for others to verify.

    Args:
        path: a ``.safetensors`` file; replaced if it exists.
        example: the counterexample.

    Raises:
        InputError: it cannot be written.
    """
    tensors = {f"{_DELTA}{name}": tensor for name, tensor in example.delta.items()}
    if example.indices is not None and example.images is not None:
        tensors |= {_INDICES: example.indices, _IMAGES: example.images}
    described = _Description(
        threat=example.threat,
        trigger=example.trigger,
        target=example.target,
        fingerprint=example.fingerprint,
        data_sha256=example.data_sha256,
    )
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    for name, tensor in plain.items():
        plain[name] = tensor.long() if name == _INDICES else tensor.to(torch.float32)
    write_bytes(Path(path), save(plain, {_KEY: described.model_dump_json()}))
