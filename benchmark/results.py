"""The results of probes: scores, per-example outcomes, curves and cost."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from torch import Tensor

from benchmark.budgets import Budget
from benchmark.interval_kinds import IntervalKind, is_interval
from benchmark.passages import Passage
from benchmark.threats import AnyThreat, JointThreat, OneBudgetThreat, Threat
from models_zoo.display import label, shown

Outcomes = NDArray[np.bool_]
"""Bool (N,): for each evaluation example, whether it is still classified correctly."""

Role = Literal["headline", "budget", "success", "envelope", "certificate", "control", "reference"]
"""The role of an outcome. ``headline``: an attack at the budgets of the battery's headline;
``budget``: the same attack at another budget; ``success``: the share of examples that get the
adversary's class, where this is not the error; ``envelope``: a short attack at a share of the
headline budgets, to compare with a certificate; ``certificate``: a proof, not an attack;
``control``: nothing is attacked, or at random; ``reference``: an attack of another suite."""


Isolation = Literal["limits", "landlock", "bubblewrap"]
"""How well a model was isolated from the machine that it was evaluated on; see
``docs/operating.md``."""


SHOWN_SCORES = 6
"""Maximum number of scores in the text of a result."""


class OutcomeKind(BaseModel):
    """The role and the threat of an outcome.

    Attributes:
        role: role of the outcome.
        threat: the threat; ``None`` if nothing is perturbed, or if outcomes under several threats
            are intersected.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role
    threat: AnyThreat | None = None


@dataclass(frozen=True)
class Outcome:
    """Which examples are still classified correctly under a threat.

    Attributes:
        robust: bool (N,).
        role: role of the outcome.
        threat: the threat, see :class:`OutcomeKind`.
    """

    robust: Outcomes
    role: Role
    threat: Threat | None = None

    @property
    def kind(self) -> OutcomeKind:
        """The role and the threat, without the examples."""
        return OutcomeKind.model_validate({"role": self.role, "threat": self.threat})


class Score(BaseModel):
    """A number with its number of examples and its 95% interval.

    Attributes:
        value: the score, in the unit its :class:`ScoreSpec` states.
        n: number of examples (or draws) it is computed from.
        low: lower end of the 95% interval; equal to ``high`` or infinite if there is no interval.
        high: upper end of the 95% interval.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    n: int
    low: float
    high: float

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends of the 95% interval; ``None`` if there is none.

        :mod:`benchmark.interval_kinds` has the reasons.
        """
        return (self.low, self.high) if is_interval(self.low, self.high) else None


class ScoreSpec(BaseModel):
    """The meaning of a score.

    Attributes:
        label: short heading.
        description: one or two sentences.
        unit: ``"share"`` (shown as a percentage), ``"nats"``, ``"radius"``, ``"loss"``,
            ``"count"`` (shown without decimals) or ``""``.
        higher_is_better: direction; ``None`` if neither end is better.
        headline: whether it is a column of the board by default.
        interval: kind of its 95% interval, or why it has none; see :mod:`benchmark.interval_kinds`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    description: str
    unit: str
    higher_is_better: bool | None
    headline: bool = False
    interval: IntervalKind = ""


class Curve(BaseModel):
    """A score over ascending budgets. Curves with the same ``picture`` are in the same chart.

    Attributes:
        picture: name of its chart, such as ``"robust_accuracy"``.
        series: its name within that chart, such as ``"linf"``.
        x: budgets, ascending, in the unit of ``x_label``.
        x_text: budgets as the battery writes them, such as ``"8/255"``.
        y: one score per budget.
        unit: of the scores, see :class:`ScoreSpec`.
        role: role of the scores, see :data:`Role`; ``"budget"`` for the worst that an attack found.
            ``None`` if they are not about correctness.
        threat: the threat at the last budget; ``None`` if ``x`` is not a budget of a threat.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: str
    series: str
    x_label: str
    y_label: str
    x: list[float]
    x_text: list[str]
    y: list[Score]
    unit: str = ""
    role: Role | None = None
    threat: AnyThreat | None = None

    def threat_at(self, place: int) -> Threat | None:
        """The threat of one of the scores, by its index.

        For a joint threat ``x`` is the share of both budgets.
        """
        if isinstance(self.threat, OneBudgetThreat):
            return self.threat.at(Budget(self.x[place], self.x_text[place]))
        if self.threat is not None:
            return self.threat.scaled(self.x[place])
        return None


