"""Checking a submission, in a process that may be sandboxed.

:func:`validate` is called with plain values and paths, and returns plain values, so that the
process that accepts submissions never imports PyTorch or reads a stranger's file itself. The checks
of the file come first; PyTorch is imported only if nothing is wrong with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from leaderboard.submissions.case import EXAMPLES, Case, NotMadeError
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.checks.file_checks import FILE_CHECKS
from leaderboard.submissions.description import Description
from leaderboard.submissions.finding import Accuracy, Facts, Finding, Verdict
from models_zoo.checkpoint.content import FileBytes
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from benchmark.datasets import Dataset

Emit = Callable[[dict[str, Any]], None]

NO_IMAGES = "no labeled images were given"
"""Why checks that need them are left out."""


class Request(BaseModel):
    """What :func:`validate` is asked.

    Attributes:
        description: what the submitter says.
        file_name: name of the file as the submitter calls it.
        examples: maximum number of images, the first ones.
        own_data: whether the images may be unlike those of the data set.
        known: fingerprints of the functions of other models by name, such as those in the store.
        known_files: names of other models by the SHA-256 of their files.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Description
    file_name: str = "model"
    examples: int = Field(default=EXAMPLES, ge=1)
    own_data: bool = False
    known: dict[str, str] = Field(default_factory=dict)
    known_files: dict[str, str] = Field(default_factory=dict)


def validate(
    request: Mapping[str, Any], files: Mapping[str, Path], emit: Emit = lambda _: None
) -> dict[str, Any]:
    """Check a submission.

    Args:
        request: the fields of :class:`Request`.
        files: ``"checkpoint"``, the submitted file, and at most one of ``"data"``, an ``.npz`` with
            labeled images, and ``"data_root"``, a folder of data sets. Without them the images of
            ``digits`` are those of the package, and for other data sets images are generated and
            the checks that need labels are left out.
        emit: called with ``{"check": id, "done": i, "of": n}`` before each check, and with
            ``{"finding": {...}}`` for each finding.

    Returns:
        The fields of :class:`~leaderboard.submissions.finding.Verdict`.

    Raises:
        InputError: the images cannot be read; a fault of the submission is a finding.
        pydantic.ValidationError: the request has other fields.
    """
    asked = Request.model_validate(request)
    case = new_case(asked, files["checkpoint"])
    with case.stack:
        return verdict_of(case, lambda: _examples(asked, files), emit).model_dump(mode="json")


def new_case(asked: Request, checkpoint: Path | FileBytes) -> Case:
    """The case of a submission, of which nothing has been read; its stack is closed by the caller.

    Args:
        asked: what is asked.
        checkpoint: the submitted file, or its content.
    """
    read = checkpoint if isinstance(checkpoint, FileBytes) else None
    return Case(
        path=checkpoint.path if isinstance(checkpoint, FileBytes) else checkpoint,
        name=Path(asked.file_name).name or "model",
        description=asked.description,
        known=dict(asked.known),
        known_files=dict(asked.known_files),
        content_read=read,
    )


def verdict_of(
    case: Case, images: Callable[[], Dataset | None], emit: Emit = lambda _: None
) -> Verdict:
    """Check a submission in this process.

    Args:
        case: the submission; what the checks find out about it remains in it.
        images: gives the labeled images, called once nothing is wrong with the file.
        emit: as for :func:`validate`.

    Raises:
        InputError: the images cannot be read.
    """
    start = time.process_time()
    progress = _Progress(case, emit)
    if progress.make(FILE_CHECKS):
        from leaderboard.submissions.checks.model_checks import MODEL_CHECKS

        case.data = images()
        progress.make(MODEL_CHECKS)
    return Verdict(
        findings=tuple(progress.findings),
        facts=_facts(case),
        made=tuple(progress.made),
        left_out=progress.left_out,
        seconds=round(time.process_time() - start, 3),
    )


class _Progress:
    """The checks of a case that were made so far."""

    def __init__(self, case: Case, emit: Emit) -> None:
        self.case = case
        self.emit = emit
        self.findings: list[Finding] = []
        self.made: list[str] = []
        self.left_out: dict[str, str] = {}

    def make(self, checks: Iterable[type[Check]]) -> bool:
        """Make checks in their order; returns whether later ones can be made.

        After a refusal by a check that is final, the others are left out.
        """
        refused_by: str | None = None
        waiting = list(checks)
        for done, check in enumerate(waiting):
            if refused_by is not None:
                self.left_out[check.id] = f"not reached after {refused_by}"
                continue
            if check.needs_labels and self.case.data is None:
                self.left_out[check.id] = NO_IMAGES
                continue
            self.emit({"check": check.id, "done": done, "of": len(waiting)})
            try:
                found = list(check.look(self.case))
            except NotMadeError as error:
                self.left_out[check.id] = str(error)
                continue
            except InputError as error:  # the model failed while it was checked
                found = [check.finding(error)]
            self.made.append(check.id)
            for each in found:
                self.findings.append(each)
                self.emit({"finding": each.model_dump(mode="json")})
            if check.final and any(each.severity == "refused" for each in found):
                refused_by = check.id
        return refused_by is None


def _examples(asked: Request, files: Mapping[str, Path]) -> Dataset | None:
    """The labeled images; ``None`` where there are none."""
    from dataclasses import replace

    from benchmark.datasets import CLASSES, load_dataset, load_npz

    name = asked.description.dataset
    if "data" in files:
        classes = None if asked.own_data else CLASSES.get(name)
        data = replace(load_npz(files["data"], name=name, classes=classes), split="test")
        return data.head(min(asked.examples, len(data)))
    if "data_root" in files or name == "digits":
        return load_dataset(name, "test", files.get("data_root"), most=asked.examples)
    return None


def _facts(case: Case) -> Facts:
    """What is known after the checks; only what one of them has already found out."""
    known = case.__dict__
    facts: dict[str, Any] = {}
    if "opened" in known and case.kind.format is not None:
        facts |= {"sha256": case.file.sha256, "size": case.file.size, "format": case.kind.format}
    if "model" in known:
        card = case.model.card
        facts |= {
            "architecture": card.architecture,
            "parameters": card.parameters,
            "classes": card.classes,
            "input_shape": card.input_shape,
            "mean": card.mean,
            "std": card.std,
            "weights_sha256": case.model.fingerprint,
            "notes": case.model.notes,
        }
    if "function" in known:
        facts["function"] = case.function
    if "right" in known and case.data is not None:
        from benchmark.datasets.dataset import examples_sha256
        from benchmark.statistics import proportion

        subject = case.subject
        score = proportion(case.right.cpu().numpy())
        facts["clean_accuracy"] = Accuracy(
            value=score.value, low=score.low, high=score.high, n=score.n
        )
        facts["data_sha256"] = examples_sha256(subject.images, subject.labels)
    return Facts(**facts)
