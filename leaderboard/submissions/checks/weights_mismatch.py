"""Check of whether the weights are those of the architecture."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.checkpoint.fitting import MismatchError
from models_zoo.checkpoint.reading import NonFiniteError
from models_zoo.errors import InputError
from models_zoo.sources.proposals import propose


class WeightsMismatch(Check):
    """Every name, shape and type that the architecture needs is in the file, and no other."""

    id = "weights-mismatch"
    title = "The weights are those of another architecture"
    meaning = (
        "Names, shapes and number types of the tensors are compared with the architecture's. "
        "Wrappers such as `module.`, usual other names of layers, and a normalization saved with "
        "the network are understood; the notes say what was done. Otherwise architectures that do "
        "fit are proposed. A last layer for another number of classes is reported here too."
    )
    fix = "Give the architecture that the weights were trained with."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Put the weights into the network."""
        if case.is_graph:
            return
        try:
            _ = case.fit
        except NonFiniteError:
            return  # what the next check reports
        except MismatchError as error:
            images = case.image_set
            proposal = propose(case.checkpoint.tensors, images.input_shape, images.classes)
            advice = proposal.advice(images.classes)
            yield cls.finding(error, f"{advice[:1].upper()}{advice[1:]}.")
        except InputError as error:
            yield cls.finding(error)
