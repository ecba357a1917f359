"""Check of whether another model is the same function."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from leaderboard.submissions.function import same_function
from leaderboard.submissions.zoo_functions import zoo_functions
from models_zoo.display import shown


class Duplicate(Check):
    """No other model gives the same logits on generated images."""

    id = "duplicate"
    title = "The same function as another model"
    severity = "warning"
    meaning = (
        "The hash of a file changes with every bit, so that the same model in another format or "
        "number type would count as a new one. The logits on generated images, centered, scaled "
        "and rounded, are compared with those of the models of the zoo and of the models that were "
        "submitted before: weights stored as float16, an ONNX graph of the same weights and "
        "another scale of the logits are recognized. On the leaderboard, the pages of models with "
        "the same function link to each other."
    )
    fix = "Nothing, if it is the same model on purpose; otherwise check which file you submitted."

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare the hash of the file, and the fingerprint of the function."""
        same_file = case.known_files.get(case.file.sha256)
        names = [] if same_file is None else [same_file]
        own = case.function
        if own is not None:
            known = zoo_functions(case.description.dataset) | case.known
            names += [name for name, each in known.items() if same_function(own, each)]
        others = [name for name in dict.fromkeys(names) if name != case.description.name]
        if others:
            listed = ", ".join(map(shown, others[:SHOWN]))
            yield cls.finding(f"it is the same function as {listed}")


SHOWN = 3
