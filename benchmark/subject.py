"""The subject of an evaluation: a model with the examples it is asked about."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call

from benchmark.memory import peak_memory
from benchmark.results import Cost
from models_zoo.errors import InputError
from models_zoo.prediction import predicted_classes

T = TypeVar("T")
Progress = Callable[[str], None]


@dataclass
class Passes:
    """What the model itself cost, shared by all views of a subject.

    Attributes:
        forwards: images passed forward.
        backwards: images passed backward.
        seconds: wall time inside those passes. On a GPU they return before they are done, so that
            it means nothing there.
    """

    forwards: int = 0
    backwards: int = 0
    seconds: float = 0.0


@dataclass
class Subject:
    """A model, the examples, and what every probe needs to ask it questions.

    Attributes:
        model: from images (N, C, H, W) in [0, 1] to logits (N, K), in eval mode.
        images: the evaluation images, float32.
        labels: their labels, int64 (N,).
        seed: root of every random draw.
        batch_size: images passed through the model at once; changes memory, not scores.
        weights: perturbed weights the model is called with instead of its own, by name.
        training_modules: how many of its modules were in train mode when it was handed over.
        progress: called with a few words whenever a piece of work is done.
    """

    model: nn.Module
    images: Tensor
    labels: Tensor
    seed: int = 0
    batch_size: int = 256
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    training_modules: int = 0
    progress: Progress = field(default=lambda _: None)
    passes: Passes = field(default_factory=Passes)
    _memory: dict[Hashable, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.images)

    def at(self, weights: Mapping[str, Tensor]) -> Subject:
        """The same subject with perturbed weights; the model itself is not touched."""
        return self._view(weights={k: v.detach() for k, v in weights.items()})

    def on(self, images: Tensor, labels: Tensor) -> Subject:
        """The same model asked about other examples."""
        return self._view(images=images, labels=labels)

    def take(self, rows: Tensor) -> Subject:
        """The same model asked about some of the examples, by index."""
        return self.on(self.images[rows], self.labels[rows])

    def head(self, count: int) -> Subject:
        """The same model asked about the first ``count`` examples, or all where there are fewer."""
        return self.on(self.images[:count], self.labels[:count])

    def _view(self, **changes: Any) -> Subject:
        return replace(self, **changes, _memory={})

    def forward(self, images: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Logits of one batch, with gradients where the inputs ask for them.

        Args:
            images: (B, C, H, W).
            weights: perturbed weights; the subject's own where not given.
        """
        self.passes.forwards += len(images)
        perturbed = self.weights if weights is None else weights
        start = time.perf_counter()
        logits: Tensor = (
            functional_call(self.model, dict(perturbed), (images,))
            if perturbed
            else self.model(images)
        )
        self.passes.seconds += time.perf_counter() - start
        return logits

    def gradients(
        self, value: Tensor, inputs: list[Tensor], images: int, *, again: bool = False
    ) -> tuple[Tensor, ...]:
        """Gradients of a scalar, counting ``images`` backward passes.

        Args:
            value: the scalar.
            inputs: what to differentiate by.
            images: how many images the value is made of.
            again: whether another value of the same forward pass will be asked for.

        Returns:
            One gradient an input; zero for what the model lets no gradient through to.
        """
        if not value.requires_grad:
            return tuple(torch.zeros_like(each) for each in inputs)
        self.passes.backwards += images
        start = time.perf_counter()
        slopes = torch.autograd.grad(value, inputs, retain_graph=again, materialize_grads=True)
        self.passes.seconds += time.perf_counter() - start
        return slopes

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
        """``compute()``, remembered: probes that need the same piece of work share it."""
        if key not in self._memory:
            self._memory[key] = compute()
        value: T = self._memory[key]
        return value

    @contextmanager
    def cost(self) -> Iterator[Callable[[], Cost]]:
        """Measure a piece of work: the value given back tells its cost once it is over."""
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
    images: Tensor,
    labels: Tensor,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    batch_size: int = 256,
    progress: Progress | None = None,
) -> Iterator[Subject]:
    """Put a model under examination and hand it back exactly as it was.

    Inside, the model is in eval mode with parameter gradients off. Afterwards training flags,
    gradient flags and device are restored, and a changed parameter or buffer is an error.

    Args:
        model: any module from images to logits.
        images: float (N, C, H, W) in [0, 1].
        labels: int (N,).
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        progress: called with a few words whenever a piece of work is done.

    Raises:
        InputError: images, labels or logits that do not fit together.
        RuntimeError: the model's parameters or buffers changed during the evaluation.
    """
    _check_examples(images, labels)
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, got {batch_size}")
    training = {module: module.training for module in model.modules()}
    asking = {parameter: parameter.requires_grad for parameter in model.parameters()}
    home = next((tensor.device for tensor in model.state_dict().values()), torch.device("cpu"))
    model.to(device).eval().requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    try:
        subject = Subject(
            model=model,
            images=images.to(device, torch.float32),
            labels=labels.to(device, torch.int64),
            seed=seed,
            batch_size=batch_size,
            training_modules=sum(training.values()),
            progress=progress or (lambda _: None),
        )
        _check_logits(subject)
        yield subject
        for name, tensor in model.state_dict().items():
            if not torch.equal(tensor, before[name]):
                raise RuntimeError(f"{name} changed during the evaluation; no score can be trusted")
    finally:
        model.to(home)
        for module, flag in training.items():
            module.training = flag
        for parameter, flag in asking.items():
            parameter.requires_grad_(flag)


def _check_examples(images: Tensor, labels: Tensor) -> None:
    if images.ndim != 4 or not images.is_floating_point():
        raise InputError(
            f"images must be float (N, C, H, W), got {images.dtype} {tuple(images.shape)}"
        )
    if labels.shape != images.shape[:1] or labels.is_floating_point():
        raise InputError(
            f"labels must be int ({len(images)},), got {labels.dtype} {tuple(labels.shape)}"
        )
    if len(images) == 0:
        raise InputError("there are no examples to evaluate; give at least one image")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):
        raise InputError(f"images must lie in [0, 1], got values from {low:g} to {high:g}")


def _check_logits(subject: Subject) -> None:
    try:
        logits = subject.logits(subject.images[:2])
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"the model cannot take images of shape {tuple(subject.images.shape[1:])}: {reason}"
        ) from error
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise InputError(f"the model must return logits (N, classes), got {tuple(logits.shape)}")
    if not 0 <= int(subject.labels.min()) <= int(subject.labels.max()) < logits.shape[1]:
        raise InputError(
            f"labels must lie in 0..{logits.shape[1] - 1}, the model's classes, "
            f"got {int(subject.labels.min())}..{int(subject.labels.max())}"
        )
