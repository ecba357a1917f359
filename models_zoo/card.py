"""The catalog card: all metadata of a checkpoint before it is scored."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, model_validator

from models_zoo.inputs import Images, Inputs, Tokens
from models_zoo.preprocessing import Preprocessing
from models_zoo.units import for_byte_images, in_unit_range, written

Source = Literal[
    "bundled",
    "installed",
    "downloaded",
    "robustbench",
    "torchvision",
    "timm",
    "hf-hub",
    "file",
    "submitted",
    "memory",
]

UNKNOWN_DATASET = "unknown"
"""Data set of a foreign model that does not say which one it was trained for."""


class Training(BaseModel):
    """The origin of a checkpoint.

    Attributes:
        recipe: name of the training recipe, such as ``"pgd-at"``.
        settings: the recipe's settings, in its own units (epsilons in input units).
        seed: seed of the run, if known.
        data: the split that was trained on, in words.
        epoch: the epoch after which the weights were taken, if it is not the last.
        extra_data: whether training used more than the data set's own training images; ``None`` if
            that is not known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str
    settings: dict[str, float | int | str | bool] = Field(default_factory=dict)
    seed: int | None = None
    data: str
    epoch: int | None = Field(default=None, ge=1)
    extra_data: bool | None = None


class Robustness(BaseModel):
    """Accuracy of a checkpoint under an input attack, as measured by the card's author.

    Attributes:
        accuracy: share of the examples that the attack did not break.
        norm: of the ball around each image.
        eps: its radius, in input units.
        examples: number of images, the first of the test split; ``None`` if not stated.
        attack: the attack, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    accuracy: float = Field(ge=0, le=1)
    norm: Literal["linf", "l2", "l1"]
    eps: float = Field(ge=0)
    examples: int | None = Field(default=None, ge=1)
    attack: str


class Card(BaseModel):
    """One model of the zoo: what it is, where it is from, how its inputs are normalized.

    Attributes:
        name: unique name, ``<dataset>/<model>`` for models of the zoo.
        dataset: the data set whose classes it predicts.
        architecture: a name of :func:`models_zoo.list_architectures`, or ``<library>:<name>`` where
            another library builds the network, or ``<format>:<hash>`` if the file contains it.
        classes: number of logits.
        input_shape: (channels, height, width) of an image, or (length,) of a text.
        mean: per-channel mean subtracted inside the model; inputs are in [0, 1].
        std: per-channel standard deviation divided by inside the model; token ids are not
            normalized.
        checkpoint: file name of the weights.
        url: where the weights are downloaded from, for source ``"downloaded"``.
        sha256: SHA-256 of that file, verified at load.
        clean_accuracy: accuracy on the data set's test split as measured by the card's author.
        robustness: accuracy under an input attack as measured by the card's author.
        licence: SPDX identifier of the weights' licence.
        training: how the weights were trained.
        authors: of the weights, as they are to be credited; may be empty.
        paper: where the training method or the weights were published.
        source: where the weights are read from.
        parameters: number of trainable values, if known.
        preprocessing: how its authors bring images of any size to ``input_shape``, if known.
        weights: which set of weights of the file was used, if it holds several.
        notes: anything a reader should know.
        function: the logits on generated images as text, by which the same model in another format
            or number type is recognized; added when the model is scored.
        tokens: of a model of texts, the token ids that it takes; ``None`` for images.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    dataset: str
    architecture: str
    classes: int = Field(default=10, ge=2)
    input_shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    checkpoint: str | None = None
    url: HttpUrl | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    clean_accuracy: float | None = Field(default=None, ge=0, le=1)
    robustness: Robustness | None = None
    licence: str | None = None
    training: Training | None = None
    authors: str = Field(default="", max_length=1000)
    paper: HttpUrl | None = None
    source: Source = "bundled"
    parameters: int | None = Field(default=None, ge=1)
    preprocessing: Preprocessing | None = None
    weights: str | None = None
    notes: str = ""
    function: str | None = Field(default=None, max_length=2000, pattern=r"^[ -~]+$")
    tokens: Tokens | None = None

    @model_validator(mode="after")
    def _shape_of_the_inputs(self) -> Card:
        if self.tokens is None and len(self.input_shape) != 3:
            raise ValueError(
                "input_shape must be three numbers (channels, height, width), got "
                f"{self.input_shape}"
            )
        if self.tokens is not None:
            if self.input_shape != self.tokens.shape:
                raise ValueError(f"input_shape must be {self.tokens.shape}, the length of a text")
            if self.mean != (0.0,) or self.std != (1.0,):
                raise ValueError("token ids are not normalized; mean must be 0 and std 1")
        return self

    @property
    def inputs(self) -> Inputs:
        """What the model takes."""
        if self.tokens is not None:
            return self.tokens
        channels, height, width = self.input_shape
        return Images(shape=(channels, height, width))

    @model_validator(mode="after")
    def _one_mean_and_std_per_channel(self) -> Card:
        channels = self.input_shape[0]
        if len(self.mean) not in (1, channels) or len(self.std) not in (1, channels):
            raise ValueError(f"mean and std need 1 or {channels} numbers, one per channel")
        if any(not value > 0 for value in self.std):
            raise ValueError(f"std must be positive, got {self.std}")
        if for_byte_images(self.mean, self.std):
            mean, std = (written(in_unit_range(each)) for each in (self.mean, self.std))
            raise ValueError(
                f"mean {written(self.mean)}, std {written(self.std)} is for images from 0 to 255, "
                f"and images here are in [0, 1]; did you mean mean {mean}, std {std}?"
            )
        return self

    @property
    def brings_network(self) -> bool:
        """Whether the file contains the network itself, so that no architecture has to be named."""
        return self.architecture.startswith(("onnx:", "pt2:"))

    @property
    def recipe(self) -> str:
        """Name of the training recipe, or ``"unknown"``."""
        return self.training.recipe if self.training else "unknown"
