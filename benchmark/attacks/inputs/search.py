"""The base class of searches of the input attack, which verifies their candidates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from torch import Tensor

from benchmark.attacks.inputs.state import AttackState
from benchmark.attacks.verification import classified, margins
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
        targeted: whether it needs target classes, see :attr:`AttackState.targets`.
        screens: whether examples that it does not select are left out by later searches too.
        only_if_masked: whether it only runs where gradient masking was detected. Before such a
            search that uses gradients itself, the scheduler tests for masking.
    """

    uses_gradients: ClassVar[bool] = True
    targeted: ClassVar[bool] = False
    screens: ClassVar[bool] = False
    only_if_masked: bool = False

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
    """A search that runs only on the examples closest to being broken.

    Attributes:
        min_margin_closed: runs on examples whose margin is closed by at least this share.
        max_share: runs on at most this share of all examples, see :meth:`AttackState.closest`.
    """

    _: KW_ONLY
    min_margin_closed: float = 0.0
    max_share: float = 1.0

    def select(self, state: AttackState) -> Tensor:
        """The examples whose margin is closed the most."""
        return state.closest(self.min_margin_closed, self.max_share)
