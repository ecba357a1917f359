"""Checks of a submitted model before it is scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from benchmark.datasets import Dataset
from benchmark.random_models import random_advice
from benchmark.statistics import proportion
from leaderboard.submissions.case import EXAMPLES
from leaderboard.submissions.description import Description
from leaderboard.submissions.file_kind import kind_of
from leaderboard.submissions.finding import Verdict
from leaderboard.submissions.validation import Request, new_case, verdict_of
from models_zoo import list_models
from models_zoo.checkpoint import FileBytes
from models_zoo.checkpoint.content import Inspect, Readable
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.prediction import predicted_classes

SAMPLE = 64
"""Number of examples on which two passes are compared."""


def admit(model: Classifier, data: Dataset, explain: Callable[[], str] = lambda: "") -> float:
    """Check that a model is deterministic and better than chance.

    Loading has checked that the file is safe to read, has the architecture's keys and shapes and
    only finite weights.

    Args:
        model: the submitted model.
        data: the evaluation examples.
        explain: says why its accuracy may be low, if that can be found out; called if it is.

    Returns:
        Its clean accuracy.

    Raises:
        InputError: it is refused, with the reason.
    """
    name = model.card.name
    if name in list_models():
        raise InputError(f"the name {shown(name)} is a model of the zoo; choose another name")
    if not name.isprintable() or name != name.strip():
        raise InputError(
            f"the name {shown(name)} has spaces at its ends or characters that do not print"
        )
    with torch.no_grad():
        sample = data.images[:SAMPLE]
        once, again = model(sample), model(sample)
        logits = torch.cat([model(part) for part in torch.split(data.images, 256)])
    if not torch.isfinite(logits).all():
        raise InputError(f"model {shown(name)} is refused: it gives logits that are not finite")
    if not torch.equal(once, again):
        difference = float((once - again).abs().max())
        raise InputError(
            f"model {shown(name)} is refused: two passes over the same images differ by "
            f"{difference:.3g}; {random_advice(model.card.dataset)}"
        )
    score = proportion((predicted_classes(logits) == data.labels).numpy())
    if score.low <= 1 / data.classes:
        raise InputError(
            f"model {shown(name)} is refused: its clean accuracy of {score.value:.1%} on {score.n} "
            f"examples is not above chance ({1 / data.classes:.1%}); "
            f"{explain() or 'check --mean and --std'}"
        )
    return score.value


def require_kind(path: Path) -> Inspect:
    """The check that a file is of a kind that can be submitted, before it is read completely.

    Args:
        path: of the file, for messages.
    """

    def inspect(source: Readable) -> None:
        kind = kind_of(source)
        if source.size and kind.format is None:
            raise InputError(
                f"submission {shown(path)} is refused: it is {kind.name}; {kind.convert}"
            )

    return inspect


def admitted(
    said: Description, file: FileBytes, data: Dataset
) -> tuple[Classifier, Verdict, FileBytes]:
    """Check a submitted file in this process, and read the model from it.

    Args:
        said: what the submitter says.
        file: content of the checkpoint.
        data: the evaluation examples, of which the first :data:`EXAMPLES` are used.

    Returns:
        The model with a complete card, the verdict, which is not a refusal, and the file with a
        name that ends as its format does.

    Raises:
        InputError: it is refused, with the first reason.
    """
    some = data.head(min(EXAMPLES, len(data)))
    asked = Request(description=said, file_name=file.path.name)
    case = new_case(asked, file)
    with case.stack:
        verdict = verdict_of(case, lambda: some)
        for each in verdict.refusals[:1]:
            raise InputError(
                f"submission {shown(said.name)} is refused ({each.id}): {each.saw}; {each.fix} "
                f"See {each.page}"
            )
        model = case.model
    model.card = said.complete(model.card)
    return model, verdict, case.suffixed
