"""The work of passing images through a model: images, calls, and what a call costs besides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

IMAGES_PER_CALL = 25.0
"""Assumed cost of a call besides its images, in images, until it can be measured: that of small
networks on one core."""

MAX_IMAGES_PER_CALL = 1000.0
"""Largest cost of a call that is believed; on a GPU, where a call returns before it is done, the
number of images has no effect on its time."""

_IGNORED_CALLS = 3
"""The first calls are slow: memory is allocated and code is loaded."""


@dataclass(frozen=True)
class Work:
    """Images passed forward or backward through a model, and the calls that passed them.

    Attributes:
        images: number of images; a forward and a backward pass of one count twice.
        calls: number of calls.
    """

    images: float
    calls: float

    @classmethod
    def in_batches(cls, images: float, size: float) -> Work:
        """Images in batches of a mean size."""
        return cls(images, images / max(size, 1.0))

    def of(self, images: float) -> Work:
        """The work on another number of images in batches of the same size."""
        return Work(images, self.calls * images / max(self.images, 1.0))

    def since(self, earlier: Work) -> Work:
        """What was done after an earlier count."""
        return Work(self.images - earlier.images, self.calls - earlier.calls)

    def size(self, images_per_call: float) -> float:
        """The work in images, where a call costs as much as some images besides its own."""
        return self.images + images_per_call * self.calls


def joined(works: Iterable[Work]) -> Work:
    """Several pieces of work together."""
    each = list(works)
    return Work(sum(work.images for work in each), sum(work.calls for work in each))


@dataclass(frozen=True)
class Steps:
    """The work of a probe by the kind of its passes, whose times differ.

    Attributes:
        images: steps of ascents over images; an image in one counts once, for a forward and a
            backward pass.
        weights: the same over weights, which all images of a batch share.
        forward: forward passes without gradients.
    """

    images: Work
    weights: Work
    forward: Work

    @property
    def forwards(self) -> float:
        """Images passed forward."""
        return self.forward.images + self.backwards

    @property
    def backwards(self) -> float:
        """Images passed backward."""
        return self.images.images + self.weights.images


@dataclass(frozen=True)
class PassMix:
    """Of which kind the passes of a probe are.

    Attributes:
        images: share of the passed images that belong to ascents over images.
        weights: share that belongs to ascents over weights; the rest are forward passes without
            gradients.
    """

    images: float = 0.0
    weights: float = 0.0

    def steps(self, work: Work) -> Steps:
        """Some work by kind; a step passes an image twice, forward and backward."""
        alone = 1 - self.images - self.weights
        return Steps(
            images=Work(self.images * work.images / 2, self.images * work.calls / 2),
            weights=Work(self.weights * work.images / 2, self.weights * work.calls / 2),
            forward=Work(alone * work.images, alone * work.calls),
        )


@dataclass
class CallTimes:
    """Measures what a call costs besides its images: a line through the times of all calls.

    Small batches take longer per image, by a factor that depends on the model, the processor and
    the number of threads.
    """

    _seen: int = 0
    _images: float = 0.0
    _squares: float = 0.0
    _seconds: float = 0.0
    _products: float = field(default=0.0)

    def add(self, images: int, seconds: float) -> None:
        """Record a call.

        Args:
            images: number of images in it.
            seconds: its time.
        """
        self._seen += 1
        if self._seen > _IGNORED_CALLS:
            self._images += images
            self._squares += images * images
            self._seconds += seconds
            self._products += images * seconds

    @property
    def images_per_call(self) -> float:
        """Time of a call of no image, relative to the time that each image adds."""
        count = self._seen - _IGNORED_CALLS
        spread = count * self._squares - self._images**2
        if count < 2 or spread <= 0:
            return IMAGES_PER_CALL
        per_image = (count * self._products - self._images * self._seconds) / spread
        constant = (self._seconds - per_image * self._images) / count
        if per_image <= 0:
            return MAX_IMAGES_PER_CALL
        return min(max(constant / per_image, 0.0), MAX_IMAGES_PER_CALL)
