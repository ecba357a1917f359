"""The base class of searches of the input attack, which verifies their candidates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.attacks.inputs.gradient_masking import MAX_ERROR
from benchmark.attacks.inputs.state import AttackState
from benchmark.attacks.verification import classified, margins
from benchmark.spaces.inputs import NORMS
from models_zoo.prediction import predicted_classes


@dataclass(frozen=True)
class Candidates:
    """What a search returns for the n examples of a batch.

    Attributes:
        images: (n, C, H, W), which will be projected into their balls.
        reachable: bool (n,), which examples later searches should run on; ``None`` for no change.
        target_progress: (n, K), see :class:`AttackState`; ``None`` for no change.
    """

    images: Tensor
    reachable: Tensor | None = None
    target_progress: Tensor | None = None


@dataclass(frozen=True)
class Verified:
    """The candidates of a batch after verification.

    Attributes:
        images: (n, C, H, W), inside their balls.
        margins: (n,), their logit margins.
        broken: bool (n,), which of them are misclassified.
        candidates: as the search returned them.
    """

    images: Tensor
    margins: Tensor
    broken: Tensor
    candidates: Candidates


class Search(ABC):
    """A search for misclassified images inside balls.

    A subclass selects examples in :meth:`select` and proposes images in :meth:`find`. Neither
    changes the state: a search returns what it found, and the scheduler updates the state.

    Attributes:
        uses_gradients: whether the search follows gradients.
        detects_masking: whether masking may be inferred where the search does better than those
            before it, since it does not follow the model's plain gradients.
        targeted: whether it needs target classes, see :attr:`AttackState.targets`.
        screens: whether examples that it does not select are left out by later searches too.
    """

    uses_gradients: ClassVar[bool] = True
    detects_masking: ClassVar[bool] = False
    targeted: ClassVar[bool] = False
    screens: ClassVar[bool] = False

    @property
    def needs_gradient_errors(self) -> bool:
        """Whether it needs :attr:`AttackState.gradient_errors`."""
        return False

    @property
    @abstractmethod
    def name(self) -> str:
        """The search and its hyper-parameters, as reports print them."""

    @abstractmethod
    def find(self, batch: AttackState) -> Candidates:
        """One candidate image per example of a batch that fits into memory.

        Args:
            batch: a copy of the state with the batch's examples.
        """

    def select(self, state: AttackState) -> Tensor:
        """Bool (n,), the examples to run on; those already broken are left out in any case."""
        return state.reachable

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Refuse a subclass that replaces the verification."""
        super().__init_subclass__(**kwargs)
        if "__call__" in vars(cls):
            raise TypeError(f"{cls.__name__} replaces Search.__call__, which verifies candidates")

    def __call__(self, state: AttackState, rows: Tensor) -> Verified:
        """Search a batch, project the candidates, measure them in float64, classify them again.

        Args:
            state: of the whole attack; it is not changed.
            rows: int64 (n,), the examples of the batch.

        Raises:
            RuntimeError: candidates of a wrong shape, an image measured outside its ball, or a
                model that was switched between train and eval mode.
        """
        batch, modules = state.take(rows), list(state.subject.model.modules())
        modes = [module.training for module in modules]
        candidates = self.find(batch)
        if [module.training for module in modules] != modes:
            raise RuntimeError(f"{self.name} switched the model between train and eval mode")
        if candidates.images.shape != batch.subject.images.shape:
            raise RuntimeError(
                f"{self.name} returned {tuple(candidates.images.shape)} "
                f"for images of shape {tuple(batch.subject.images.shape)}"
            )
        images, logits = classified(batch.subject, batch.ball, candidates.images)
        labels = state.subject.labels[rows]
        broken = predicted_classes(logits) != labels
        return Verified(images, margins(logits, labels), broken, candidates)


@dataclass(frozen=True)
class CostlySearch(Search):
    """A search that runs only on the examples close to being broken.

    Attributes:
        min_margin_closed: runs on examples whose margin is closed by at least this share.
        min_gradient_error: runs where the error of the gradient is at least this or not finite, see
            :attr:`AttackState.gradient_errors`.
        norms: runs in balls of these norms only.
    """

    _: KW_ONLY
    min_margin_closed: float = 0.0
    min_gradient_error: float = 0.0
    norms: tuple[str, ...] = NORMS

    @property
    def needs_gradient_errors(self) -> bool:
        """Whether the errors select examples."""
        return self.min_gradient_error > 0

    def select(self, state: AttackState) -> Tensor:
        """The reachable examples that the conditions select."""
        return state.reachable & self.close(state)

    def close(self, state: AttackState) -> Tensor:
        """Bool (n,): examples that the conditions select, reachable or not."""
        # Not ``>=``: an error that is not finite is no reason to leave an example out.
        close = state.close(self.min_margin_closed) & ~(
            state.gradient_errors < self.min_gradient_error
        )
        return close if state.ball.norm in self.norms else torch.zeros_like(close)


@dataclass(frozen=True)
class DetectsMasking(CostlySearch):
    """A search that does not follow the model's plain gradients.

    Where it does better than the searches before it, gradients count as masked. It runs on examples
    that gradients cannot reach, too.

    Attributes:
        only_if_inexact: run where the error of the gradient is above :data:`MAX_ERROR`.
        only_if_masked: run where gradient masking was detected.
    """

    detects_masking: ClassVar[bool] = True

    _: KW_ONLY
    only_if_inexact: bool = False
    only_if_masked: bool = False

    @property
    def needs_gradient_errors(self) -> bool:
        """Whether the errors select examples."""
        return self.only_if_inexact or super().needs_gradient_errors

    def select(self, state: AttackState) -> Tensor:
        """The examples that all conditions select."""
        chosen = self.close(state)
        if self.only_if_inexact:
            chosen = chosen & (state.gradient_errors > MAX_ERROR)
        return chosen & state.gradients_masked if self.only_if_masked else chosen
