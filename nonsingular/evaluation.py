"""Evaluating a model, with results that know how to show, save and store themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import nn

from benchmark import evaluation
from benchmark.arguments import Array, device_of
from benchmark.batches import Examples, examples_of
from benchmark.batteries import Battery
from benchmark.datasets import Dataset
from benchmark.progress import Step
from benchmark.provenance import provenance_of
from benchmark.report import Report as PlainReport
from benchmark.results import Cost, Flag, ProbeResult, Provenance
from benchmark.subject import Progress, subject_of
from leaderboard.store import Store
from leaderboard.submissions.accuracy_check import with_flags
from leaderboard.submissions.names import require_name
from models_zoo.card import Card
from models_zoo.classifier import Classifier, fingerprint
from models_zoo.errors import InputError, shown
from models_zoo.inputs import Inputs, Tokens
from nonsingular.doubts import doubts, flagging
from nonsingular.report import Report

CHECKED = "clean"
"""The probe whose result tells whether cached results are of this model. It costs one pass."""

_DIGITS = 8
"""Digits of the fingerprint in the name of a model without one."""


def evaluate(
    model: nn.Module,
    images: Examples,
    labels: Array | None = None,
    battery: str | Path | Battery | None = None,
    probes: Sequence[str] | str | None = None,
    *,
    name: str | None = None,
    examples: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int | None = None,
    own_data: bool = False,
    cache: str | Path | None = None,
    known: evaluation.Known | None = None,
    on_result: Callable[[Provenance, ProbeResult], None] | None = None,
    progress: bool | Progress | None = None,
    on_step: Callable[[Step], None] | None = None,
    costs: Mapping[str, Cost] | None = None,
) -> Report:
    """Run the probes of a battery on a model.

    As :func:`benchmark.evaluate`, which describes the arguments that are not described here.

    Before a model that is not of the zoo is scored, its accuracy on the first few hundred examples
    is compared with what other normalizations and numberings of the labels give, and with chance. A
    warning says what is doubtful, and the report has it among its ``flags``. No score is changed.

    Args:
        model: from images (N, C, H, W) in [0, 1] to logits (N, classes).
        images: float (N, C, H, W) in [0, 1]; or a data set, of images or of texts, a loader or
            batches.
        labels: int (N,); left out if ``images`` has them.
        battery: a battery, its name or file; by default the newest one of a data set of this suite.
        probes: which of its probes to run; by default all that are not references.
        name: of the model, for reports and the leaderboard; by default that of its card, or its
            class and the start of its fingerprint.
        examples: maximum number of examples, the first ones; by default all.
        seed: root of every random draw.
        device: such as ``"cpu"``, ``"cuda"`` or ``"auto"``.
        batch_size: images passed through the model at once.
        own_data: whether to accept images, classes or a model unlike the battery's data set.
        cache: a database in which results are looked up and stored as soon as they are computed,
            by fingerprint of the model, battery, examples and seed. It is an ordinary database of
            the leaderboard. The probe ``clean`` always runs, to check that what is stored is of
            this model: weights and layers decide the fingerprint, not the code of ``forward``.
        known: earlier results, which are not computed again; not together with ``cache``.
        on_result: called with each new result as soon as it is available.
        progress: ``True`` for a display on the terminal or in the notebook, or a function that is
            called with short texts.
        on_step: called with the share of the work that is done.
        costs: what probes cost on a similar model, by probe.

    Raises:
        InputError: as :func:`benchmark.evaluate`, or the cache cannot be used.
    """
    chosen = evaluation.battery_of(battery, images)
    inputs = images.inputs if isinstance(images, Dataset) else None
    images, labels = examples_of(images, labels, examples)
    card = card_of(model, images, labels, chosen, name, inputs)
    names = chosen.select(probes)
    device = str(device_of(device))
    kept = None if cache is None else Cache(cache, card, chosen, on_result)
    if kept is not None and known is not None:
        raise InputError("known and cache exclude each other; give one of them")
    needed = names if kept is None else list(dict.fromkeys([CHECKED, *names]))
    flags: list[Flag] = []
    if kept is None or not kept.has(needed, model, images, labels, seed, device):
        flags = doubts(model, card, images, labels, device=device, batch_size=batch_size)
    plain = evaluation.evaluate(
        model,
        images,
        labels,
        chosen,
        needed,
        seed=seed,
        device=device,
        batch_size=batch_size,
        own_data=own_data,
        known=known if kept is None else kept.find,
        on_result=flagging(on_result if kept is None else kept.add, flags, needed),
        progress=progress,
        on_step=on_step,
        costs=costs,
    )
    results = {name: with_flags(plain.results[name], flags, needed) for name in names}
    asked = PlainReport(plain.provenance, results)
    return Report.of(asked, card, chosen, {} if kept is None else kept.reused)


class Cache:
    """Results in a database: those of this evaluation are reused, and new ones are added.

    Args:
        database: an SQLAlchemy URL, or the path of an SQLite file.
        card: of the model.
        battery: of the evaluation, with the probe ``clean``.
        on_result: called with each new result.
        submitted: whether the model came in by :func:`nonsingular.submit`.

    Attributes:
        reused: provenances of the results that were found, by probe.

    Raises:
        InputError: the database cannot be opened, or the battery lacks the probe.
    """

    def __init__(
        self,
        database: str | Path,
        card: Card,
        battery: Battery,
        on_result: Callable[[Provenance, ProbeResult], None] | None = None,
        *,
        submitted: bool = False,
    ) -> None:
        if CHECKED not in battery.probes:
            raise InputError(
                f"battery {shown(battery.name)} has no probe {CHECKED!r}, by which a cache checks "
                "its results; leave cache out"
            )
        self.stored = Store.open(database)
        self.submitted = submitted
        self.card, self.battery, self.on_result = card, battery, on_result
        self.reused: dict[str, Provenance] = {}

    def has(
        self,
        probes: Sequence[str],
        model: nn.Module,
        images: Array,
        labels: Array,
        seed: int,
        device: str,
    ) -> bool:
        """Whether the results of all these probes are stored."""
        with subject_of(model, images, labels, seed=seed, device=device, texts=True) as subject:
            examples = subject.images, subject.labels
            where = provenance_of(subject.model, *examples, self.battery, seed, device)
        return set(probes) <= set(self.find(where))

    def find(self, where: Provenance) -> Mapping[str, ProbeResult]:
        """The stored results of an evaluation; none if the check of them is not stored."""
        key = (where.fingerprint, where.battery_sha256, where.data_sha256, where.seed)
        entries = self.stored.entries(self.battery.name, [where.fingerprint])
        found = next((each for each in entries if each.key == key), None)
        if found is None or CHECKED not in found.results:
            return {}
        self.reused = dict(found.provenances)
        return found.results

    def add(self, where: Provenance, result: ProbeResult) -> None:
        """Store a new result."""
        self.reused.pop(result.probe, None)
        self.stored.save(self.card, where, self.battery, result, submitted=self.submitted)
        if self.on_result is not None:
            self.on_result(where, result)


def card_of(
    model: nn.Module,
    images: Array,
    labels: Array,
    battery: Battery,
    name: str | None,
    inputs: Inputs | None = None,
) -> Card:
    """The card of a model: its own, or one of what is known about a module in memory.

    Args:
        model: any module.
        images: of the evaluation.
        labels: of the images.
        battery: of the evaluation, whose data set the model is for.
        name: of the model; by default that of its card, or made of its class and its fingerprint.
        inputs: what a data set says that a model of it takes; needed for texts, since an array of
            token ids does not say their vocabulary.

    Raises:
        InputError: the name is unusable, the model does not take the examples, or the vocabulary
            of token ids is unknown.
    """
    if isinstance(model, Classifier):
        return model.card if name is None else _named(model.card, name)
    with subject_of(model, images[:1], labels[:1], texts=True) as subject:
        tokens = inputs if isinstance(inputs, Tokens) else None
        if subject.kind == "tokens" and tokens is None:
            raise InputError(
                "an array of token ids does not say their vocabulary; give a data set, such as "
                "nonsingular.load_npz('FILE.npz'), or a model of the zoo"
            )
        digits = fingerprint(subject.model, salt=repr(subject.model))[:_DIGITS]
        kind = type(subject.model).__name__
        made = Card(
            name=f"{kind[:100]}-{digits}",
            dataset=battery.dataset,
            architecture=kind,
            classes=subject.logits().shape[1],
            input_shape=tuple(subject.images.shape[1:]),
            tokens=tokens,
            mean=(0.0,),
            std=(1.0,),
            parameters=sum(each.numel() for each in subject.model.parameters()) or None,
            source="memory",
        )
    return made if name is None else _named(made, name)


def _named(card: Card, name: str) -> Card:
    require_name(name)
    return card.model_copy(update={"name": name})
