"""The base class of probes: settings, documented scores, and how they are presented."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar, final, get_args, get_origin

from torch import Tensor

from benchmark.attacks.inputs.pilot import Pilot
from benchmark.checks.coverage import weights_under_attack
from benchmark.interval_kinds import IntervalKind
from benchmark.probes.definition import Definition, read_definition
from benchmark.probes.settings import ProbeSettings
from benchmark.requirements import missing_image_gradients, missing_weights
from benchmark.results import Cost, Flag, Outcomes, ProbeResult, ScoreSpec, Thumbnail
from benchmark.subject import Subject
from benchmark.threats import AnyThreat
from benchmark.work import PassMix, Steps, Work
from models_zoo.errors import InputError, shown
from models_zoo.inputs import KINDS, Kind

S = TypeVar("S", bound=ProbeSettings)
"""The settings of a probe."""

Perturbed = Literal["images", "weights"]

USUAL_PASSES_PER_EXAMPLE = 1300.0
"""Passes per example of a probe that does not say how many it expects: the mean of the probes of
``digits-v1`` on 60 examples and the network ``digits/cnn-pgd-at``."""

CLASSIFIED = 64
"""Examples from which :func:`share_classified` is estimated."""


@dataclass(frozen=True)
class TakenOver:
    """Work that a probe takes over from another one.

    Attributes:
        probe: the other probe's name.
        steps: the work.
    """

    probe: str
    steps: Steps


@dataclass(frozen=True)
class ProfileShare:
    """The share of examples by which a probe appears in a model's profile on the board.

    Attributes:
        score: name of the probe's score; its unit is ``"share"``.
        label: one or two words for the profile.
        complement: whether the profile shows 1 minus the score, where lower scores are better.
    """

    score: str
    label: str
    complement: bool = False


class Probe(ABC, Generic[S]):
    """A question about a model, with its settings, scores and presentation.

    A probe lies in a folder of its own together with its settings, its charts and its
    ``definition.toml``. Boards, pages, comparisons and exports use the attributes of the class: a
    new probe needs its class and a call of :func:`benchmark.probes.register_probe`.

    Attributes:
        name: its name in batteries, results and on the command line.
        title: a few words for headings.
        question: one sentence.
        Settings: the pydantic model of its settings, taken from ``Probe[...]``.
        scores: what each of its scores means.
        scores_by_norm: what scores mean in batteries with another headline norm.
        perturbs: what its adversary perturbs; empty if nothing is perturbed.
        takes: the kinds of inputs that its models may have. A probe that only perturbs weights and
            classifies the inputs as they are takes token ids as well.
        uses_image_gradients: whether it needs gradients with respect to the images. The input probe
            does not: some of its searches need none.
        example_wise: whether the outcomes of an example do not depend on which other examples are
            evaluated with it, so that a part of them can be verified alone.
        in_headline: whether its outcome ``"headline"`` is part of non-singular robust accuracy.
        offers_threats: whether readers of a board can choose among the threats of its outcomes.
        profile: its share in the profiles on the board; ``None`` if it has none there.
        leading_pictures: names of the charts that a model's page shows first. If empty, these are
            the first two.
        reference_for: name of the probe whose charts show its score, if it is a reference for
            another probe.
        claim: the entry of a model card in which authors report what it measures, if any.
        pass_cost: time of its passes and of what it computes in between, relative to other probes.
            It serves only to estimate how long it takes.
        mix: of which kind its passes are, to estimate their time from measured times of each kind.
        step_cost: its time relative to that of its passes by :attr:`mix`, measured on other models;
            see :mod:`benchmark.planning.cost_model`.
        reads: names of the probes of the battery whose settings it uses as well. It is given no
            others.
        takes_random_models: whether its scores hold for a model that draws random numbers. All
            others are refused for such a model: what a single pass finds is no proof.
        takes_methods: whether it is about training methods (:mod:`models_zoo.methods`), which it
            trains itself, and not about trained models.
        algorithm: version of what it computes. Increase it whenever the same settings give other
            scores, as after a change of a constant of an attack: versions above 1 are part of the
            hash of every battery with the probe, so that scores of two versions are never in the
            same table. ``tests/benchmark/golden`` holds the outcomes of each version.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    Settings: ClassVar[type[ProbeSettings]] = ProbeSettings
    scores: ClassVar[dict[str, ScoreSpec]]
    scores_by_norm: ClassVar[Mapping[str, dict[str, ScoreSpec]]] = {}
    perturbs: ClassVar[frozenset[Perturbed]] = frozenset()
    takes: ClassVar[frozenset[Kind]] = frozenset({"images"})
    uses_image_gradients: ClassVar[bool] = False
    example_wise: ClassVar[bool] = False
    in_headline: ClassVar[bool] = False
    offers_threats: ClassVar[bool] = False
    profile: ClassVar[ProfileShare | None] = None
    leading_pictures: ClassVar[tuple[str, ...]] = ()
    reference_for: ClassVar[str | None] = None
    claim: ClassVar[Literal["clean_accuracy", "robustness"] | None] = None
    pass_cost: ClassVar[float] = 1.0
    mix: ClassVar[PassMix] = PassMix(images=0.9)
    step_cost: ClassVar[float] = 1.0
    reads: ClassVar[frozenset[str]] = frozenset()
    takes_random_models: ClassVar[bool] = False
    takes_methods: ClassVar[bool] = False
    algorithm: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            if get_origin(base) is Probe and isinstance(get_args(base)[0], type):
                cls.Settings = get_args(base)[0]

    @classmethod
    def definition(cls) -> Definition:
        """Its formulas and their sources: ``definition.toml`` in the folder of its module.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return read_definition(cls.__module__)

    @classmethod
    def scores_with(cls, settings: Mapping[str, Any]) -> dict[str, ScoreSpec]:
        """What each of its scores means in a battery.

        Args:
            settings: the probe's, as the battery has them.
        """
        return cls.scores | cls.scores_by_norm.get(str(settings.get("headline_norm")), {})

    @classmethod
    def thumbnails_of(cls, result: ProbeResult) -> Sequence[Thumbnail]:
        """The small images that pages show of a result: by default those that it has.

        Images that are generated from stored ones need not be stored themselves. Those named after
        a surface, one per cell, are shown in its cells.

        Args:
            result: of this probe.
        """
        return result.thumbnails

    def __init__(self, settings: S, battery: Mapping[str, ProbeSettings] | None = None) -> None:
        self.settings = settings
        self.battery = {name: each for name, each in (battery or {}).items() if name in self.reads}

    def require_installed(self) -> None:
        """Check that the packages are installed that the probe needs beside those of the suite.

        Called before a model is evaluated. By default it needs none.

        Raises:
            InputError: one is not; the message says how to install it.
        """

    def applies(self, subject: Subject) -> str | None:
        """The reason why the probe does not apply to this model and these examples, in one line.

        Called before any probe runs, so it must be fast: at most a few images pass through the
        model.

        Args:
            subject: model and examples.

        Returns:
            ``None`` if it applies.
        """
        return None

    def expected_work(self, subject: Subject) -> Work:
        """About how much work it is, to estimate the time left.

        It must be fast, and no score depends on it. By default a probe counts like an average one.

        Args:
            subject: model and examples.
        """
        return whole_batches(subject, USUAL_PASSES_PER_EXAMPLE * len(subject))

    def expected_steps(self, subject: Subject, pilot: Pilot | None = None) -> Steps:
        """The expected work by the kind of passes, for plans that are made before a run.

        By default it is :meth:`expected_work` in the shares of :attr:`mix`.

        Args:
            subject: model and examples.
            pilot: tells how robust some of the examples are; ``None`` if that is not to be tried.
        """
        return self.mix.steps(self.expected_work(subject))

    def expected_seconds(
        self, subject: Subject, clock: Callable[[], float] = time.perf_counter
    ) -> float:
        """Seconds that a probe of training methods takes, from a small part of its work.

        There is no model whose passes could be timed instead.

        Args:
            subject: method and examples.
            clock: the time, in seconds.

        Raises:
            NotImplementedError: the probe takes models, see :meth:`expected_steps`.
        """
        raise NotImplementedError(f"probe {self.name} is estimated from passes of the model")

    def seconds_besides(
        self, subject: Subject, clock: Callable[[], float] = time.perf_counter
    ) -> float:
        """Seconds of work that does not depend on the model, from a small part of it; 0 by default.

        Args:
            subject: model and examples.
            clock: the time, in seconds.
        """
        return 0.0

    def taken_over(self, subject: Subject, pilot: Pilot | None = None) -> Sequence[TakenOver]:
        """What it takes over from other probes of the battery that ran on the same subject before.

        If it runs without them, it does that work itself.

        Args:
            subject: model and examples.
            pilot: as for :meth:`expected_steps`.
        """
        return ()

    def surrogates(self, subject: Subject) -> Sequence[Subject]:
        """Other models over which its ascents over images are spread, besides the subject.

        Args:
            subject: model and examples.
        """
        return ()

    @final
    def obstacle(self, subject: Subject) -> str | None:
        """The reason why it is left out: a missing requirement, or :meth:`applies`."""
        missing = missing_weights(subject) if self.weight_rule is not None else None
        if missing is None and self.uses_image_gradients and subject.kind == "images":
            missing = missing_image_gradients(subject)
        return missing or self.applies(subject)

    @classmethod
    def require_takes(cls, kind: Kind) -> None:
        """Refuse inputs of a kind that the probe is not about.

        Raises:
            InputError: they are.
        """
        if kind not in cls.takes:
            wanted = " or ".join(sorted(KINDS[each] for each in cls.takes))
            raise InputError(
                f"probe {shown(cls.name)} takes {wanted}, and the inputs are {KINDS[kind]}; choose "
                "probes that perturb weights alone, such as --probe clean --probe weight"
            )

    @final
    def left_out(self, reason: str) -> ProbeResult:
        """The result of a probe that does not apply: no scores, with the reason."""
        return ProbeResult(probe=self.name, scores={}, left_out=reason)

    @property
    def headline_threats(self) -> Sequence[AnyThreat]:
        """The threats that its scores are about, the main one first; empty if there are none."""
        return ()

    @property
    def weight_rule(self) -> str | None:
        """The rule by which it perturbs weights; ``None`` if it does not."""
        return None

    @abstractmethod
    def ask(self, subject: Subject) -> ProbeResult:
        """Evaluate a subject; :meth:`__call__` adds the cost and the headline threats."""

    @final
    def __call__(self, subject: Subject) -> ProbeResult:
        """Evaluate a subject, measure the cost and check the result.

        Raises:
            RuntimeError: the probe returned a score it does not document, or outcomes of a wrong
                length.
        """
        subject.seed_generators(self.name)
        with subject.cost() as spent:
            result = self._stating_coverage(self.ask(subject), subject)
        return self.completed(result, len(subject), spent())

    @final
    def completed(self, result: ProbeResult, examples: int, cost: Cost) -> ProbeResult:
        """A result with its cost and headline threats, after it is checked.

        Args:
            result: what :meth:`ask` returned.
            examples: number of examples.
            cost: what it cost.

        Raises:
            RuntimeError: as :meth:`__call__`.
        """
        unknown = set(result.scores) - set(self.scores)
        if unknown:
            raise RuntimeError(f"probe {self.name} returned undocumented scores: {sorted(unknown)}")
        if "headline" in result.outcomes and len(result.outcomes["headline"]) != examples:
            raise RuntimeError(f"probe {self.name}: headline outcomes are not one per example")
        return result.model_copy(
            update={
                "cost": cost,
                "flags": [*result.flags, *_undefined(result)],
                "headline_threats": list(self.headline_threats),
            }
        )

    def _stating_coverage(self, result: ProbeResult, subject: Subject) -> ProbeResult:
        """Add the share of perturbed weights to the protocol, and a flag if it is low."""
        if self.weight_rule is None:
            return result
        flag = weights_under_attack(subject, self.weight_rule)
        found = subject.coverage(self.weight_rule)
        stated = {"weights under attack": str(found) if flag.figure is not None else "unknown"}
        return result.model_copy(
            update={
                "protocol": result.protocol | stated,
                "flags": [*result.flags, flag] if flag.raised else result.flags,
            }
        )


def _undefined(result: ProbeResult) -> list[Flag]:
    """A flag if scores are NaN, which non-finite outputs of a model cause."""
    names = sorted(name for name, score in result.scores.items() if math.isnan(score.value))
    if not names:
        return []
    return [
        Flag(
            name="undefined_scores",
            title="Scores are undefined",
            raised=True,
            figure=len(names) / len(result.scores),
            saw=f"{len(names)} of {len(result.scores)} scores are undefined ({', '.join(names)}): "
            "an output they are computed from is NaN or infinite. Any raises the flag.",
            advice="Find where the model divides by zero or overflows. Accuracies count an output "
            "that is not finite as wrong; losses and divergences have no value for it.",
        )
    ]


def whole_batches(subject: Subject, passes: float) -> Work:
    """The work of passing all examples again and again.

    Args:
        subject: model and examples.
        passes: number of images passed forward or backward.
    """
    return Work.in_batches(passes, min(len(subject), subject.batch_size))


def share_classified(subject: Subject) -> float:
    """The share of the first examples that are classified correctly, for estimates of the work.

    The logits are computed for it alone: those of all examples belong to the cost of a probe.

    Args:
        subject: model and examples.
    """
    some = subject.head(CLASSIFIED)
    return subject.once("share classified", lambda: float(some.correct().double().mean()))


def classes_of(subject: Subject) -> int:
    """The number of classes, from the logits of one image."""
    return subject.once("classes", lambda: subject.logits(subject.images[:1]).shape[1])


def refusal(check: Callable[[], object]) -> str | None:
    """The message of a check that fails; ``None`` if it passes.

    Args:
        check: raises :class:`InputError` if it fails.
    """
    try:
        check()
    except InputError as error:
        return str(error)
    return None


def as_outcomes(tensor: Tensor) -> Outcomes:
    """A bool tensor (N,) as a NumPy array."""
    array: Outcomes = tensor.detach().cpu().numpy().astype(bool)
    return array


def share(
    label: str,
    description: str,
    *,
    headline: bool = False,
    up: bool = True,
    interval: IntervalKind = "share",
) -> ScoreSpec:
    """A score that is a share of examples."""
    return ScoreSpec(
        label=label,
        description=description,
        unit="share",
        higher_is_better=up,
        headline=headline,
        interval=interval,
    )
