"""Threats as values: what an adversary may perturb, and by how much.

Threats are equal if they allow the same perturbations; the text of their budgets does not matter.
Each has a ``key``, under which outcomes are stored, and a ``label`` for people; neither is ever
parsed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from benchmark.budgets import Budget, Written, budget_named
from benchmark.spaces.inputs import NORMS
from benchmark.spaces.selection import RULES
from benchmark.spaces.weights import GEOMETRIES
from models_zoo.errors import unknown_name

DEFAULT_RULE = "no-normalization"
"""The default rule, which labels leave out."""

ROW_RULE = "embedding-row"
"""The rule of backdoors by which only the trigger's rows of the embeddings may move."""

SPARSE_RULE = "kernels"
"""The default rule of sparse changes, which labels leave out."""

STORAGES: dict[str, tuple[str, str]] = {
    "weights": ("changed weight", "changed weights"),
    "weights-unbounded": ("changed weight of any size", "changed weights of any size"),
    "float32-bits": ("flipped float32 bit", "flipped float32 bits"),
    "int8-bits": ("flipped int8 bit", "flipped int8 bits"),
}
"""What one sparse change of stored weights is, in words for one and for several. ``weights``: a
weight gets any value within the largest absolute value of its tensor; ``weights-unbounded``: any
finite value; ``float32-bits``: one bit of a weight in float32 is flipped, and the weight stays
finite; ``int8-bits``: one bit of a weight rounded to 8 bits, as in the bits probe."""

_IN_ANY_WEIGHTS = ("weights", "float32-bits")
"""Storages whose changes are changes of as many weights or fewer to finite values."""


class Threat(ABC):
    """A set of perturbations that an adversary may choose from."""

    kind: str
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    @property
    def key(self) -> str:
        """A short text that is the same for equal threats and different for others."""
        return "/".join([self.kind, *self.parts])

    @property
    @abstractmethod
    def parts(self) -> tuple[str, ...]:
        """The parts of the key, without the kind."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The threat in a few words, with the texts of its budgets."""

    @property
    def clause(self) -> str:
        """The end of a sentence such as "classified correctly under ...", in plain words."""
        return self.label

    @property
    @abstractmethod
    def budgets(self) -> tuple[Budget, ...]:
        """All budgets, those of inputs before those of weights."""

    @abstractmethod
    def scaled(self, share: float) -> Self:
        """The same threat with every budget multiplied by a number."""


class OneBudgetThreat(Threat):
    """A threat with a single budget, in the field that ``budget_field`` names."""

    budget_field: ClassVar[str]

    def __post_init__(self) -> None:
        """Convert a number or a text to a budget."""
        name = self.budget_field
        object.__setattr__(self, name, budget_named(name, getattr(self, name)))

    @property
    def budget(self) -> Budget:
        """The budget."""
        budget: Budget = getattr(self, self.budget_field)
        return budget

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """The budget alone."""
        return (self.budget,)

    def at(self, budget: float) -> Self:
        """The same threat with another budget."""
        return replace(self, **{self.budget_field: Budget.of(budget)})  # type: ignore[type-var]

    def scaled(self, share: float) -> Self:
        """As :meth:`Threat.scaled`."""
        return self.at(share * self.budget)


@dataclass(frozen=True)
class InputThreat(OneBudgetThreat):
    """Each image may be perturbed inside a ball of its own, within [0, 1].

    Attributes:
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        eps: radius of the balls, input units.
    """

    norm: str
    eps: Written
    kind: Literal["input"] = "input"
    budget_field = "eps"

    def __post_init__(self) -> None:
        """Refuse an unknown norm, and convert the radius to a budget."""
        super().__post_init__()
        if self.norm not in NORMS:
            raise unknown_name("norm", self.norm, NORMS)

    @property
    def parts(self) -> tuple[str, ...]:
        """Norm and radius, such as ``input/linf/0.25``."""
        return self.norm, repr(float(self.eps))

    @property
    def label(self) -> str:
        """Such as ``linf 8/255``."""
        return f"{self.norm} {self.eps.text}"

    @property
    def clause(self) -> str:
        """Such as ``any change of the image within linf 8/255``."""
        return f"any change of the image within {self.label}"


