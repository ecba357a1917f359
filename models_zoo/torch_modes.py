"""The process-wide modes of PyTorch: set for the suite's computations, restored afterwards.

A caller's ``torch.no_grad()``, default type, autocast or TensorFloat-32 must not change a score,
and a score must not change them. All public functions run inside :func:`fixed_modes`.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.utils import parametrize

from models_zoo.errors import InputError, reason_of

_DEVICES = ("cpu", "cuda")
"""Device types for which autocast is disabled."""

_SMALL = 1e-310
"""A denormal of float64, which is zero if denormals are flushed."""

_ROUNDING = 1e-6
"""Tolerance for a float32 product of numbers below 1."""

_ONE_AT_A_TIME = threading.RLock()
"""Held while computing: most modes, the global generators and a model's flags are shared by all
threads."""


@contextmanager
def fixed_modes() -> Iterator[None]:
    """Compute with gradients, in float32, without autocast or TensorFloat-32; then restore.

    Gradient and inference mode, autocast, default dtype and device, anomaly detection, choice of
    algorithms (deterministic, cuDNN, oneDNN, attention, einsum), precision of float32 products and
    the state of all global random generators are restored afterwards. Compiled models run eagerly,
    parametrized weights are computed again in each pass, and other threads wait. Can be used as a
    decorator.

    Raises:
        InputError: called where PyTorch does not compute as usual, such as in a transform of
            ``torch.func`` or under ``FakeTensorMode``.
    """
    if torch._C._functorch.peek_interpreter_stack() is not None:
        raise InputError(
            "called inside a transform of torch.func, such as grad or vmap, where models cannot be "
            "attacked; call it outside of the transformed function"
        )
    with _ONE_AT_A_TIME, ExitStack() as undo:
        undo.enter_context(torch.inference_mode(False))
        undo.enter_context(torch.set_grad_enabled(True))
        if torch.get_default_device().type != "cpu":
            undo.enter_context(torch.device("cpu"))
        for read, write, value in _switches():
            _switch(undo, read, write, value)
        if "torch._dynamo" in sys.modules:  # this import takes seconds
            undo.enter_context(torch.compiler.set_stance("force_eager"))
        _require_usual_arithmetic()
        _keep_generators(undo)
        yield


def _switch(
    undo: ExitStack, read: Callable[[], Any], write: Callable[[Any], Any], value: Any
) -> None:
    undo.callback(write, read())
    write(value)


def _switches() -> Iterator[tuple[Callable[[], Any], Callable[[Any], Any], Any]]:
    """Getter, setter and our value of every process-wide setting that can change a number."""
    yield torch.get_default_dtype, torch.set_default_dtype, torch.float32
    for kind in _DEVICES:
        write = partial(torch.set_autocast_enabled, kind)
        yield partial(torch.is_autocast_enabled, kind), write, False
    yield _deterministic, _set_deterministic, (False, False)
    yield _attribute(parametrize, "_cache_enabled", 0)
    yield torch.is_anomaly_enabled, lambda on: torch.autograd.set_detect_anomaly(on), False
    yield _flushes_denormals, torch.set_flush_denormal, False
    yield from _precisions()
    for owner, name, value in (
        (torch.backends.cudnn, "enabled", True),
        (torch.backends.cudnn, "benchmark", False),
        (torch.backends.cudnn, "deterministic", True),
        (torch.backends.mkldnn, "enabled", True),
        (torch.backends.opt_einsum, "enabled", torch.backends.opt_einsum.is_available()),
    ):
        yield _attribute(owner, name, value)
    mha = torch.backends.mha
    yield mha.get_fastpath_enabled, mha.set_fastpath_enabled, True
    cuda = torch.backends.cuda
    yield cuda.flash_sdp_enabled, cuda.enable_flash_sdp, True
    yield cuda.mem_efficient_sdp_enabled, cuda.enable_mem_efficient_sdp, True
    yield cuda.math_sdp_enabled, cuda.enable_math_sdp, True
    yield cuda.cudnn_sdp_enabled, cuda.enable_cudnn_sdp, True


def _precisions() -> Iterator[tuple[Callable[[], Any], Callable[[Any], Any], Any]]:
    """The precision of float32 products; newer versions do not allow old and new names together."""
    backends: Any = torch.backends
    if hasattr(backends.cuda.matmul, "fp32_precision"):
        for owner in (
            backends.cuda.matmul,
            backends.cudnn.conv,
            backends.cudnn.rnn,
            backends.mkldnn.matmul,
            backends.mkldnn.conv,
            backends.mkldnn.rnn,
        ):
            yield _attribute(owner, "fp32_precision", "ieee")
    else:
        yield _attribute(backends.cudnn, "allow_tf32", False)
    # Last, and so restored first: the old name also writes to some of the new ones.
    yield torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"


def _attribute(
    owner: Any, name: str, value: Any
) -> tuple[Callable[[], Any], Callable[[Any], Any], Any]:
    return (lambda: getattr(owner, name)), (lambda given: setattr(owner, name, given)), value


def _deterministic() -> tuple[bool, bool]:
    """Whether deterministic algorithms are demanded, and whether others only raise a warning."""
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _set_deterministic(state: tuple[bool, bool]) -> None:
    """Set what :func:`_deterministic` returns, where it differs.

    Newer versions of PyTorch import their compiler to set it, which takes seconds.
    """
    if state != _deterministic():
        torch.use_deterministic_algorithms(state[0], warn_only=state[1])


def _flushes_denormals() -> bool:
    return float(torch.tensor(_SMALL, dtype=torch.float64) * 1.0) == 0.0


def _require_usual_arithmetic() -> None:
    """Raise an error if a mode or a hook of the caller changes values or gradients.

    Compares one product and its derivative, of numbers that rounding to fewer digits would change.
    """
    try:
        pixel = torch.full((1, 1), 1 / 3, requires_grad=True)
        product = F.linear(pixel, torch.full((1, 1), 3 / 7))
        (gradient,) = torch.autograd.grad(product.square().sum(), pixel)
        wrong = abs(float(product.detach()) - 1 / 7) + abs(float(gradient) - 6 / 49)
        reason = f"a product and its gradient are off by {wrong:.2g}"
    except Exception as error:  # from modes that compute no values at all
        wrong, reason = 1.0, reason_of(error)
    if not wrong < _ROUNDING:
        raise InputError(
            "called under a mode or hook that changes what PyTorch computes, such as "
            f"FakeTensorMode or saved_tensors_hooks that lose digits ({reason}); call it outside"
        )


def _keep_generators(undo: ExitStack) -> None:
    """Restore the global generators, which a model may draw from or seed."""
    undo.callback(random.setstate, random.getstate())
    undo.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
    undo.callback(torch.set_rng_state, torch.get_rng_state())
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        undo.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
