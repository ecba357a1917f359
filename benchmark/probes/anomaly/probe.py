"""The anomaly probe: detectors of a training method on contaminated training sets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import JsonValue
from torch import Tensor

from benchmark.anomaly import (
    METHODS,
    Budget,
    Detector,
    Method,
    TrainingSets,
    outliers_for,
    training_sets,
)
from benchmark.anomaly.judging import Judged, judge
from benchmark.anomaly.method import ERROR, UNLIKELIHOOD, Observer
from benchmark.anomaly.splits import HELD_OUT
from benchmark.anomaly.unfinished import Unfinished
from benchmark.datasets import Dataset, load_dataset
from benchmark.datasets.root import data_root
from benchmark.probes.anomaly.course import Course, epochs_shown
from benchmark.probes.anomaly.pictures import (
    CONTAMINATIONS,
    EPOCHS,
    ERRORS,
    contamination_curves,
    epoch_curves,
    error_curves,
    examples,
    pair_curves,
    percent,
    run_bars,
)
from benchmark.probes.anomaly.settings import AnomalySettings
from benchmark.probes.anomaly.specs import SCORES
from benchmark.probes.probe import Probe
from benchmark.results import ProbeResult, Score
from benchmark.statistics import SHARE_BOUNDS, mean
from benchmark.subject import Subject
from benchmark.work import Work
from models_zoo.errors import InputError
from models_zoo.training.state import Identity, digest
from models_zoo.training_method import TrainingMethod

SCORED = 50
"""Number of test images that are scored for an estimate of the time."""


@dataclass(frozen=True)
class Trained:
    """What was trained and measured at one contamination."""

    data: TrainingSets
    detector: Detector
    judged: Judged
    course: Course
    unfinished: Unfinished


class AnomalyProbe(Probe[AnomalySettings]):
    """Balanced accuracy of detectors that are trained on contaminated data."""

    name = "anomaly"
    title = "Anomaly detection, contaminated training"
    question = "How well does a training method find anomalies if its training set has some?"
    algorithm = 2
    takes_methods = True
    pass_cost = 1.0
    leading_pictures = (ERRORS, EPOCHS, CONTAMINATIONS)
    scores = SCORES

    def applies(self, subject: Subject) -> str | None:
        """Requires a training split with enough examples of the classes, and test images."""
        settings = self.settings
        try:
            training = self._training_split(subject)
        except InputError as error:
            return f"the training split cannot be used: {error}"
        have, tested = (each.bincount().tolist() for each in (training.labels, subject.labels))
        for normal, other in settings.pairs:
            outliers = outliers_for(settings.normals, settings.contaminations[-1])
            for label, needed in ((normal, settings.normals), (other, outliers)):
                if label >= len(have) or have[label] < needed:
                    return f"the training split has fewer than {needed} examples of class {label}"
                if label >= len(tested) or not tested[label]:
                    return f"the test examples have none of class {label}"
        return None

    def expected_work(self, subject: Subject) -> Work:
        """All epochs, forward and backward, of all runs; their number is that of the method."""
        settings = self.settings
        epochs = max(self._method(subject).epochs(settings.budget), 1)
        sizes = [self._size(each) for each in settings.contaminations]
        calls = sum(epochs * max(1, round(size / settings.batch)) for size in sizes)
        return Work(2.0 * epochs * sum(sizes) * len(settings.runs), calls)

    def expected_seconds(
        self, subject: Subject, clock: Callable[[], float] = time.perf_counter
    ) -> float:
        """From one epoch without outliers, whose steps are told from what is done once.

        Of methods without epochs, from one run without outliers.
        """
        settings, method = self.settings, self._method(subject)
        runs = settings.runs if method.has_epochs else settings.runs[:1]
        data = self._sets(subject, self._training_split(subject), 0.0, runs)
        seconds = (
            _seconds_of_epochs(method, data, settings.budget, clock)
            if method.has_epochs
            else _seconds_of_run(method, data, settings.budget, subject.images, clock)
        )
        sizes = sum(map(self._size, settings.contaminations)) / self._size(0.0)
        return seconds * len(settings.runs) / len(runs) * sizes

    def ask(self, subject: Subject) -> ProbeResult:
        """Train all runs at every contamination, and judge them on the test examples."""
        settings, method = self.settings, self._method(subject)
        training = self._training_split(subject)
        trained = {
            each: self._trained(subject, method, training, each) for each in settings.contaminations
        }
        for one in trained.values():
            one.unfinished.remove()
        judged = {each: one.judged for each, one in trained.items()}
        courses = {each: one.course for each, one in trained.items()}
        shown = trained[settings.collapse_at]
        labels = subject.labels.cpu().numpy()
        return ProbeResult(
            probe=self.name,
            scores=_scores(trained, settings),
            curves=[
                *error_curves(shown.course),
                *epoch_curves(courses),
                *pair_curves(shown.course),
                *contamination_curves(judged),
            ],
            bars=run_bars(settings.runs, judged),
            thumbnails=examples(
                settings.runs[0], shown.judged.flagged[0], subject.images.cpu(), labels
            ),
            protocol=self._protocol(method, training, trained),
        )

    def _method(self, subject: Subject) -> Method:
        model = self._training_method(subject)
        return METHODS[model.method](model.card.training.settings if model.card.training else {})

    def _training_method(self, subject: Subject) -> TrainingMethod:
        if not isinstance(subject.model, TrainingMethod):
            raise InputError(
                f"probe {self.name!r} takes training methods, such as digits/anomaly-ae"
            )
        return subject.model

    def _training_split(self, subject: Subject) -> Dataset:
        """The training images of the data set that the method's card names.

        Those that are evaluated are left out: no detector is judged on what it was trained on.
        """
        model = subject.model
        dataset = model.card.dataset if isinstance(model, TrainingMethod) else ""

        def load() -> Dataset:
            every = load_dataset(dataset, "train", data_root())
            free = ~subject.among_examples(every.images)
            if not free.any():
                raise InputError(f"all training images of {dataset!r} are evaluated")
            if free.all():
                return every
            return replace(every, images=every.images[free], labels=every.labels[free])

        found: Dataset = subject.once(("training split", dataset), load)
        return found

    def _size(self, contamination: float) -> int:
        """Number of examples that are trained on."""
        counts = (
            self.settings.normals,
            outliers_for(self.settings.normals, contamination),
        )
        return sum(count - round(HELD_OUT * count) for count in counts)

    def _sets(
        self, subject: Subject, training: Dataset, contamination: float, runs: Sequence[object]
    ) -> TrainingSets:
        return training_sets(
            training.images,
            training.labels,
            self.settings.runs[: len(runs)],
            self.settings.normals,
            contamination,
            subject.generator,
            subject.images.device,
        )

    def _trained(
        self, subject: Subject, method: Method, training: Dataset, contamination: float
    ) -> Trained:
        settings = self.settings
        labels = subject.labels.cpu().numpy()
        data = self._sets(subject, training, contamination, settings.runs)
        shown = epochs_shown(method.epochs(settings.budget)) if method.has_epochs else []
        course = Course(data, subject.images, labels, shown)
        unfinished = Unfinished(
            self._identity(subject, training, contamination), {"course": course}
        )

        def counted(images: int, seconds: float) -> None:
            subject.passes.forwards += images
            subject.passes.backwards += images
            subject.passes.called(seconds, forwards=images)

        with torch.enable_grad():
            observer = Observer(course.see, counted, unfinished)
            detector = method.fit(data, settings.budget, observer)
        unfinished.finish()
        judged = judge(detector, data, subject.images, labels)
        subject.progress(f"{self.name}: trained with {percent(contamination)} outliers")
        return Trained(data, detector, judged, course, unfinished)

    def _identity(self, subject: Subject, training: Dataset, contamination: float) -> Identity:
        """Everything that a training and what is seen of it depend on."""
        return {
            "method": self._training_method(subject).fingerprint,
            "settings": self.settings.model_dump_json(),
            "algorithm": self.algorithm,
            "contamination": contamination,
            "seed": subject.seed,
            "training data": training.sha256,
            "test data": digest(subject.images, subject.labels),
            "device": subject.images.device.type,
            "torch": str(torch.__version__),
        }

    def _protocol(
        self, method: Method, training: Dataset, trained: dict[float, Trained]
    ) -> dict[str, JsonValue]:
        settings = self.settings
        counts: dict[str, JsonValue] = {
            percent(each): [
                round(float(np.mean(count)), 1) for count in one.detector.candidate_counts
            ]
            for each, one in trained.items()
            if one.detector.candidate_counts
        }
        found: dict[str, JsonValue] = {
            "normal classes with contaminating classes": [
                f"{normal} with {other}" for normal, other in settings.pairs
            ],
            "repetitions": settings.seeds,
            "training data": f"{training.name}, {training.split} split, {len(training):,} images, "
            f"sha256 {training.sha256[:12]}",
            "normal examples": settings.normals,
            "outliers": {
                percent(each): outliers_for(settings.normals, each)
                for each in settings.contaminations
            },
            "held out": "a tenth of each",
            "epochs": method.epochs(settings.budget),
            "thresholds": "90th percentile of the kept training examples' scores",
        }
        if counts:
            found["candidates after each round, mean over runs"] = counts
        return found


def _seconds_of_epochs(
    method: Method, data: TrainingSets, budget: Budget, clock: Callable[[], float]
) -> float:
    """What training takes, from that of one epoch: its steps are repeated, all else is not."""
    steps: list[float] = []
    start = clock()
    with torch.enable_grad():
        observer = Observer(counted=lambda _, seconds: steps.append(seconds))
        method.fit(data, replace(budget, epochs=1), observer)
    once = clock() - start - sum(steps)
    return sum(steps) * method.epochs(budget) + once


def _seconds_of_run(
    method: Method, data: TrainingSets, budget: Budget, images: Tensor, clock: Callable[[], float]
) -> float:
    """What fitting takes, and scoring the test images (M, C, H, W), which may take longer."""
    method.fit(data, budget)  # the first one also imports and compiles
    start = clock()
    detector = method.fit(data, budget)
    fitted = clock()
    some = images[:SCORED].flatten(1)
    detector.scores(some[None])
    return fitted - start + (clock() - fitted) * len(images) / len(some)


def _scores(trained: dict[float, Trained], settings: AnomalySettings) -> dict[str, Score]:
    contaminated = [one for each, one in trained.items() if each > 0]
    judged = [one.judged for one in contaminated]
    unobserved = [each.unobserved for each in judged if each.unobserved is not None]
    found = {
        "balanced_accuracy": _mean([each.balanced for each in judged]),
        **({"balanced_accuracy_unobserved": _mean(unobserved)} if unobserved else {}),
        "balanced_accuracy_clean": _mean([trained[0.0].judged.balanced]),
        "balanced_accuracy_held_out": _mean([each.held_out for each in judged]),
        "true_negative_rate": _mean([each.true_negatives for each in judged]),
        "auroc": _mean([each.areas["combined"] for each in judged]),
        "auroc_outliers": _mean(
            [each.outlier_area for each in judged if each.outlier_area is not None]
        ),
    }
    for name, score in (("auroc_reconstruction", ERROR), ("auroc_likelihood", UNLIKELIHOOD)):
        if score in judged[0].areas:
            found[name] = _mean([each.areas[score] for each in judged])
    collapse = trained[settings.collapse_at].course.collapse
    if collapse is not None:
        found["collapse"] = mean(collapse, (-1.0, 1.0))
    if contaminated[0].detector.candidates is not None:
        pairs = [_found_among(one) for one in contaminated]
        found["candidate_precision"] = _mean([precision for precision, _ in pairs])
        found["candidate_recall"] = _mean([recall for _, recall in pairs])
    return {name: found[name] for name in SCORES if name in found}


def _mean(values: Sequence[ArrayLike]) -> Score:
    """The mean over runs of means over contaminations, (R,) each: runs are independent draws."""
    return mean(np.mean(np.asarray(values, np.float64), axis=0), SHARE_BOUNDS)


def _found_among(trained: Trained) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall of the candidates of each run, (R,) each."""
    candidates, outlier = trained.detector.candidates, trained.data.outlier.numpy()
    right = (candidates & outlier).sum(1) if candidates is not None else np.zeros(len(outlier))
    taken = candidates.sum(1) if candidates is not None else np.zeros(len(outlier))
    return right / np.maximum(taken, 1), right / np.maximum(outlier.sum(1), 1)
