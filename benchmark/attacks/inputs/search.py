"""What every input search goes through: one wrapper around whatever a search does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from benchmark.attacks.inputs.field import Field
from benchmark.attacks.verification import classified
from benchmark.memory import in_batches


@dataclass(frozen=True)
class Found:
    """What one search of a cascade did.

    Attributes:
        search: its name.
        attacked: bool (N,), examples it was run on.
        fell: bool (N,), those of them that fell to it.
        forwards: images passed forward through the model.
        backwards: images passed backward.
    """

    search: str
    attacked: Tensor
    fell: Tensor
    forwards: int
    backwards: int


class Search(ABC):
    """One way to look for misclassified images inside balls.

    A subclass says in :meth:`find` where it would go. That its images have the right shape, lie in
    the ball and are misclassified is not its word to give.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """What the search is called in reports, with its settings."""

    @abstractmethod
    def find(self, field: Field) -> Tensor:
        """Candidate images (n, C, H, W), one for each example of a field that fits into memory.

        The field is the search's own copy; what it changes of ``reachable`` and ``promise`` is kept
        for the searches after it.
        """

    def wants(self, field: Field) -> Tensor:
        """Bool (n,), the examples that this search is worth its price on."""
        return field.reachable

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Refuse a subclass that would replace the wrapper."""
        super().__init_subclass__(**kwargs)
        if "__call__" in vars(cls):
            raise TypeError(f"{cls.__name__} replaces Search.__call__, which verifies its finds")

    def __call__(self, field: Field) -> Found:
        """Search what stands, batch by batch, and verify every find.

        Candidates are projected into their balls, measured in float64 and classified again in
        float32 before anything is believed. The batch is halved when memory runs out.

        Raises:
            RuntimeError: candidates of a wrong shape, an image measured outside its ball, or a
                model left in another mode than it was in.
        """
        passes, modules = field.subject.passes, list(field.subject.model.modules())
        modes = [module.training for module in modules]
        forwards, backwards = passes.forwards, passes.backwards
        attacked = field.standing & self.wants(field)
        field.crowd = int(attacked.sum())

        def work(rows: Tensor) -> None:
            some = field.take(rows)
            candidates = self.find(some)
            if candidates.shape != some.subject.images.shape:
                raise RuntimeError(
                    f"{self.name} returned {tuple(candidates.shape)} "
                    f"for images of shape {tuple(some.subject.images.shape)}"
                )
            field.learn(rows, some, *classified(some.subject, some.ball, candidates))

        rows = attacked.nonzero().squeeze(1)
        field.subject.batch_size = in_batches(rows, field.subject.batch_size, work)
        if [module.training for module in modules] != modes:
            raise RuntimeError(f"{self.name} switched the model between train and eval mode")
        return Found(
            self.name,
            attacked,
            attacked & ~field.standing,
            passes.forwards - forwards,
            passes.backwards - backwards,
        )
