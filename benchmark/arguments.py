"""What the library's functions accept: images, labels, norms and budgets as callers write them.

What is unambiguous is accepted, such as a NumPy array or ``"8/255"``; what is probably a mistake is
refused with a hint, before anything is computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmark.budgets import Budget
from models_zoo.errors import InputError, reason_of, shown

Array = Tensor | np.ndarray[Any, Any] | Sequence[Any]
"""A tensor, or what can be converted to one without ambiguity: a NumPy array, a list of numbers."""

Number = float | int | str | Fraction | Decimal | Tensor
"""A budget: a number, a fraction such as ``"8/255"``, or a tensor of one element."""

MAX_ROUNDING_EXCESS = 1e-6
"""Largest distance from [0, 1] at which a value is clipped instead of refused: the rounding of a
transform."""

CHANNELS = (1, 3, 4)
"""Usual numbers of channels, by which a wrong order of dimensions is recognized."""

_NORMS = {
    **dict.fromkeys(("linf", "inf", "infinity", "l-inf", "l_inf", "l∞"), "linf"),
    **dict.fromkeys(("l2", "2", "2.0", "l_2", "l-2", "euclidean"), "l2"),
    **dict.fromkeys(("l1", "1", "1.0", "l_1", "l-1"), "l1"),
}
"""Names of norms by what callers write, in lower case."""


def images_of(images: Array) -> Tensor:
    """Copy images to contiguous float32 (N, C, H, W), without a gradient.

    Args:
        images: floating-point (N, C, H, W) in [0, 1]; values outside by at most
            :data:`MAX_ROUNDING_EXCESS` are clipped.

    Raises:
        InputError: another shape or type, values outside [0, 1] or not finite, or no images.
    """
    given = _tensor("images", images)
    if given.layout != torch.strided or given.is_complex() or given.is_quantized:
        raise InputError("images must be a dense tensor of real numbers, float (N, C, H, W)")
    if given.ndim != 4 or not given.is_floating_point():
        raise InputError(
            f"images must be float (N, C, H, W), got {given.dtype} {tuple(given.shape)}"
            f"{_hint(given)}"
        )
    if len(given) == 0:
        raise InputError("there are no examples to evaluate; give at least one image")
    if given.numel() == 0:
        raise InputError(f"images must have pixels, got shape {tuple(given.shape)}")
    own = given.detach().to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    low, high = float(own.min()), float(own.max())
    if not (low >= -MAX_ROUNDING_EXCESS and high <= 1 + MAX_ROUNDING_EXCESS):
        advice = "; divide by 255" if 1.5 < high <= 255 and low >= 0 else ""
        if -10 < low < -MAX_ROUNDING_EXCESS and high < 10:
            advice = "; pass images before normalization: the model contains its own"
        raise InputError(
            f"images must lie in [0, 1], got values from {_exactly(low)} to {_exactly(high)}"
            f"{advice}"
        )
    return own.clamp_(0, 1)


def tokens_of(ids: Array) -> Tensor | None:
    """Copy token ids to contiguous int64 (N, L); ``None`` if these are not whole numbers (N, L).

    Args:
        ids: integers (N, L).

    Raises:
        InputError: they are negative, or there are none.
    """
    given = _tensor("token ids", ids)
    whole = not (given.is_floating_point() or given.is_complex() or given.is_quantized)
    if given.ndim != 2 or not whole or given.dtype == torch.bool:
        return None
    if given.numel() == 0:
        raise InputError(f"there are no token ids to evaluate, got shape {tuple(given.shape)}")
    own = given.detach().to(torch.int64, copy=True, memory_format=torch.contiguous_format)
    if int(own.min()) < 0:
        raise InputError(f"token ids must be at least 0, got {int(own.min())}")
    return own


def labels_of(labels: Array, count: int) -> Tensor:
    """Copy labels to int64 (N,).

    Args:
        labels: integers (N,).
        count: N.

    Raises:
        InputError: another shape or type.
    """
    given = _tensor("labels", labels)
    whole = not (given.is_floating_point() or given.is_complex() or given.dtype == torch.bool)
    if given.shape != (count,) or not whole:
        hint = ""
        if given.shape == (count, 1):
            hint = "; use labels.squeeze(1)"
        elif given.ndim == 2 and len(given) == count:
            hint = "; use labels.argmax(1) if they are one-hot"
        elif given.shape == (count,) and given.is_floating_point():
            hint = "; use labels.long()"
        raise InputError(
            f"labels must be int ({count},), got {given.dtype} {tuple(given.shape)}{hint}"
        )
    return given.detach().to(torch.int64, copy=True).contiguous()


def norm_of(norm: object) -> str:
    """The name of a norm as the suite writes it, from ``2``, ``np.inf``, ``"Linf"`` and the like.

    An unknown text is returned unchanged; :class:`benchmark.spaces.InputBall` lists the norms.

    Raises:
        InputError: it is neither a text nor a number.
    """
    if isinstance(norm, bool) or not isinstance(norm, str | int | float | np.number):
        raise InputError(f"norm must be 'linf', 'l2' or 'l1', got {norm!r}")
    text = str(norm).strip().lower()
    return _NORMS.get(text, text if not isinstance(norm, str) else norm)


def budget_of(name: str, value: Number) -> Budget:
    """A radius as a number that remembers its text.

    Args:
        name: of the argument, for messages.
        value: a number, a fraction as text such as ``"8/255"``, or a tensor of one element.

    Raises:
        InputError: not a number, not finite, or negative.
    """
    number: object = value
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 0:
        number = _item(name, value)
    elif isinstance(value, Fraction | Decimal):
        number = _float(value)
    elif isinstance(value, str):
        try:
            number = Budget.of(value)
        except ValueError:
            number = None
    if isinstance(number, np.number):
        number = number.item()
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InputError(
            f"{name} must be a number or a fraction such as '8/255', the same for all images, got "
            f"{shown(value)}"
        )
    if not 0 <= number < math.inf:
        raise InputError(f"{name} must be a finite number of at least 0, got {number}")
    return number if isinstance(number, Budget) else Budget(number)


def input_budget_of(value: Number, norm: str, images: Tensor, name: str = "eps") -> Budget:
    """The radius of an input ball, in input units.

    Args:
        value: as :func:`budget_of`.
        norm: as :func:`norm_of` gives it.
        images: (N, C, H, W), whose box bounds what a radius can mean.
        name: of the argument, for messages.

    Raises:
        InputError: as :func:`budget_of`, or the ball of this radius contains the whole box [0, 1].
    """
    eps = budget_of(name, value)
    pixels = images[0].numel()
    widest = {"linf": 1.0, "l2": math.sqrt(pixels), "l1": float(pixels)}.get(norm, math.inf)
    if eps > widest:
        text = f"{eps:g}"
        hint = f"; did you mean {text}/255?" if norm == "linf" or eps <= 255 else ""
        raise InputError(
            f"{name} is in units of images in [0, 1], where the {norm} ball of radius {widest:g} "
            f"holds every image, got {text}{hint}"
        )
    return eps


def count_of(name: str, value: object, least: int = 1) -> int:
    """A whole number of at least ``least``, such as steps or a batch size.

    Raises:
        InputError: anything else.
    """
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 0:
        value = _item(name, value)
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} must be at least {least}, got {shown(value)}")
    return int(value)


def module_of(model: object) -> nn.Module:
    """The model as a module.

    Raises:
        InputError: it is not a module.
    """
    if isinstance(model, nn.Module):
        return model
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise InputError(f"model is the class {model.__name__}; give an instance of it")
    kind = type(model).__name__
    hint = "a function can be wrapped in a module whose forward calls it"
    if isinstance(model, str):
        hint = "nonsingular.load_model makes one of a name or file"
    elif isinstance(model, Mapping):
        hint = "build the network and load the weights with its load_state_dict"
    elif kind == "ExportedProgram":
        hint = "pass the module it was exported from"
    elif isinstance(model, list | tuple):
        hint = "pass one model"
    raise InputError(
        f"model must be a torch.nn.Module from images to logits, got {_a(kind)}; {hint}"
    )


AUTO = "auto"
"""In place of a device: a CUDA GPU if PyTorch finds one, else the CPU."""


def device_of(device: str | torch.device) -> torch.device:
    """Check that a device can be used.

    Args:
        device: such as ``"cpu"`` or ``"cuda"``, or :data:`AUTO`. Other accelerators have to be
            named: not all of them have float64, in which perturbations are measured.

    Raises:
        InputError: it is not a device, not available on this machine, or has no memory.
    """
    if device == AUTO:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise InputError(
            f"device {shown(device)} cannot be used: it is not one of PyTorch's; give 'auto', "
            "'cpu', 'cuda', 'cuda:1' or the name of another accelerator"
        ) from error
    try:
        if found.type == "meta":
            raise InputError("device 'meta' cannot be used: it computes nothing; use 'cpu'")
        torch.empty(1, device=found)
    except InputError:
        raise
    except Exception as error:  # each kind of missing device raises an error of its own
        raise InputError(f"device {shown(device)} cannot be used: {reason_of(error)}") from error
    return found


def _tensor(name: str, given: Array) -> Tensor:
    if isinstance(given, Tensor):
        if given.device.type == "meta":
            raise InputError(f"{name} are on the device 'meta', which holds no values")
        if given.is_nested:
            raise InputError(f"{name} must be one dense tensor, got a nested one")
        return given if type(given) is Tensor else given.as_subclass(Tensor)
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        raise InputError(f"{name} are a masked array; leave out or fill what is masked")
    try:
        if isinstance(given, Dataset | DataLoader):
            raise TypeError("not an array, though some can be indexed like one")
        array = np.array(given, order="C")
        return torch.as_tensor(array.astype(array.dtype.newbyteorder("="), copy=False))
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"{name} must be a tensor or an array of numbers, got {_a(type(given).__name__)}"
            f"{_unpacking(name, given)}"
        ) from error


def _hint(images: Tensor) -> str:
    hints = []
    if images.ndim == 2 and not images.is_floating_point() and images.dtype != torch.bool:
        return "; if these are token ids, only probes that perturb weights alone take them"
    if images.ndim == 3:
        many = ", gray images (N, H, W) images.unsqueeze(1)"
        one = "a single image needs images.unsqueeze(0)"
        hints.append(one if images.shape[0] in CHANNELS else one + many)
    if not images.is_floating_point() and images.dtype != torch.bool and int(images.max()) > 1:
        hints.append("use images.float() / 255")
    return "".join(f"; {hint}" for hint in hints)


def _unpacking(name: str, given: object) -> str:
    """A hint how to get tensors out of a container."""
    if isinstance(given, np.ndarray):
        return f" of {given.dtype}"
    if hasattr(given, "images") and hasattr(given, "labels"):  # such as benchmark.datasets.Dataset
        return "; it has its labels: pass it alone, without labels"
    if isinstance(given, Dataset | DataLoader):
        return "; it gives its labels as well: pass it alone, without labels"
    return ""


def _a(kind: str) -> str:
    return f"an {kind}" if kind[:1] in "AEIOUaeiou" else f"a {kind}"


def _item(name: str, value: Tensor | np.ndarray[Any, Any]) -> object:
    if isinstance(value, Tensor) and value.device.type == "meta":
        raise InputError(f"{name} is on the device 'meta', which holds no values")
    return value.item()


def _float(value: Fraction | Decimal) -> float:
    try:
        return float(value)
    except (OverflowError, ValueError):  # beyond every float, or a signalling NaN
        return math.nan


def _exactly(value: float) -> str:
    """A number as text, never rounded to 0 or 1."""
    short = f"{value:g}"
    return short if float(short) == value or float(short) not in (0.0, 1.0) else repr(value)
