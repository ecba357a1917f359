"""A submission while it is checked: what is known of it so far, each thing found out once."""

from __future__ import annotations

import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from leaderboard.submissions.file_case import FileCase
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of
from models_zoo.image_sets import IMAGE_SETS, ImageSet

if TYPE_CHECKING:
    from torch import Tensor, nn

    from benchmark.datasets import Dataset
    from benchmark.subject import Subject
    from leaderboard.submissions.ways import Comparison
    from models_zoo.card import Card
    from models_zoo.checkpoint import Checkpoint
    from models_zoo.checkpoint.fitting import Fit
    from models_zoo.classifier import Classifier

EXAMPLES = 500
"""Number of images on which a submission is checked."""


LEAST = 16
"""Smallest number of images that a check is made on; the network is too slow for it otherwise."""

SECONDS_OF_ANSWERS = 10.0
"""Time for one pass over all images, from which their number follows for slow networks."""

FEW = 100
"""Number of images for checks that call the model several times."""

LOW = 0.5
"""Accuracy below which a model is doubtful if nothing says how high it should be."""


TIMED = 8
"""Number of images on which a network's time is measured."""

WAYS, SECONDS_OF_WAYS = 8, 20.0
"""Passes per image that the search for a better normalization makes on average, and its time."""


class NotMadeError(Exception):
    """A check cannot be made, and the message says why; it is no fault of the submission."""


