"""Check of whether all weights are finite."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.checkpoint.reading import NonFiniteError
from models_zoo.display import shown


class NonFiniteWeights(Check):
    """No weight that the network uses is NaN or infinite."""

    id = "nonfinite-weights"
    title = "Weights that are NaN or infinite"
    meaning = (
        "A network with such a weight answers NaN for some or all images. It usually comes from a "
        "training that diverged, or from weights beyond 65,504 that were saved as float16."
    )
    fix = "Take an earlier checkpoint of the training, or save the weights as float32."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Look at every number, after it was converted to float32."""
        if case.is_graph:
            state = case.network.state_dict().items()
            wrong = [k for k, v in state if v.is_floating_point() and not v.isfinite().all()]
            if wrong:
                yield cls.finding(f"{case.called} has NaN or infinite weights in {shown(wrong[0])}")
            return
        try:
            _ = case.fit
        except NonFiniteError as error:
            yield cls.finding(str(error).partition(";")[0])
