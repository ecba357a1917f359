"""Check of whether the tensors are dense arrays of real numbers inside the file."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.checkpoint.stored import DamagedError, Stored, Unusable
from models_zoo.display import shown


class UnusableTensors(Check):
    """No tensor is quantized, sparse, complex, or without numbers."""

    id = "unusable-tensors"
    title = "Tensors that are not dense arrays of real numbers"
    meaning = (
        "Attacks on weights and every score are computed on float32 weights. Quantized, sparse and "
        "complex tensors, tensors of another library's classes, and tensors whose numbers are not "
        "in the file are refused."
    )
    fix = "Convert the tensors to dense floating-point ones, and save them again."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Look at the descriptions of the tensors; their numbers are not read."""
        if case.is_graph:
            return
        for name, tensor in case.choice.tensors.items():
            wrong = _fault(tensor)
            if wrong:
                yield cls.finding(f"{case.called} stores {shown(name)} as {wrong}")
                return


def _fault(tensor: Stored | Unusable) -> str | None:
    if isinstance(tensor, Unusable):
        return tensor.kind
    if tensor.dtype.startswith("complex"):
        return "a complex tensor"
    try:
        tensor.require_inside()
    except DamagedError as error:
        return f"a tensor that is not in the file ({error})"
    return None
