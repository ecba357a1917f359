"""The base class of attacks: an object with a threat that is called on any module."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar, final

import torch
from torch import Tensor, nn

from benchmark.arguments import Array
from benchmark.attacks.result import AttackResult
from benchmark.attacks.verification import require_inside
from benchmark.attacks.weights import weight_ball
from benchmark.batches import Examples, examples_of
from benchmark.progress_display import showing
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Progress, Subject, subject_of
from benchmark.threads import measured_threads
from benchmark.threats import BackdoorThreat, InputThreat, JointThreat, Threat, WeightThreat
from models_zoo.inputs import Kind


@dataclass(frozen=True)
class RunOptions:
    """Options that are the same for all attacks.

    Attributes:
        seed: root of every random draw: the same seed gives the same result.
        device: where to compute, such as ``"cpu"`` or ``"cuda"``. Results are returned on the
            device of the images.
        batch_size: images passed through the model at once; changes memory, not results.
        progress: ``True`` for a display on the terminal or in the notebook, or a function that is
            called with a short text whenever a piece of work is done.
        examples: maximum number of examples, the first ones; by default all.
    """

    seed: int = 0
    device: str | torch.device = "cpu"
    batch_size: int = 256
    progress: bool | Progress | None = None
    examples: int | None = None

    @contextmanager
    def subject(
        self,
        model: nn.Module,
        images: Array,
        labels: Array,
        title: str,
        *,
        texts: bool = False,
    ) -> Iterator[Subject]:
        """A model prepared under these options as by :func:`subject_of`, with progress shown.

        Args:
            model: any module from images to logits.
            images: float (N, C, H, W) in [0, 1], all of which are used.
            labels: int (N,).
            title: what is computed, for the display.
            texts: whether token ids, int (N, L), are accepted in place of images.
        """
        with (
            showing(self.progress, title) as display,
            subject_of(
                model,
                images,
                labels,
                seed=self.seed,
                device=self.device,
                batch_size=self.batch_size,
                progress=display.say,
                texts=texts,
            ) as subject,
        ):
            yield subject


TAKES_TEXTS: frozenset[Kind] = frozenset({"images", "tokens"})
"""What attacks take that perturb weights alone."""

Result = TypeVar("Result", bound=AttackResult, covariant=True)


class Attack(ABC, Generic[Result]):
    """A search for the worst perturbation that a threat allows.

    A subclass implements :meth:`run`. The call around it puts the model into eval mode and restores
    it afterwards, and measures the result against the threat.

    Attributes:
        threat: what the adversary may do.
        takes: the kinds of inputs that it attacks models of. One that perturbs weights alone takes
            token ids as well, int (N, L) in place of the images.
    """

    threat: Threat
    takes: ClassVar[frozenset[Kind]] = frozenset({"images"})

    @abstractmethod
    def check(self, subject: Subject) -> None:
        """Refuse a model or examples that the attack cannot run on, before anything is computed.

        Raises:
            InputError: the model or the examples do not fit the attack.
        """

    @abstractmethod
    def run(self, subject: Subject) -> Result:
        """Run the attack on a subject; the result is projected and classified again in float32."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Refuse a subclass that replaces the wrapper."""
        super().__init_subclass__(**kwargs)
        if "__call__" in vars(cls):
            raise TypeError(f"{cls.__name__} replaces Attack.__call__, which measures its result")

    @final
    def __call__(
        self,
        model: nn.Module,
        images: Examples,
        labels: Array | None = None,
        options: RunOptions | None = None,
    ) -> Result:
        """Attack a model.

        Args:
            model: from images in [0, 1] to logits; it is not changed.
            images: float (N, C, H, W) in [0, 1], a tensor or an array; or a data set, a loader or
                batches, which have the labels as well, see :mod:`benchmark.batches`.
            labels: int (N,).
            options: seed, device, batch size, progress and number of examples.

        Returns:
            The result, on the device of ``images``.

        Raises:
            InputError: the model, the examples and the attack do not fit together.
            RuntimeError: the result lies outside the threat's balls.
        """
        chosen = options or RunOptions()
        images, labels = examples_of(images, labels, chosen.examples)
        texts = "tokens" in self.takes
        with chosen.subject(model, images, labels, self.threat.label, texts=texts) as subject:
            self.check(subject)
            with measured_threads(subject):
                result = self.run(subject)
            require_within(subject, result)
        return result.to(device_of_images(images))


def require_within(subject: Subject, result: AttackResult) -> None:
    """Measure perturbed images and weights in float64 against the balls of their threat.

    Raises:
        RuntimeError: they lie outside.
    """
    threat = result.threat
    inputs = threat.inputs if isinstance(threat, JointThreat) else threat
    if isinstance(inputs, InputThreat):
        ball = InputBall(subject.images, inputs.norm, inputs.eps)
        require_inside(ball, {IMAGES: result.images})
    weights = threat.weights if isinstance(threat, JointThreat) else threat
    if isinstance(weights, BackdoorThreat):
        weights = weights.weights
    if isinstance(weights, WeightThreat) and result.weights:
        require_inside(weight_ball(subject, weights), result.weights)


def device_of_images(images: Array) -> torch.device:
    """The device of the caller's images, to which results are moved."""
    return images.device if isinstance(images, Tensor) else torch.device("cpu")
