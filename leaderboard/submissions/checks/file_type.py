"""Check of what the file is, by its content."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class FileType(Check):
    """The content is of a format that is read."""

    id = "file-type"
    title = "The file is of another kind"
    meaning = (
        "Accepted are safetensors, files of `torch.save` that hold tensors and plain values only, "
        "and ONNX graphs with their weights inside. The kind is that of the content; the name of "
        "the file does not count. Keras and TensorFlow models, GGUF, NumPy arrays, TorchScript, "
        "`.pt2` programs, packed files and others are recognized, and the finding says how to "
        "convert them. Formats that carry code are never run."
    )
    fix = (
        "Save the weights with safetensors.torch.save_file(model.state_dict(), FILE), or export "
        "the network as an ONNX graph."
    )
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Look at the first bytes, or at the names in an archive."""
        if case.kind.format is None:
            yield cls.finding(f"{case.called} is {case.kind.name}", case.kind.convert)
