"""The process-wide modes of PyTorch: set for the suite's computations, restored afterwards.

A caller's ``torch.no_grad()``, default type, autocast or TensorFloat-32 must not change a score,
and a score must not change them. All public functions run inside :func:`fixed_modes`.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.utils import parametrize

from models_zoo.errors import InputError, reason_of
from models_zoo.float32_precision import full_float32

_AUTOCAST = {"cpu": torch.bfloat16, "cuda": torch.float16}
"""Device types for which autocast is disabled, with PyTorch's default type of a model's own
autocast."""

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
    algorithms (deterministic, cuDNN, oneDNN, NNPACK, attention, einsum), precision of products and
    the state of all global random generators are restored afterwards, also after an error or an
    interrupt. Compiled models run eagerly, and parametrized weights are computed again in each
    pass. Can be used as a decorator.

    cuDNN takes deterministic algorithms, because the others give other gradients in each run, and
    does not time them (``benchmark``), because which one is fastest differs between runs, and every
    new batch size would be timed. ``torch.use_deterministic_algorithms`` is off, because it raises
    an error for operations that have no deterministic algorithm.

    Most of these modes are shared by all threads. Other threads that call the suite wait; those
    that compute something else meanwhile see its modes, so do not use PyTorch in another thread
    during an evaluation.

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
        undo.enter_context(_flags_unfrozen())
        undo.enter_context(torch.inference_mode(False))
        undo.enter_context(torch.set_grad_enabled(True))
        if torch.get_default_device().type != "cpu":
            undo.enter_context(torch.device("cpu"))
        for read, write, value in _switches():
            _switch(undo, read, write, value)
        undo.enter_context(full_float32())
        if "torch._dynamo" in sys.modules:  # this import takes seconds
            undo.enter_context(torch.compiler.set_stance("force_eager"))
        _require_usual_arithmetic()
        _keep_generators(undo)
        yield


def _flags_unfrozen() -> AbstractContextManager[None]:
    """Allow changes after ``torch.backends.disable_global_flags()``, as in PyTorch's own tests."""
    unfrozen: AbstractContextManager[None] = getattr(
        torch.backends, "__allow_nonbracketed_mutation"
    )()
    return unfrozen


def _switch(
    undo: ExitStack, read: Callable[[], Any], write: Callable[[Any], Any], value: Any
) -> None:
    undo.callback(write, read())
    write(value)


def _switches() -> Iterator[tuple[Callable[[], Any], Callable[[Any], Any], Any]]:
    """Getter, setter and our value of every process-wide setting that can change a number."""
    yield torch.get_default_dtype, torch.set_default_dtype, torch.float32
    for kind, dtype in _AUTOCAST.items():
        enable = partial(torch.set_autocast_enabled, kind)
        yield partial(torch.is_autocast_enabled, kind), enable, False
        choose = partial(torch.set_autocast_dtype, kind)
        yield partial(torch.get_autocast_dtype, kind), choose, dtype
    yield torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled, True
    yield _autocast_depth, _set_autocast_depth, 0
    yield _deterministic, _set_deterministic, (False, False)
    yield _attribute(parametrize, "_cache_enabled", 0)
    yield _anomaly, lambda state: torch.autograd.set_detect_anomaly(*state), (False, True)
    yield _flushes_denormals, torch.set_flush_denormal, False
    for owner, name, value in (
        (torch.backends.cudnn, "enabled", True),
        (torch.backends.cudnn, "benchmark", False),
        (torch.backends.cudnn, "deterministic", True),
        (torch.backends.mkldnn, "enabled", True),
        (torch.backends.cudnn, "depthwise_kernel", "auto"),
        (torch.backends.cuda.matmul, "allow_fp16_accumulation", False),
        (torch.backends.opt_einsum, "enabled", torch.backends.opt_einsum.is_available()),
        (torch.backends.opt_einsum, "strategy", "auto"),
    ):
        if getattr(owner, name, None) is not None:  # some are of newer versions only
            yield _attribute(owner, name, value)
    for kind in ("fp16", "bf16"):
        yield _reductions(kind)
    yield torch._C._get_nnpack_enabled, torch._C._set_nnpack_enabled, True
    mha = torch.backends.mha
    yield mha.get_fastpath_enabled, mha.set_fastpath_enabled, True
    cuda = torch.backends.cuda
    yield cuda.flash_sdp_enabled, cuda.enable_flash_sdp, True
    yield cuda.mem_efficient_sdp_enabled, cuda.enable_mem_efficient_sdp, True
    yield cuda.math_sdp_enabled, cuda.enable_math_sdp, True
    yield cuda.cudnn_sdp_enabled, cuda.enable_cudnn_sdp, True
    allow = cuda.allow_fp16_bf16_reduction_math_sdp
    yield cuda.fp16_bf16_reduction_math_sdp_allowed, allow, False


def _attribute(
    owner: Any, name: str, value: Any
) -> tuple[Callable[[], Any], Callable[[Any], Any], Any]:
    return (lambda: getattr(owner, name)), (lambda given: setattr(owner, name, given)), value


def _reductions(kind: str) -> tuple[Callable[[], Any], Callable[[Any], Any], Any]:
    """Whether products of half-precision numbers may be summed in half precision, as by default.

    Newer versions have a second flag, which writing the first alone sets.
    """
    matmul, name = torch.backends.cuda.matmul, f"allow_{kind}_reduced_precision_reduction"
    names = [name, *([f"{name}_split_k"] if hasattr(matmul, f"{name}_split_k") else [])]
    write = partial(setattr, matmul, name)
    if len(names) == 1:
        return partial(getattr, matmul, name), write, True
    return (lambda: [getattr(matmul, each) for each in names]), write, [True, True]


def _anomaly() -> tuple[bool, bool]:
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


def _autocast_depth() -> int:
    """How many autocast contexts are open; only the outermost clears the cache of casts."""
    torch.autocast_increment_nesting()
    return torch.autocast_decrement_nesting()


def _set_autocast_depth(depth: int) -> None:
    torch.clear_autocast_cache()
    for _ in range(_autocast_depth(), depth):
        torch.autocast_increment_nesting()
    for _ in range(depth, _autocast_depth()):
        torch.autocast_decrement_nesting()


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
