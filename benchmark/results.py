"""What a probe answers with: scores, per-example outcomes, curves and cost."""

from __future__ import annotations

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
from benchmark.threats import AnyThreat, JointThreat, OneBudgetThreat, Threat

Outcomes = NDArray[np.bool_]
"""Bool (N,): for each evaluation example, whether it is still classified correctly."""

Role = Literal["headline", "budget", "envelope", "certificate", "control", "reference"]
"""What an outcome is for. ``headline``: an attack at the budgets of the battery's headline;
``budget``: the same attack at another budget; ``envelope``: a short attack at a share of the
headline budgets, to compare with a certificate; ``certificate``: a proof, not an attack;
``control``: nothing is attacked, or at random; ``reference``: an attack of another suite."""


class OutcomeKind(BaseModel):
    """What an outcome says of each example.

    Attributes:
        role: what it is for.
        threat: what the adversary could do; ``None`` where nothing is perturbed, or where outcomes
            under several threats are intersected.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role
    threat: AnyThreat | None = None


@dataclass(frozen=True)
class Outcome:
    """Which examples are still classified correctly under a threat.

    Attributes:
        robust: bool (N,).
        role: what the outcome is for.
        threat: what the adversary could do, see :class:`OutcomeKind`.
    """

    robust: Outcomes
    role: Role
    threat: Threat | None = None

    @property
    def kind(self) -> OutcomeKind:
        """What the outcome says, without the examples."""
        return OutcomeKind.model_validate({"role": self.role, "threat": self.threat})


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
        headline: whether it is shown on the front page.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    description: str
    unit: str
    higher_is_better: bool | None
    headline: bool = False


class Curve(BaseModel):
    """A score over ascending budgets. Curves with the same ``picture`` are drawn together.

    Attributes:
        picture: which picture it belongs to, such as ``"robust_accuracy"``.
        series: its name within that picture, such as ``"linf"``.
        x: budgets, ascending, in the unit of ``x_label``.
        x_text: budgets as the battery writes them, such as ``"8/255"``.
        y: one score per budget.
        unit: of the scores, see :class:`ScoreSpec`.
        role: what the scores are for, see :data:`Role`; ``"budget"`` for the worst that an attack
            found. ``None`` where they say nothing of correctness.
        threat: the threat at the last budget; ``None`` where ``x`` is no budget of a threat.
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
    """A score over two kinds of budgets; ``z[i][j]`` belongs to ``y[i]`` and ``x[j]``.

    Attributes:
        picture: which picture it is.
        x: weight radii, ascending.
        y: input budgets, ascending.
        x_text: radii as the battery writes them.
        y_text: input budgets as the battery writes them.
        z: scores.
        unit: of the scores, see :class:`ScoreSpec`.
        role: what the scores are for, see :data:`Role`.
        threat: the threat at the largest budgets.
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
    """A score for each of several named things, such as layers, drawn as bars.

    Attributes:
        picture: which picture it belongs to, such as ``"layer_sensitivity"``.
        series: its name within that picture; bars of the same picture are drawn side by side.
        x_label: what the names are, such as ``"layer"``.
        y_label: what the scores are; an accuracy or a share is shown as a percentage.
        names: in the order they are drawn.
        y: one score per name.
        unit: of the scores, see :class:`ScoreSpec`.
        role: what the scores are for, see :data:`Role`.
        threat: the threat that all of them are about, where there is one.
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
        outcome_kinds: what each of the outcomes is about, by the same names.
        share_of: scores that are the share of examples in an outcome: the outcome's name by the
            score's.
        headline_threats: the threats that the scores are about.
        values: what was measured of each example, N numbers by name, such as its distance.
        curves: scores over budgets.
        surfaces: scores over pairs of budgets.
        bars: scores of named things.
        thumbnails: small images.
        flags: the checks it made of whether attacks can be trusted on this model.
        protocol: what must be stated beside each number: tensor rule, ball, steps, restarts, ...;
            JSON values by words for readers. It is shown and never read back: what a computation
            needs is a score, a value or a threat.
        cost: time, passes and memory.
        left_out: why the probe was not run, in a line; ``None`` where it was. There are no scores
            then.
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
    flags: list[Flag] = Field(default_factory=list)
    protocol: dict[str, JsonValue] = Field(default_factory=dict)
    cost: Cost = Field(default_factory=Cost)
    left_out: str | None = None

    def with_outcomes(self, outcomes: Mapping[str, Outcome]) -> ProbeResult:
        """The same answer with outcomes, by name."""
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
    """Where a report comes from, so that the same command gives the same numbers.

    Attributes:
        fingerprint: SHA-256 of the model's function (see :func:`models_zoo.fingerprint`).
        checkpoint_sha256: SHA-256 of the checkpoint file, where there is one.
        data_sha256: SHA-256 of the images and labels that were evaluated.
        examples: number of examples.
        split: ``"train"`` where models may have been trained on the examples.
        battery: name of the battery.
        battery_sha256: SHA-256 of the battery's content and algorithms.
        algorithms: versions of the algorithms of the battery's probes (see
            :class:`benchmark.probes.Probe`), by their names. A probe that is missing has version 1;
            the field is not stored where all have.
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
    algorithms: dict[str, int] = Field(default_factory=dict)
    seed: int
    device: str
    threads: int
    versions: dict[str, str]
    created: str

    def algorithm(self, probe: str) -> int:
        """The version of the algorithm that a probe of the battery had."""
        return self.algorithms.get(probe, 1)

    @model_serializer(mode="wrap")
    def _without_first_algorithms(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if not self.algorithms:  # as results were stored before probes had versions
            content.pop("algorithms", None)
        return content

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        fields = {key: value for key, value in schema.items() if key != "serialization"}
        return handler(cast("CoreSchema", fields))