@dataclass(frozen=True)
class WeightThreat(OneBudgetThreat):
    """The weights may be perturbed inside a ball, once for all examples.

    Attributes:
        geometry: geometry of the ball, see :class:`benchmark.spaces.WeightBall`.
        radius: of the ball, in the unit of the geometry.
        rule: which tensors may move, see :data:`benchmark.spaces.RULES`.
    """

    geometry: str
    radius: Written
    rule: str = DEFAULT_RULE
    kind: Literal["weight"] = "weight"
    budget_field = "radius"

    def __post_init__(self) -> None:
        """Refuse an unknown geometry or rule, and convert the radius to a budget."""
        super().__post_init__()
        _require_known(self.geometry, self.rule)

    @property
    def parts(self) -> tuple[str, ...]:
        """Geometry, rule and radius, such as ``weight/relative-l2/no-normalization/0.02``."""
        return self.geometry, self.rule, repr(float(self.radius))

    @property
    def label(self) -> str:
        """Such as ``relative-l2 radius 0.02``."""
        rule = "" if self.rule == DEFAULT_RULE else f" ({self.rule})"
        return f"{self.geometry} radius {self.radius.text}{rule}"

    @property
    def size(self) -> str:
        """How far the weights may move: ``0.5% per layer``, or the label for other geometries."""
        share = f"{100 * self.radius:.6g}%"
        return f"{share} per layer" if self.geometry == "relative-l2" else self.label

    @property
    def clause(self) -> str:
        """Such as ``any change of the weights within 0.5% per layer``."""
        return f"any change of the weights within {self.size}"


@dataclass(frozen=True)
class JointThreat(Threat):
    """The product of an input and a weight threat: images and weights are perturbed at once.

    Attributes:
        inputs: the threat to each image.
        weights: the threat to the weights, shared by all examples.
    """

    inputs: InputThreat
    weights: WeightThreat
    kind: Literal["joint"] = "joint"

    @property
    def parts(self) -> tuple[str, ...]:
        """Those of the inputs, then those of the weights."""
        return *self.inputs.parts, *self.weights.parts

    @property
    def label(self) -> str:
        """Such as ``linf 8/255 and relative-l2 radius 0.02``."""
        return f"{self.inputs.label} and {self.weights.label}"

    @property
    def clause(self) -> str:
        """Such as ``both at once within linf 4/255 and 0.25% per layer``."""
        return f"both at once within {self.inputs.label} and {self.weights.size}"

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """The radius of the input balls and that of the weight ball."""
        return *self.inputs.budgets, *self.weights.budgets

    def scaled(self, share: float) -> Self:
        """As :meth:`Threat.scaled`."""
        return replace(self, inputs=self.inputs.scaled(share), weights=self.weights.scaled(share))


