"""Check of whether a file of ``torch.save`` holds more than tensors."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.checkpoint.torch_files import UnsafeError
from models_zoo.display import label


class UnsafePickle(Check):
    """The pickle in a file of ``torch.save`` names nothing but tensors and plain values."""

    id = "unsafe-pickle"
    title = "The file is a pickle that names classes or functions"
    meaning = (
        "A pickle is a program: loading one can run anything. Files of `torch.save` are read "
        "without running them, and one that asks for more than tensors, numbers, text and a few "
        "inert classes is refused. Saving a whole model, `torch.save(model, FILE)`, makes such a "
        "file."
    )
    fix = "Save the weights alone: torch.save(model.state_dict(), FILE)."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Follow the pickle without building what it names."""
        if case.is_graph:
            return
        try:
            _ = case.content
        except UnsafeError as error:
            names = [label(str(each)) for each in error.args]
            listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
            yield cls.finding(f"{case.called} names {listed}; nothing of it was loaded")
        except Exception:  # any other damage is what the next check reports
            return
