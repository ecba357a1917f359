"""What a probe answers with: scores, per-example outcomes, curves and cost."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

Outcomes = NDArray[np.bool_]
"""Bool (N,): for each evaluation example, whether it is still classified correctly."""


class Score(BaseModel):
    """One number with its number of examples and its 95% interval.

    Attributes:
        value: the score, in the unit its :class:`ScoreSpec` states.
        n: number of examples (or draws) it is computed from.
        low: lower end of the 95% interval; equal to ``value`` where there is no sampling.
        high: upper end of the 95% interval.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    n: int
    low: float
    high: float


class ScoreSpec(BaseModel):
    """What a column of the leaderboard means.

    Attributes:
        label: heading, short enough for a table.
        description: one or two sentences a reader can act on.
        unit: ``"share"`` (shown as a percentage), ``"nats"``, ``"radius"``, ``"loss"``,
            ``"count"`` (shown without decimals) or ``""``.
        higher_is_better: direction; ``None`` where neither end is better.
        headline: whether it stands on the front page.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    description: str
    unit: str
    higher_is_better: bool | None
    headline: bool = False


class Curve(BaseModel):
    """A score over a ladder of budgets. Curves with the same ``picture`` are drawn together.

    Attributes:
        picture: which picture it belongs to, such as ``"robust_accuracy"``.
        series: its name within that picture, such as ``"linf"``.
        x: budgets, ascending, in the unit of ``x_label``.
        x_text: budgets as the battery writes them, such as ``"8/255"``.
        y: one score a budget.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: str
    series: str
    x_label: str
    y_label: str
    x: list[float]
    x_text: list[str]
    y: list[Score]


class Surface(BaseModel):
    """A score over two ladders of budgets; ``z[i][j]`` belongs to ``y[i]`` and ``x[j]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: str
    x_label: str
    y_label: str
    z_label: str
    x: list[float]
    y: list[float]
    x_text: list[str]
    y_text: list[str]
    z: list[list[float]]


class Bars(BaseModel):
    """A score for each of several named things, such as layers, drawn as bars.

    Attributes:
        picture: which picture it belongs to, such as ``"layer_sensitivity"``.
        series: its name within that picture; bars of the same picture stand side by side.
        x_label: what the names are, such as ``"layer"``.
        y_label: what the scores are; an accuracy or a share is shown as a percentage.
        names: in the order they are drawn.
        y: one score a name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: str
    series: str
    x_label: str
    y_label: str
    names: list[str]
    y: list[Score]


class Thumbnail(BaseModel):
    """A small image, such as a trigger, shown enlarged.

    Attributes:
        picture: which row of images it belongs to, such as ``"triggers"``.
        caption: what it shows.
        shape: channels, height and width; 1 or 3 channels.
        pixels: its uint8 values, channels first, in base64.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: str
    caption: str
    shape: tuple[int, int, int]
    pixels: str

    @classmethod
    def of(cls, picture: str, caption: str, image: Tensor) -> Thumbnail:
        """From an image (C, H, W) in [0, 1]; other numbers of channels are averaged to one."""
        shown = image.detach().cpu()
        if len(shown) not in (1, 3):
            shown = shown.mean(0, keepdim=True)
        values = (shown.clamp(0, 1) * 255).round().byte().contiguous().numpy()
        return cls(
            picture=picture,
            caption=caption,
            shape=tuple(values.shape),
            pixels=b64encode(values.tobytes()).decode(),
        )


class Cost(BaseModel):
    """What an answer cost.

    Attributes:
        seconds: wall time.
        forwards: images passed forward through the model.
        backwards: images passed backward through the model.
        peak_memory: the process's peak resident memory (CPU) or the allocator's peak (CUDA), bytes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = 0.0
    forwards: int = 0
    backwards: int = 0
    peak_memory: int = 0


class Flag(BaseModel):
    """A check of whether a model's numbers can be trusted, recorded whether or not it was raised.

    Attributes:
        name: the check's name, such as ``"vanishing_gradients"``.
        title: what a raised flag says, in a few words.
        raised: whether what was measured lies beyond what honest models show.
        figure: what was measured; ``None`` where there was nothing to measure it on.
        saw: what was measured, in a sentence with its numbers and the limit.
        advice: what to do when it is raised.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    raised: bool
    figure: float | None
    saw: str
    advice: str


class ProbeResult(BaseModel):
    """The answer of one probe on one model.

    Attributes:
        probe: the probe's name.
        scores: by name, without the probe's own name in front.
        outcomes: bool (N,) vectors by name; ``"headline"`` is the one at the headline budget.
        values: what was measured of each example, N numbers by name, such as its distance.
        curves: scores over ladders of budgets.
        surfaces: scores over pairs of ladders.
        bars: scores of named things.
        thumbnails: small images.
        flags: the checks it made of whether attacks can be trusted on this model.
        protocol: what must be stated beside each number: tensor rule, ball, steps, restarts, ...
        cost: time, passes and memory.
        left_out: why the probe was not run, in a line; ``None`` where it was. There are no scores
            then.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    probe: str
    scores: dict[str, Score]
    outcomes: dict[str, Outcomes] = Field(default_factory=dict, exclude=True)
    values: dict[str, list[float]] = Field(default_factory=dict)
    curves: list[Curve] = Field(default_factory=list)
    surfaces: list[Surface] = Field(default_factory=list)
    bars: list[Bars] = Field(default_factory=list)
    thumbnails: list[Thumbnail] = Field(default_factory=list)
    flags: list[Flag] = Field(default_factory=list)
    protocol: dict[str, Any] = Field(default_factory=dict)
    cost: Cost = Field(default_factory=Cost)
    left_out: str | None = None


class Provenance(BaseModel):
    """Where a report comes from, so that the same command gives the same numbers.

    Attributes:
        fingerprint: SHA-256 of the model's function (see :func:`models_zoo.fingerprint`).
        checkpoint_sha256: SHA-256 of the checkpoint file, where there is one.
        data_sha256: SHA-256 of the images and labels that were evaluated.
        examples: number of examples.
        split: ``"train"`` where models may have been trained on the examples.
        battery: name of the battery.
        battery_sha256: SHA-256 of the battery's content.
        seed: root of every random draw.
        device: such as ``"cpu"``.
        threads: intra-operation threads.
        versions: versions of Python and of the packages that can change a number.
        created: UTC time, ISO 8601.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: str
    checkpoint_sha256: str | None = None
    data_sha256: str
    examples: int
    split: Literal["train", "test"] = "test"
    battery: str
    battery_sha256: str
    seed: int
    device: str
    threads: int
    versions: dict[str, str]
    created: str
