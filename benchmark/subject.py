"""The subject of an evaluation: a model with the examples it is evaluated on."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Generator, Tensor, nn

from benchmark.arguments import (
    CHANNELS,
    Array,
    count_of,
    device_of,
    images_of,
    labels_of,
    module_of,
    tokens_of,
)
from benchmark.draws import image_keys
from benchmark.generators import seed_generators
from benchmark.memory import out_of_memory, peak_memory
from benchmark.module_state import ModuleState, ordinary, unwrapped
from benchmark.outputs import logits_of, one_row_each
from benchmark.results import Cost
from benchmark.roles import Coverage
from benchmark.spaces.weight_roles import WeightRoles
from benchmark.work import CallTimes, Work
from models_zoo.errors import InputError, reason_of
from models_zoo.functional_call import functional_call
from models_zoo.inputs import Kind, kind_of
from models_zoo.prediction import predicted_classes
from models_zoo.torch_modes import fixed_modes
from models_zoo.training_method import TrainingMethod

MAX_DERIVATIVE = 1e10
"""Replacement of an infinite derivative: its square and the sum of many of these are still
finite."""

_KEYS = "image keys"

T = TypeVar("T")
Progress = Callable[[str], None]


@dataclass
class Passes:
    """The cost of the model's passes, shared by all views of a subject.

    Attributes:
        forwards: images passed forward.
        backwards: images passed backward.
        seconds: wall time inside those passes. It is meaningless on a GPU, where they return before
            they are done.
        calls: number of calls that passed them.
        times: of the forward calls.
        counted: called after every pass of a batch.
    """

    forwards: int = 0
    backwards: int = 0
    seconds: float = 0.0
    calls: int = 0
    times: CallTimes = field(default_factory=CallTimes)
    counted: Callable[[], None] = field(default=lambda: None)

    def called(self, seconds: float, forwards: int = 0) -> None:
        """Record a call that has returned.

        Args:
            seconds: its time.
            forwards: number of images that it passed forward.
        """
        self.seconds += seconds
        self.calls += 1
        if forwards:
            self.times.add(forwards, seconds)
        self.counted()

    @property
    def work(self) -> Work:
        """The work that was done so far."""
        return Work(self.forwards + self.backwards, self.calls)


@dataclass
class Subject:
    """A model with examples, and the operations that every probe needs.

    Attributes:
        model: from images (N, C, H, W) in [0, 1], or token ids (N, L), to logits (N, K), in eval
            mode.
        images: the evaluation images, float32, or the token ids of texts, int64.
        labels: their labels, int64 (N,).
        seed: root of every random draw.
        batch_size: images passed through the model at once; changes memory, not scores.
        weights: perturbed weights with which the model is called instead of its own, by name.
        classes: number of its logits.
        training_modules: number of its modules that were in train mode when it was passed in.
        progress: called with a short text whenever a piece of work is done.
        state: the state of the model when it was passed in, to detect changes.
        weight_roles: the roles of the model's tensors, determined once for all views.
    """

    model: nn.Module
    images: Tensor
    labels: Tensor
    seed: int = 0
    batch_size: int = 256
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    classes: int = 0
    training_modules: int = 0
    progress: Progress = field(default=lambda _: None)
    passes: Passes = field(default_factory=Passes)
    state: ModuleState | None = None
    weight_roles: WeightRoles = field(default_factory=WeightRoles)
    _memory: dict[Hashable, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.images)

    @property
    def kind(self) -> Kind:
        """Whether the inputs are images or token ids."""
        return kind_of(self.images)

    def weights_that_move(self, rule: str) -> dict[str, Tensor]:
        """The model's own tensors that a rule of :data:`benchmark.spaces.RULES` selects."""
        return self.weight_roles.selected(self.model, self.images, rule)

    def coverage(self, rule: str) -> Coverage | str:
        """The share of linear operands that a rule perturbs, or why it could not be determined."""
        return self.weight_roles.coverage(self.model, self.images, rule)

    def at(self, weights: Mapping[str, Tensor]) -> Subject:
        """The same subject with perturbed weights; the model itself is not changed."""
        return self._view(self._keys(), weights={k: v.detach() for k, v in weights.items()})

    def on(self, images: Tensor, labels: Tensor) -> Subject:
        """The same model on other examples."""
        return self._view(images=images, labels=labels)

    def take(self, rows: Tensor) -> Subject:
        """The same model on some of the examples, by index."""
        known = {name: keys[rows] for name, keys in self._keys().items()}
        return self._view(known, images=self.images[rows], labels=self.labels[rows])

    def head(self, count: int) -> Subject:
        """The same model on the first ``count`` examples, or on all if there are fewer."""
        return self.on(self.images[:count], self.labels[:count])

    @property
    def keys(self) -> Tensor:
        """Int64 (N,), hashes of the images that seed the draws of each example."""
        return self.once(_KEYS, lambda: image_keys(self.images))

    def among_examples(self, images: Tensor) -> Tensor:
        """Bool (M,) on the CPU: which images (M, C, H, W) are examples of the subject as well."""
        return torch.isin(image_keys(images).cpu(), self.keys.cpu())

    def _keys(self) -> dict[Hashable, Tensor]:
        """The hashes for another view, if they have been computed."""
        return {_KEYS: self._memory[_KEYS]} if _KEYS in self._memory else {}

    def _view(self, known: Mapping[Hashable, Any] | None = None, **changes: Any) -> Subject:
        return replace(self, **changes, _memory=dict(known or {}))

    def forward(self, images: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Logits of one batch, with gradients if the inputs require them.

        Args:
            images: (B, C, H, W).
            weights: perturbed weights; by default the subject's own.
        """
        self.passes.forwards += len(images)
        perturbed = self.weights if weights is None else weights
        # A model may modify or keep its input, and may depend on its memory layout.
        own = images.clone(memory_format=torch.contiguous_format)
        start = time.perf_counter()
        try:
            output = (
                functional_call(self.model, dict(perturbed), (own,))
                if perturbed
                else self.model(own)
            )
        except Exception as error:  # the model's code may raise any error
            if out_of_memory(error):
                raise
            raise InputError(_refusal(images, error)) from error
        self.passes.called(time.perf_counter() - start, forwards=len(images))
        return one_row_each(logits_of(output, images.dtype), len(images))

    def gradients(
        self, value: Tensor, inputs: list[Tensor], images: int, *, again: bool = False
    ) -> tuple[Tensor, ...]:
        """Gradients of a scalar, counting ``images`` backward passes.

        Args:
            value: the scalar.
            inputs: the tensors to differentiate with respect to.
            images: number of images that the value depends on.
            again: whether another value of the same forward pass will be differentiated.

        Returns:
            One gradient per input; zero if there is none, and where it is undefined.
        """
        if not value.requires_grad:
            return tuple(torch.zeros_like(each) for each in inputs)
        self.passes.backwards += images
        start = time.perf_counter()
        try:
            found = torch.autograd.grad(value, inputs, retain_graph=again, materialize_grads=True)
        except Exception as error:  # operations without a derivative may raise any error
            if out_of_memory(error):
                raise
            raise InputError(
                f"the model's gradient cannot be computed: {reason_of(error)}"
            ) from error
        self.passes.called(time.perf_counter() - start)
        # The derivative of a root at 0 is infinite, and times 0 undefined: one such pixel would
        # stop the ascent of an image.
        return tuple(each.nan_to_num(0.0, MAX_DERIVATIVE, -MAX_DERIVATIVE) for each in found)

    def batches(self) -> Iterator[slice]:
        """Slices of the examples of at most ``batch_size``."""
        for start in range(0, len(self), self.batch_size):
            yield slice(start, min(start + self.batch_size, len(self)))

    def row_batches(self, size: int | None = None) -> tuple[Tensor, ...]:
        """Indices of the examples, in batches of ``size``, by default ``batch_size``."""
        rows = torch.arange(len(self), device=self.images.device)
        return torch.split(rows, size or self.batch_size)

    @torch.no_grad()
    def logits(self, images: Tensor | None = None) -> Tensor:
        """Logits (N, K) of ``images``, or of the subject's own, batch by batch, in float32."""
        if images is None:
            return self.once("logits", lambda: self.logits(self.images))
        return torch.cat([self.forward(part) for part in torch.split(images, self.batch_size)])

    def correct(self) -> Tensor:
        """Bool (N,): which of the subject's examples are classified correctly."""
        return predicted_classes(self.logits()) == self.labels

    def generator(self, *purpose: Hashable) -> Generator:
        """A CPU generator seeded from the subject's seed and a purpose, and from nothing else."""
        text = "|".join(map(str, (self.seed, *purpose)))
        digest = hashlib.sha256(text.encode()).digest()
        return Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The cached result of ``compute()``, so that probes share work."""
        if key not in self._memory:
            self._memory[key] = compute()
        value: T = self._memory[key]
        return value

    def seed_generators(self, purpose: str) -> None:
        """Seed the global generators, from which a model may draw.

        The suite's own draws never use them.
        """
        seed = int(torch.randint(2**31, (), generator=self.generator("global", purpose)))
        seed_generators(seed, self.images.device)

    def require_unchanged(self) -> None:
        """Check that the model has not changed since it was passed in.

        Raises:
            InputError: one of its tensors or flags has changed, so that no score can be trusted.
        """
        change = None if self.state is None else self.state.changed()
        if change is not None:
            raise InputError(
                f"the model changes when it is called, so no score can be trusted: {change}; "
                "remove this from its forward, or call it once before passing it in if it happens "
                "only once"
            )

    @contextmanager
    def cost(self) -> Iterator[Callable[[], Cost]]:
        """Measure a piece of work: the yielded function returns its cost afterwards."""
        start, forwards, backwards = (
            time.perf_counter(),
            self.passes.forwards,
            self.passes.backwards,
        )
        yield lambda: Cost(
            seconds=time.perf_counter() - start,
            forwards=self.passes.forwards - forwards,
            backwards=self.passes.backwards - backwards,
            peak_memory=peak_memory(self.images.device),
        )


@contextmanager
def subject_of(
    model: nn.Module,
    images: Array,
    labels: Array,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    batch_size: int = 256,
    progress: Progress | None = None,
    check: Callable[[Tensor, Tensor], None] | None = None,
    texts: bool = False,
) -> Iterator[Subject]:
    """Prepare a model for evaluation, and restore it exactly afterwards.

    Inside, PyTorch's modes are those of the suite (see :func:`models_zoo.torch_modes.fixed_modes`)
    and the model is in eval mode with parameter gradients off. Afterwards modes, training flags,
    gradient flags and device are restored.

    Args:
        model: any module from images to logits, or a training method, which has none.
        images: float (N, C, H, W) in [0, 1].
        labels: int (N,).
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        progress: called with a short text whenever a piece of work is done.
        check: called with images and labels before the model is, to refuse them.
        texts: whether token ids, int (N, L), are accepted in place of images.

    Raises:
        InputError: images, labels or logits that do not fit together, or a model that changes when
            it is called.
    """
    with fixed_modes():
        ids = tokens_of(images) if texts else None
        own_images = images_of(images) if ids is None else ids
        own_labels = labels_of(labels, len(own_images))
        if check is not None:
            check(own_images, own_labels)
        seed, batch_size = count_of("seed", seed, 0), count_of("batch_size", batch_size)
        home = device_of(device)
        examined = ordinary(unwrapped(module_of(model)))
        state = ModuleState(examined)
        try:
            state.examine(home)
            subject = Subject(
                model=examined,
                images=own_images.to(home),
                labels=own_labels.to(home),
                seed=seed,
                batch_size=batch_size,
                training_modules=sum(state.training.values()),
                progress=progress or (lambda _: None),
                state=state,
            )
            subject.seed_generators("model")
            if isinstance(examined, TrainingMethod):
                subject.classes = examined.card.classes  # it has no logits
            else:
                _check_logits(subject)
            subject.require_unchanged()
            yield subject
            subject.require_unchanged()
        finally:
            state.restore()


def _check_logits(subject: Subject) -> None:
    logits = subject.logits(subject.images[:2])
    subject.classes = logits.shape[1]
    if not 0 <= int(subject.labels.min()) <= int(subject.labels.max()) < logits.shape[1]:
        raise InputError(
            f"labels must lie in 0..{logits.shape[1] - 1}, the model's classes, "
            f"got {int(subject.labels.min())}..{int(subject.labels.max())}"
        )


def _refusal(images: Tensor, error: Exception) -> str:
    """The message for a model that could not be called, with a hint for common causes."""
    shape, reason = tuple(images.shape[1:]), reason_of(error)
    hint = ""
    if any(kind in str(error) for kind in ("Half", "BFloat16", "Double", "double", "dtype")):
        hint = "; images are float32: call model.float(), or cast them in its forward"
    elif shape[0] not in CHANNELS and shape[-1] in CHANNELS:
        hint = "; the images look like (N, H, W, C), use images.permute(0, 3, 1, 2)"
    if type(error) is not RuntimeError:  # the text of a KeyError is only the key
        reason = f"{type(error).__name__}: {reason}"
    if kind_of(images) == "tokens":
        return f"the model cannot take texts of {shape[0]} token ids up to {images.max()}: {reason}"
    return f"the model cannot take images of shape {shape}: {reason}{hint}"