@dataclass(frozen=True)
class BackdoorThreat(OneBudgetThreat):
    """The weights may be perturbed inside a ball so that a trigger determines the predicted class.

    Attributes:
        geometry: geometry of the ball, see :class:`benchmark.spaces.WeightBall`.
        radius: of the ball, in the unit of the geometry.
        rule: which tensors may move, see :data:`benchmark.spaces.RULES`; or :data:`ROW_RULE`.
        trigger: text of the trigger; ``None`` for any trigger of the battery.
        target: the target class; ``None`` for any target of the battery.
    """

    geometry: str
    radius: Written
    rule: str = DEFAULT_RULE
    trigger: str | None = None
    target: int | None = None
    kind: Literal["backdoor"] = "backdoor"
    budget_field = "radius"

    def __post_init__(self) -> None:
        """Refuse an unknown geometry or rule, and convert the radius to a budget."""
        super().__post_init__()
        _require_known(self.geometry, self.rule, ROW_RULE)

    @property
    def weights(self) -> WeightThreat:
        """The ball around the weights; for :data:`ROW_RULE`, in which all rows may move."""
        rule = "embedding" if self.rule == ROW_RULE else self.rule
        return WeightThreat(self.geometry, self.radius, rule)

    @property
    def parts(self) -> tuple[str, ...]:
        """Geometry, rule and radius, then the trigger and the target where they are set."""
        chosen = [str(each) for each in (self.trigger, self.target) if each is not None]
        return self.geometry, self.rule, repr(float(self.radius)), *chosen

    @property
    def label(self) -> str:
        """Such as ``relative-linf radius 0.2``, with the trigger and target where they are set."""
        rule = "" if self.rule == DEFAULT_RULE else f" ({self.rule})"
        trigger = "" if self.trigger is None else f", {self.trigger}"
        target = "" if self.target is None else f", target class {self.target}"
        return f"{self.geometry} radius {self.radius.text}{rule}{trigger}{target}"


@dataclass(frozen=True)
class SparseBackdoorThreat(OneBudgetThreat):
    """A few stored weights or bits may be changed so that a trigger determines the predicted class.

    Attributes:
        changes: the largest number of changed weights or bits, a whole number.
        storage: what one change is, see :data:`STORAGES`.
        trigger: text of the trigger; ``None`` for any fixed trigger of the battery.
        target: the target class; ``None`` for any target of the battery.
        rule: which weights of linear maps and embeddings may change, see
            :data:`benchmark.spaces.RULES`, by default all; or :data:`ROW_RULE`.
    """

    changes: Written
    storage: str = "float32-bits"
    trigger: str | None = None
    target: int | None = None
    rule: str = SPARSE_RULE
    kind: Literal["sparse-backdoor"] = "sparse-backdoor"
    budget_field = "changes"

    def __post_init__(self) -> None:
        """Refuse an unknown storage or rule, and convert the number to a budget."""
        super().__post_init__()
        if not isinstance(self.storage, str) or self.storage not in STORAGES:
            raise unknown_name("storage of weights", self.storage, STORAGES)
        _require_rule(self.rule, ROW_RULE)

    @property
    def parts(self) -> tuple[str, ...]:
        """Storage, rule and number, then the trigger and the target, where they are set."""
        rule = () if self.rule == SPARSE_RULE else (self.rule,)
        chosen = [str(each) for each in (self.trigger, self.target) if each is not None]
        return self.storage, *rule, repr(float(self.changes)), *chosen

    @property
    def label(self) -> str:
        """Such as ``1 flipped float32 bit, 3x3 square of 1, lower right, target class 0``."""
        one, several = STORAGES[self.storage]
        trigger = "a fixed trigger" if self.trigger is None else self.trigger
        target = "" if self.target is None else f", target class {self.target}"
        changed = one if self.changes == 1.0 else several
        rule = "" if self.rule == SPARSE_RULE else f" ({self.rule})"
        return f"{self.changes.text} {changed}{rule}, {trigger}{target}"


@dataclass(frozen=True)
class BitErrorThreat(OneBudgetThreat):
    """Every stored bit of the weights is flipped at random, with the same probability.

    Attributes:
        rate: probability that a bit is flipped.
        rule: which tensors are stored in bits, see :data:`benchmark.spaces.RULES`.
    """

    rate: Written
    rule: str = "kernels"
    kind: Literal["bit-errors"] = "bit-errors"
    budget_field = "rate"

    @property
    def parts(self) -> tuple[str, ...]:
        """Rule and rate, such as ``bit-errors/kernels/0.01``."""
        return self.rule, repr(float(self.rate))

    @property
    def label(self) -> str:
        """Such as ``bit error rate 0.01``."""
        return f"bit error rate {self.rate.text}"