@dataclass
class Case(FileCase):
    """A submission that is checked.

    The properties are computed on first use and kept. Those that can fail raise what their reader
    raises; a check that comes first turns that into a finding, so that later checks can rely on
    them.

    Attributes:
        data: labeled images, if there are any.
        known: fingerprints of the functions of other models by their names.
        known_files: names of other models by the hash of their files.
        stack: what is left when the checks are done.
    """

    data: Dataset | None = None
    known: dict[str, str] = field(default_factory=dict)
    known_files: dict[str, str] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def image_set(self) -> ImageSet:
        """Shape and classes of the images that the model is for.

        Raises:
            InputError: neither the data set nor the data says.
        """
        if self.data is not None:
            return ImageSet(self.data.image_shape, self.data.classes)
        if self.description.dataset not in IMAGE_SETS:
            raise InputError(
                f"the images of data set {shown(self.description.dataset)} are not known; "
                "give --data FILE.npz"
            )
        return IMAGE_SETS[self.description.dataset]

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The tensors of a file of weights.

        Raises:
            InputError: one of them cannot be used.
        """
        from models_zoo.checkpoint import read_checkpoint

        return read_checkpoint(self.suffixed, weights=self.description.weights)

    @cached_property
    def skeleton(self) -> nn.Module:
        """The network of the architecture, to load the weights into.

        Raises:
            InputError: the architecture is unknown or cannot take the images.
        """
        from models_zoo.architectures import build_skeleton

        return build_skeleton(
            self.architecture,
            classes=self.image_set.classes,
            input_shape=self.image_set.input_shape,
        )

    @property
    def architecture(self) -> str:
        """Canonical name of the architecture of weights."""
        from models_zoo.architectures import canonical_name

        return canonical_name(self.description.architecture or "")

    @cached_property
    def fit(self) -> Fit:
        """How the weights were put into :attr:`skeleton`.

        Raises:
            MismatchError: they are those of another network.
            NonFiniteError: one of them is not finite.
            InputError: they cannot be used.
        """
        from models_zoo.architectures.ordered import is_ordered
        from models_zoo.checkpoint import fit_weights

        return fit_weights(
            self.skeleton,
            self.checkpoint.tensors,
            source=self.called,
            channels=self.image_set.input_shape[0],
            ordered=is_ordered(self.architecture),
        )

    @cached_property
    def card(self) -> Card:
        """The card of weights, with their normalization.

        Raises:
            InputError: the given normalization and that of the file contradict each other.
        """
        from models_zoo.sources.description import make_card
        from models_zoo.sources.normalization import settle

        said = self.description
        fields: dict[str, Any] = {
            "name": said.name,
            "dataset": said.dataset,
            "architecture": self.architecture,
            "classes": self.image_set.classes,
            "input_shape": self.image_set.input_shape,
            "mean": (0.0,) if said.mean is None else said.mean,
            "std": (1.0,) if said.std is None else said.std,
            "checkpoint": Path(self.name).name,
            "sha256": self.file.sha256,
            "source": "submitted",
            "weights": self.checkpoint.name,
        }
        stated = said.mean is not None or said.std is not None
        return settle(
            make_card(**fields), self.fit.normalization, stated=stated, source=self.called
        )

    @cached_property
    def network(self) -> nn.Module:
        """The network without its normalization.

        Raises:
            InputError: it cannot be read from the graph; for weights, :attr:`fit` says so first.
        """
        if not self.is_graph:
            _ = self.fit  # puts the weights into it
            return self.skeleton
        from models_zoo.sources.program import read_program

        return read_program(self.suffixed, self.image_set.input_shape)[0]

    @property
    def normalization(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation, given or found in the file."""
        if not self.is_graph:
            return self.card.mean, self.card.std
        said = self.description
        return said.mean or (0.0,), said.std or (1.0,)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """How a file of weights was read, one line each."""
        return (*self.checkpoint.notes, *self.fit.notes)

    @cached_property
    def first_answer(self) -> object:
        """What the network returns for a few random images; a graph within limits of memory.

        Raises:
            Exception: it cannot be called; a network can fail in any way.
        """
        import torch

        from models_zoo.sources.bounded import Bounded, memory_limit
        from models_zoo.sources.examination import random_images

        images = random_images(self.image_set.input_shape)
        mean, std = (torch.tensor(each).view(1, -1, 1, 1) for each in self.normalization)
        network = self.network.eval()
        # Calling a GraphModule prints a traceback when it fails; its forward does not.
        ask = network.forward if self.is_graph else network
        # The operations of a graph are its author's, those of an architecture are known; and
        # PyTorch needs seconds to find out how much memory they need before they run.
        bounds = Bounded(memory_limit()) if self.is_graph else nullcontext()
        with torch.no_grad(), bounds:
            return ask((images - mean) / std)

    @cached_property
    def model(self) -> Classifier:
        """The submitted model, with its normalization inside; the network must have answered."""
        from models_zoo.classifier import Classifier
        from models_zoo.sources.program import program_card

        said = self.description
        if not self.is_graph:
            parameters = sum(each.numel() for each in self.network.parameters()) or None
            card = self.card.model_copy(update={"parameters": parameters})
            return Classifier(self.network, card, self.notes)
        mean, std = self.normalization
        card = program_card(
            self.suffixed,
            self.network,
            name=said.name,
            source="submitted",
            dataset=said.dataset,
            classes=cast("Tensor", self.first_answer).shape[1],
            input_shape=self.image_set.input_shape,
            mean=mean,
            std=std,
        )
        return Classifier(self.network, card)

    @cached_property
    def subject(self) -> Subject:
        """The model with :attr:`images`, as the probes call it; labels are 0 where unknown.

        Of a slow network there are fewer images.

        Raises:
            InputError: it cannot be called with them, or changes when it is called.
        """
        import torch

        from benchmark.memory import default_batch_size
        from benchmark.subject import subject_of

        images = self.images
        labels = (
            torch.zeros(len(images), dtype=torch.int64) if self.data is None else self.data.labels
        )
        count = max(min(FEW, len(images)), self.affordable(1, SECONDS_OF_ANSWERS, len(images)))
        images, labels = images[:count], labels[:count]
        size = default_batch_size(images)
        return self.stack.enter_context(subject_of(self.model, images, labels, batch_size=size))

    @cached_property
    def images(self) -> Tensor:
        """Images (N, C, H, W) to call the model with: of the data, or generated."""
        from leaderboard.submissions.generated_images import generated_images

        if self.data is not None:
            return self.data.images
        return generated_images(self.image_set.input_shape)

    @cached_property
    def seconds_per_image(self) -> float:
        """Processor time of one image in a forward pass, on one core.

        Raises:
            InputError: the model cannot be called with these images.
        """
        import torch

        images = self.images[:TIMED]
        start = time.process_time()
        try:
            with torch.no_grad():
                self.model(images)
        except Exception as error:  # a network can fail in any way
            raise InputError(
                f"the model cannot be called with {len(images)} images: {reason_of(error)}"
            ) from error
        return (time.process_time() - start) / len(images)

    def affordable(self, passes: float, seconds: float, most: int) -> int:
        """How many images can be passed through the model some times in a given time.

        Args:
            passes: forward passes per image; a backward pass counts as two.
            seconds: processor time.
            most: maximum number of images.
        """
        each = max(self.seconds_per_image * passes, 1e-9)
        return int(min(most, seconds / each))

    def some(self, passes: float, seconds: float, most: int) -> Subject:
        """:attr:`subject` on as many of the images as a check can afford.

        Args:
            passes: as for :meth:`affordable`.
            seconds: as for :meth:`affordable`.
            most: as for :meth:`affordable`.

        Raises:
            NotMadeError: they are fewer than :data:`LEAST`, though there are more.
        """
        count = self.affordable(passes, seconds, most)
        if count < min(LEAST, len(self.subject)):
            raise NotMadeError(
                f"the network is too slow here: {passes:g} passes over {LEAST} images take more "
                f"than {seconds:g} s"
            )
        return self.subject.head(count)

    @property
    def few(self) -> Subject:
        """:attr:`subject` on some of the images, for what needs no more."""
        return self.subject.head(max(LEAST, self.affordable(4, SECONDS_OF_ANSWERS, FEW)))

    @cached_property
    def answers(self) -> Tensor:
        """Predicted classes (N,) of :attr:`images`."""
        from models_zoo.prediction import predicted_classes

        return predicted_classes(self.subject.logits())

    @cached_property
    def right(self) -> Tensor:
        """Bool (N,): which examples are classified correctly; only where there are labels."""
        return self.answers == self.subject.labels

    @property
    def score(self) -> tuple[int, int]:
        """Number of examples that are right, and of all."""
        return int(self.right.sum()), len(self.right)

    @cached_property
    def doubtful(self) -> bool:
        """Whether the clean accuracy is lower than it should be, as far as that is known."""
        from benchmark.checks import below_card, no_better_than_chance
        from leaderboard.submissions.accuracy_check import below_usual

        right, n = self.score
        claimed = self.description.claims.clean_accuracy
        usual = below_usual(right, n, self.model.card)
        flags = [no_better_than_chance(right, n, self.subject.classes), usual]
        if claimed is not None:
            flags.append(below_card(right, n, claimed))
        expected = claimed is not None or usual is not None
        low = not expected and right < LOW * n
        return low or any(flag is not None and flag.raised for flag in flags)

    @cached_property
    def comparison(self) -> Comparison | None:
        """The network under the best other normalization, or with the channels reversed.

        ``None`` if it is as accurate as stated or right nearly always, so that no other way can be
        better, or images have another number of channels than 1 or 3.
        """
        from benchmark.subject import subject_of
        from leaderboard.submissions.normalizations import USUAL_NORMALIZATIONS
        from leaderboard.submissions.ways import LEAST_GAIN, best_way, way_of

        right, n = self.score
        known = self.subject.images.shape[1] in USUAL_NORMALIZATIONS
        claimed = self.description.claims.clean_accuracy is not None
        improvable = not claimed and right < (1 - LEAST_GAIN) * n
        if not known or not (self.doubtful or improvable):
            return None
        some = self.some(WAYS, SECONDS_OF_WAYS, n)
        images, labels, size = some.images, some.labels, some.batch_size
        with subject_of(self.network, images, labels, batch_size=size) as bare:
            return best_way(bare, way_of(*self.normalization), self.right[: len(some)])

    @property
    def other_normalization(self) -> Comparison | None:
        """As :attr:`comparison`; ``None`` too where no other normalization is better.

        The order of the channels alone is another check's.
        """
        found = self.comparison
        if found is None or not found.better:
            return None
        return None if found.best.normalization == found.own.normalization else found

    @cached_property
    def function(self) -> str | None:
        """The fingerprint of the function."""
        from leaderboard.submissions.function import function_fingerprint

        return function_fingerprint(self.subject.logits, self.image_set.input_shape)
