"""A model sees the same modes of PyTorch whatever the caller's are, and the caller's are restored.

Many of the modes change numbers on a GPU only. That a model sees the same ones shows without a GPU
that they cannot change a score.
"""

from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import torch
from torch import nn

from benchmark import attack_weights, evaluate
from models_zoo.errors import InputError
from models_zoo.float32_precision import full_float32
from models_zoo.torch_modes import fixed_modes
from tests.benchmark.cheap_battery import battery
from tests.benchmark.cheap_calls import CALLS

BACKENDS: Any = torch.backends
CUDA, CUDNN, MKLDNN, MATMUL = (
    BACKENDS.cuda,
    BACKENDS.cudnn,
    BACKENDS.mkldnn,
    BACKENDS.cuda.matmul,
)
EINSUM = BACKENDS.opt_einsum.is_available()
REDUCTIONS = ("allow_fp16_reduced_precision_reduction", "allow_bf16_reduced_precision_reduction")
PRECISIONS = [
    (backend, operation)
    for backend in ("cuda", "mkldnn")
    for operation in ("matmul", "conv", "rnn", "all")
] + [("generic", "all")]


def _autocast_depth() -> int:
    torch.autocast_increment_nesting()
    return torch.autocast_decrement_nesting()


def state() -> dict[str, Any]:
    """All modes; ``"mixed"`` where PyTorch refuses to say."""
    read = {
        "gradients": torch.is_grad_enabled,
        "inference": torch.is_inference_mode_enabled,
        "autocast": lambda: [torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")],
        "autocast dtype": lambda: [torch.get_autocast_dtype(kind) for kind in ("cpu", "cuda")],
        "autocast cache": torch.is_autocast_cache_enabled,
        "autocast depth": _autocast_depth,
        "dtype": torch.get_default_dtype,
        "device": torch.get_default_device,
        "deterministic": torch.are_deterministic_algorithms_enabled,
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled,
        "anomaly": torch.is_anomaly_enabled,
        "anomaly of NaN": torch.is_anomaly_check_nan_enabled,
        "matmul precision": torch.get_float32_matmul_precision,
        "cuBLAS TF32": lambda: MATMUL.allow_tf32,
        "cuDNN TF32": lambda: CUDNN.allow_tf32,
        "cuDNN": lambda: [
            CUDNN.enabled,
            CUDNN.benchmark,
            CUDNN.deterministic,
            CUDNN.depthwise_kernel,
        ],
        "oneDNN": lambda: MKLDNN.enabled,
        "NNPACK": torch._C._get_nnpack_enabled,
        "reductions": lambda: [
            getattr(MATMUL, f"{name}{part}") for name in REDUCTIONS for part in ("", "_split_k")
        ],
        "accumulation": lambda: MATMUL.allow_fp16_accumulation,
        "attention": lambda: [
            CUDA.flash_sdp_enabled(),
            CUDA.math_sdp_enabled(),
            CUDA.mem_efficient_sdp_enabled(),
            CUDA.cudnn_sdp_enabled(),
            CUDA.fp16_bf16_reduction_math_sdp_allowed(),
            torch.backends.mha.get_fastpath_enabled(),
        ],
        "einsum": lambda: [BACKENDS.opt_einsum.enabled, BACKENDS.opt_einsum.strategy],
        "frozen": BACKENDS.flags_frozen,
    }
    found: dict[str, Any] = {}
    for name, ask in read.items():
        try:
            found[name] = ask()
        except RuntimeError:
            found[name] = "mixed"
    for key in PRECISIONS:
        found[" ".join(key)] = torch._C._get_fp32_precision_getter(*key)
    return found


EXPECTED = {
    "inference": False,
    "autocast": [False, False],
    "autocast dtype": [torch.bfloat16, torch.float16],
    "autocast cache": True,
    "autocast depth": 0,
    "dtype": torch.float32,
    "device": torch.device("cpu"),
    "deterministic": False,
    "anomaly": False,
    "matmul precision": "highest",
    "cuBLAS TF32": False,
    "cuDNN TF32": False,
    "cuDNN": [True, False, True, "auto"],
    "oneDNN": True,
    "NNPACK": True,
    "reductions": [True] * 4,
    "accumulation": False,
    "attention": [True, True, True, True, False, True],
    "einsum": [EINSUM, "auto" if EINSUM else None],
    "frozen": False,
    **dict.fromkeys((" ".join(key) for key in PRECISIONS), "ieee"),
}
"""What a model sees. Gradients are off in passes that need none."""


class Watched(nn.Module):
    """A network with an autocast of its own, which calls one layer twice in it."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.first = nn.Conv2d(2, 4, 3, padding=1)
            self.last = nn.Linear(100, 4)
        self.seen: list[dict[str, Any]] = []

    def forward(self, images):
        self.seen.append(state())
        hidden = self.first(images).relu().flatten(1)
        with torch.autocast("cpu"):
            scores = self.last(hidden) + self.last(0.9 * hidden)
        with torch.backends.cudnn.flags(enabled=False):  # reads and writes most of its flags
            return scores.float()


@pytest.fixture
def model():
    return Watched().eval()


@pytest.fixture(scope="module")
def examples():
    images = torch.rand(4, 2, 5, 5, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return images, Watched().eval()(images).argmax(1)


ANSWERS: dict[str, Callable[..., Any]] = {
    "evaluate": lambda m, x, y: evaluate(m, x, y, battery(), ["clean"]).scores,
    "attack_weights": lambda m, x, y: [
        moved.tolist() for moved in CALLS["attack_weights"](m, x, y).weights.values()
    ],
    "flatness": CALLS["flatness"],
    "attack_inputs": lambda m, x, y: CALLS["attack_inputs"](m, x, y).images.tolist(),
    "minimal_distances": lambda m, x, y: CALLS["minimal_distances"](
        m, x[:2], y[:2]
    ).distances.tolist(),
}
SLOW = ("attack_inputs", "minimal_distances")


@contextmanager
def _written(read, write, value):
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


def _attribute(owner, name, value):
    return lambda: _written(
        lambda: getattr(owner, name), lambda given: setattr(owner, name, given), value
    )


@contextmanager
def precision(*writes):
    """Values of the new interface and the old one, which are the first ones again afterwards."""
    try:
        for write in writes:
            write()
        yield
    finally:
        torch.set_float32_matmul_precision("highest")
        CUDNN.allow_tf32 = True
        for backend, operation in PRECISIONS:
            if operation == "all" or operation == "matmul" or backend == "mkldnn":
                torch._C._set_fp32_precision_setter(backend, operation, "none")


def own(value: str, backend: str, operation: str):
    return lambda: torch._C._set_fp32_precision_setter(backend, operation, value)


@contextmanager
def frozen():
    BACKENDS.disable_global_flags()
    try:
        yield
    finally:
        BACKENDS.flags_frozen.__globals__["__allow_nonbracketed_mutation_flag"] = True


@contextmanager
def no_check_of_nan():
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        yield


FLAGS = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast bfloat16": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast float16": lambda: torch.autocast("cpu", torch.float16),
    "autocast without cache": lambda: torch.autocast("cpu", cache_enabled=False),
    "autocast on a GPU": lambda: _written(
        lambda: torch.get_autocast_dtype("cuda"),
        lambda dtype: torch.set_autocast_dtype("cuda", dtype),
        torch.bfloat16,
    ),
    "float64 default": lambda: _written(
        torch.get_default_dtype, torch.set_default_dtype, torch.float64
    ),
    "default device": lambda: _written(lambda: None, torch.set_default_device, "meta"),
    "deterministic": lambda: _written(
        torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True
    ),
    "anomaly without NaN": no_check_of_nan,
    "frozen flags": frozen,
    "cuDNN benchmark": _attribute(CUDNN, "benchmark", True),
    "cuDNN off": _attribute(CUDNN, "enabled", False),
    "cuDNN depthwise": _attribute(CUDNN, "depthwise_kernel", "cudnn"),
    "oneDNN off": _attribute(MKLDNN, "enabled", False),
    "NNPACK off": lambda: torch.backends.nnpack.flags(enabled=False),
    "half-precision sums": _attribute(MATMUL, "allow_fp16_accumulation", True),
    "no half-precision reductions": lambda: _written(
        lambda: [True, True],
        lambda pair: setattr(MATMUL, REDUCTIONS[0], pair),
        [False, False],
    ),
    "half-precision attention": lambda: _written(
        CUDA.fp16_bf16_reduction_math_sdp_allowed,
        CUDA.allow_fp16_bf16_reduction_math_sdp,
        True,
    ),
    "attention kernel": lambda: torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
    "medium": lambda: precision(lambda: torch.set_float32_matmul_precision("medium")),
    "high": lambda: precision(lambda: torch.set_float32_matmul_precision("high")),
    "cuBLAS TF32": lambda: precision(lambda: setattr(MATMUL, "allow_tf32", True)),
    "cuDNN without TF32": lambda: precision(lambda: setattr(CUDNN, "allow_tf32", False)),
    "TF32 everywhere": lambda: precision(own("tf32", "generic", "all")),
    "bfloat16 everywhere": lambda: precision(own("bf16", "generic", "all")),
    "TF32 in cuBLAS alone": lambda: precision(own("tf32", "cuda", "matmul")),
    "both interfaces": lambda: precision(
        lambda: torch.set_float32_matmul_precision("medium"),
        own("none", "cuda", "matmul"),
        own("tf32", "cuda", "all"),
        own("ieee", "cuda", "rnn"),
    ),
}
if EINSUM:
    FLAGS["einsum in another order"] = _attribute(BACKENDS.opt_einsum, "strategy", "optimal")
    FLAGS["einsum from the left"] = _attribute(BACKENDS.opt_einsum, "enabled", False)
TOGETHER = {
    "one half": (
        "no_grad",
        "autocast float16",
        "float64 default",
        "cuDNN benchmark",
        "oneDNN off",
        "medium",
    ),
    "other half": (
        "inference_mode",
        "autocast without cache",
        "default device",
        "cuDNN off",
        "NNPACK off",
        "both interfaces",
        "frozen flags",
    ),
}


@contextmanager
def several(names):
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(FLAGS[name]())
        yield


@pytest.fixture(scope="module")
def plain(examples):
    """``plain(call)``: the answer in an ordinary process."""
    known: dict[str, Any] = {}

    def answer(call: str) -> Any:
        if call not in known:
            known[call] = ANSWERS[call](Watched().eval(), *examples)
        return known[call]

    return answer


@pytest.mark.parametrize(
    ("call", "flags"),
    [
        *(
            pytest.param(call, (flag,), id=f"{call}-{flag}")
            for call in ANSWERS
            if call not in SLOW
            for flag in FLAGS
        ),
        *(
            pytest.param(call, flags, id=f"{call}-{name}")
            for call in SLOW
            for name, flags in TOGETHER.items()
        ),
    ],
)
def test_the_model_sees_our_modes_and_the_caller_gets_theirs_back(
    model, examples, plain, call, flags
):
    expected = plain(call)
    with several(flags):
        before = state()
        found = ANSWERS[call](model, *examples)
        after = state()
    assert after == before
    for seen in model.seen:
        assert {name: seen[name] for name in EXPECTED} == EXPECTED
    assert found == expected


@pytest.mark.parametrize(
    ("error", "seen"), [(KeyboardInterrupt, KeyboardInterrupt), (ZeroDivisionError, InputError)]
)
@pytest.mark.parametrize("flags", TOGETHER.values(), ids=TOGETHER)
def test_modes_are_restored_when_a_model_is_interrupted(model, examples, flags, error, seen):
    """Also inside the model's own autocast and ``cudnn.flags``."""

    def interrupt(*_):
        if len(model.seen) > 3:
            raise error

    model.last.register_forward_hook(interrupt)
    generator = torch.get_rng_state()
    with several(flags):
        before = state()
        with pytest.raises(seen):
            attack_weights(model, *examples, radius=0.3, steps=2)
        after = state()
    assert after == before
    assert torch.equal(torch.get_rng_state(), generator)


STARTS = {
    "untouched": (),
    "root": (("tf32", "generic", "all"),),
    "root in full": (("ieee", "generic", "all"),),
    "backend": (("tf32", "cuda", "all"), ("bf16", "mkldnn", "all")),
    "operation": (("tf32", "generic", "all"), ("ieee", "cuda", "conv")),
    "same at all levels": (("tf32", "generic", "all"), ("tf32", "cuda", "all")),
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("later", ["ieee", "tf32", "none"])
def test_inherited_precision_is_inherited_again(start, later):
    """``torch.backends.fp32_precision = "ieee"`` after a call left TF32 on."""

    def found(call) -> dict[str, Any]:
        with precision(*(own(*write) for write in STARTS[start])):
            call()
            BACKENDS.fp32_precision = later
            return state()

    assert found(_call) == found(lambda: None)


def _call() -> None:
    with fixed_modes():
        pass


def test_a_process_that_set_a_precision_first_can_still_change_it(forks):
    """cuDNN's own first value cannot be written: a new process has it."""
    script = (
        "import torch\n"
        "from models_zoo.torch_modes import fixed_modes\n"
        "torch.backends.fp32_precision = 'tf32'\n"
        "with fixed_modes():\n"
        "    print(torch.backends.cudnn.conv.fp32_precision)\n"
        "print(torch.backends.cudnn.conv.fp32_precision)\n"
        "torch.backends.fp32_precision = 'ieee'\n"
        "print(torch.backends.cudnn.conv.fp32_precision, torch.backends.cudnn.rnn.fp32_precision)\n"
    )
    assert forks.run(code=script).stdout.split() == ["ieee", "tf32", "ieee", "ieee"]


def test_precision_is_full_inside_and_nests():
    with precision(lambda: torch.set_float32_matmul_precision("medium")), full_float32():
        with full_float32():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "highest"
        assert MKLDNN.matmul.fp32_precision == "ieee"