@dataclass(frozen=True)
class BitFlipThreat(OneBudgetThreat):
    """An adversary may flip a number of stored bits of the weights.

    Attributes:
        flips: the largest number of bits, a whole number.
        rule: which tensors are stored in bits, see :data:`benchmark.spaces.RULES`.
    """

    flips: Written
    rule: str = "kernels"
    kind: Literal["bit-flips"] = "bit-flips"
    budget_field = "flips"

    @property
    def parts(self) -> tuple[str, ...]:
        """Rule and number, such as ``bit-flips/kernels/10.0``."""
        return self.rule, repr(float(self.flips))

    @property
    def label(self) -> str:
        """Such as ``10 flipped bits``."""
        return f"{self.flips.text} flipped bit{'s' if self.flips != 1.0 else ''}"


@dataclass(frozen=True)
class RegionThreat(OneBudgetThreat):
    """A part of each image may take any values in [0, 1].

    Attributes:
        region: ``"full"``, ``"centre"``, ``"frame"``, ``"random"`` or ``"saliency"``.
        size: edge of the square, width of the frame or number of pixels; 0 for the full image.
        transferred: whether the examples come from surrogates.
    """

    region: str
    size: Written
    transferred: bool = False
    kind: Literal["region"] = "region"
    budget_field = "size"

    @property
    def parts(self) -> tuple[str, ...]:
        """Region, size and access, such as ``region/centre/4.0/white-box``."""
        return self.region, repr(float(self.size)), self._access

    @property
    def label(self) -> str:
        """Such as ``centre 4, white-box``."""
        size = "" if self.region == "full" else f" {self.size.text}"
        return f"{self.region}{size}, {self._access}"

    @property
    def _access(self) -> str:
        return "transfer" if self.transferred else "white-box"


def _require_known(geometry: str, rule: str, *further: str) -> None:
    if not isinstance(geometry, str) or geometry not in GEOMETRIES:
        raise unknown_name("weight geometry", geometry, GEOMETRIES)
    _require_rule(rule, *further)


def _require_rule(rule: str, *further: str) -> None:
    if not isinstance(rule, str) or rule not in (*RULES, *further):
        raise unknown_name("weight rule", rule, (*RULES, *further))


AnyThreat = Annotated[
    InputThreat
    | WeightThreat
    | JointThreat
    | BackdoorThreat
    | SparseBackdoorThreat
    | BitErrorThreat
    | BitFlipThreat
    | RegionThreat,
    Field(discriminator="kind"),
]
"""Any of the threats, as the type of a pydantic field."""


def includes(threat: Threat, other: Threat) -> bool:
    """Whether everything that another threat allows is allowed by this one.

    A joint threat includes the threats to images alone and to weights alone that its parts include,
    since the other part need not be perturbed. Balls of different norms, geometries or rules are
    not compared. Sparse changes to any finite values include those within a bound and flipped bits
    of float32, which change one weight each.

    Args:
        threat: the threat that may be larger.
        other: the threat that may be smaller.
    """
    if isinstance(threat, JointThreat):
        if isinstance(other, JointThreat):
            return includes(threat.inputs, other.inputs) and includes(threat.weights, other.weights)
        return includes(threat.inputs, other) or includes(threat.weights, other)
    if (
        isinstance(threat, SparseBackdoorThreat)
        and isinstance(other, SparseBackdoorThreat)
        and threat.storage == "weights-unbounded"
        and other.storage in _IN_ANY_WEIGHTS
    ):
        other = replace(other, storage=threat.storage)
    if isinstance(threat, OneBudgetThreat) and type(other) is type(threat):
        return threat.budget >= other.budget and threat.at(other.budget) == other
    return False


def labels(threats: Iterable[Threat]) -> str:
    """The labels of threats as one text, such as ``linf 8/255, l2 0.5``."""
    return ", ".join(dict.fromkeys(threat.label for threat in threats))