class Surface(BaseModel):
    """A score over pairs, such as of budgets; ``z[i][j]`` belongs to ``y[i]`` and ``x[j]``.

    Attributes:
        picture: name of its chart.
        x: weight radii, or other numbers, ascending.
        y: input budgets, or other numbers, ascending.
        x_text: radii as the battery writes them, or what else is shown for each ``x``.
        y_text: input budgets likewise.
        z: scores.
        unit: of the scores, see :class:`ScoreSpec`.
        role: role of the scores, see :data:`Role`.
        threat: the threat at the largest budgets; ``None`` if there are no budgets.
    """

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
    unit: str = ""
    role: Role | None = None
    threat: JointThreat | None = None

    def threat_at(self, row: int, column: int) -> JointThreat | None:
        """The threat of ``z[row][column]``."""
        if self.threat is None:
            return None
        return JointThreat(
            self.threat.inputs.at(Budget(self.y[row], self.y_text[row])),
            self.threat.weights.at(Budget(self.x[column], self.x_text[column])),
        )


class Bars(BaseModel):
    """Scores by name, such as one per layer, for a bar chart.

    Attributes:
        picture: name of its chart, such as ``"layer_sensitivity"``.
        series: its name within that chart; bars of the same chart are drawn side by side.
        x_label: what the names are, such as ``"layer"``.
        y_label: what the scores are; an accuracy or a share is shown as a percentage.
        names: in drawing order.
        y: one score per name.
        unit: of the scores, see :class:`ScoreSpec`.
        role: role of the scores, see :data:`Role`.
        threat: the threat of all scores, if there is one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: str
    series: str
    x_label: str
    y_label: str
    names: list[str]
    y: list[Score]
    unit: str = ""
    role: Role | None = None
    threat: AnyThreat | None = None


class Thumbnail(BaseModel):
    """A small image, such as a trigger, shown enlarged.

    Attributes:
        picture: name of its row of images, such as ``"triggers"``.
        caption: caption of the image.
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
    """The cost of a result.

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
    """The outcome of a check, recorded whether or not the flag was raised.

    Attributes:
        name: the check's name, such as ``"vanishing_gradients"``.
        title: meaning of a raised flag, in a few words.
        raised: whether the figure is beyond its limit.
        figure: the measured figure; ``None`` if there was nothing to measure.
        saw: the figure in a sentence, with the numbers and the limit.
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
    """The result of one probe on one model.

    Attributes:
        probe: the probe's name.
        scores: by name, without the probe's own name in front.
        outcomes: bool (N,) vectors by name; ``"headline"`` is the one at the headline budget.
        outcome_kinds: role and threat of each outcome, by the same names.
        share_of: scores that are the share of examples in an outcome: the outcome's name by the
            score's.
        headline_threats: the threats that the scores are about.
        values: measurements per example, N numbers by name, such as distances.
        curves: scores over budgets.
        surfaces: scores over pairs of budgets.
        bars: scores by name, for bar charts.
        thumbnails: small images.
        passages: sentences with a marked part; not written where there are none, as most results
            have none and earlier versions do not know them.
        flags: checks of whether attacks can be trusted on this model.
        protocol: conditions of the scores for readers: tensor rule, ball, steps, restarts, ..., as
            JSON values. It is never read back: computations use scores, values and threats.
        cost: time, passes and memory.
        left_out: the reason why the probe was not run, in one line; ``None`` if it was. A probe
            that was not run has no scores.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    probe: str
    scores: dict[str, Score]
    outcomes: dict[str, Outcomes] = Field(default_factory=dict, exclude=True)
    outcome_kinds: dict[str, OutcomeKind] = Field(default_factory=dict)
    share_of: dict[str, str] = Field(default_factory=dict)
    headline_threats: list[AnyThreat] = Field(default_factory=list)
    values: dict[str, list[float]] = Field(default_factory=dict)
    curves: list[Curve] = Field(default_factory=list)
    surfaces: list[Surface] = Field(default_factory=list)
    bars: list[Bars] = Field(default_factory=list)
    thumbnails: list[Thumbnail] = Field(default_factory=list)
    passages: list[Passage] = Field(default_factory=list, exclude_if=lambda found: not found)
    flags: list[Flag] = Field(default_factory=list)
    protocol: dict[str, JsonValue] = Field(default_factory=dict)
    cost: Cost = Field(default_factory=Cost)
    left_out: str | None = None

    def __eq__(self, other: object) -> bool:
        """Whether everything but the cost is the same, to the last bit."""
        if not isinstance(other, ProbeResult):
            return NotImplemented
        mine, theirs = self.outcomes, other.outcomes
        return (
            mine.keys() == theirs.keys()
            and all(np.array_equal(bits, theirs[name]) for name, bits in mine.items())
            and self._text() == other._text()
        )

    def _text(self) -> str:
        """Everything but outcomes and cost as text, in which NaN is the same as NaN."""
        return json.dumps(self.model_dump(exclude={"cost"}), sort_keys=True)

    def __repr__(self) -> str:
        """The probe and its first scores, on one line."""
        first = list(self.scores.items())[:SHOWN_SCORES]
        parts = [f"{label(name)}={score.value:.4g}" for name, score in first]
        parts += ["..."] if len(self.scores) > SHOWN_SCORES else []
        parts += [] if self.left_out is None else [f"left out: {label(self.left_out)}"]
        return f"ProbeResult({', '.join([shown(self.probe), *parts])})"

    def with_outcomes(self, outcomes: Mapping[str, Outcome]) -> ProbeResult:
        """The same result with outcomes, by name."""
        return self.model_copy(
            update={
                "outcomes": {name: outcome.robust for name, outcome in outcomes.items()},
                "outcome_kinds": {name: outcome.kind for name, outcome in outcomes.items()},
            }
        )

    def outcome(self, name: str) -> Outcome:
        """One of the outcomes with its threat.

        Raises:
            KeyError: there is no such outcome, or it was stored without its kind.
        """
        kind = self.outcome_kinds[name]
        return Outcome(self.outcomes[name], kind.role, kind.threat)

    def outcomes_as(self, role: Role) -> dict[str, Outcome]:
        """The outcomes of a role, by name."""
        names = [name for name, kind in self.outcome_kinds.items() if kind.role == role]
        return {name: self.outcome(name) for name in names if name in self.outcomes}


class Provenance(BaseModel):
    """The provenance of a report, so that the same command gives the same numbers.

    Attributes:
        fingerprint: SHA-256 of the model's function (see :func:`models_zoo.fingerprint`).
        checkpoint_sha256: SHA-256 of the checkpoint file, if there is one.
        data_sha256: SHA-256 of the images and labels that were evaluated.
        examples: number of examples.
        split: ``"train"`` if models may have been trained on the examples.
        own_data: whether the examples are other images than the first ones of the battery's data
            set (see :func:`benchmark.datasets.standard.origin_of`); ``None`` in results that were
            stored before this was recorded.
        battery: name of the battery.
        battery_sha256: SHA-256 of the battery's content and algorithms.
        algorithms: versions of the algorithms of the battery's probes (see
            :class:`benchmark.probes.Probe`), by their names. A probe that is missing has version 1;
            the field is not stored where all have.
        intervals: version of the methods of intervals, see
            :data:`benchmark.interval_kinds.INTERVALS_VERSION`; not stored if it is 1.
        seed: root of every random draw.
        device: such as ``"cpu"``.
        threads: intra-operation threads.
        versions: versions of Python and of the packages that can change a number.
        created: UTC time, ISO 8601.
        isolation: how well the model was isolated; ``None``, and not stored, if it was evaluated in
            the process of its user.
        processor: what computed, see :func:`benchmark.processor.processor`; ``None``, and not
            stored, in results from before this was recorded.
        carried_from: hash of the earlier version of the battery with which the result was computed,
            if the probe is the same in this one, see :func:`benchmark.batteries.is_unchanged`;
            ``None``, and not stored, if it was computed with this one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: str
    checkpoint_sha256: str | None = None
    data_sha256: str
    examples: int
    split: Literal["train", "test"] = "test"
    own_data: bool | None = None
    battery: str
    battery_sha256: str
    algorithms: dict[str, int] = Field(default_factory=dict)
    intervals: int = 1
    seed: int
    device: str
    threads: int
    versions: dict[str, str]
    created: str
    isolation: Isolation | None = None
    processor: str | None = Field(default=None, max_length=200)
    carried_from: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")

    def algorithm(self, probe: str) -> int:
        """The version of the algorithm that a probe of the battery had."""
        return self.algorithms.get(probe, 1)

    @model_serializer(mode="wrap")
    def _without_first_versions(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if not self.algorithms:  # as stored before algorithms had versions
            content.pop("algorithms", None)
        if self.intervals == 1:  # likewise
            content.pop("intervals", None)
        for name in ("isolation", "processor", "carried_from"):  # likewise
            if content.get(name) is None:
                content.pop(name, None)
        return content

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        fields = {key: value for key, value in schema.items() if key != "serialization"}
        return handler(cast("CoreSchema", fields))
