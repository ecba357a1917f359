"""The work of passing images through a model: images, calls, and what a call costs besides."""

from __future__ import annotations

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
