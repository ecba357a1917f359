"""Check of whether an ONNX graph can be read."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.display import shown


class OnnxGraph(Check):
    """The graph has its weights inside, and only operations that are known."""

    id = "onnx-graph"
    title = "The ONNX graph cannot be read"
    meaning = (
        "A graph is data, and reading one runs no code of its author. It must have one input, "
        "images as float (N, C, H, W), and one output, the logits; its weights must be in the file "
        "(no external data); operators must be those of ONNX, without branches, loops and random "
        "numbers. It is converted to PyTorch, since attacks need gradients."
    )
    fix = (
        "Export it in eval mode: torch.onnx.export(model.eval(), images, FILE, dynamo=True, "
        "external_data=False, dynamic_shapes=({0: torch.export.Dim('batch')},))."
    )
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Parse the graph and convert it."""
        if not case.is_graph:
            return
        said = case.description
        for key, given in (("architecture", said.architecture), ("weights", said.weights)):
            if given is not None:
                yield cls.finding(
                    f"{case.called} contains its own architecture and one set of weights, and "
                    f"{key} {shown(given)} is given",
                    f"Leave {key} out.",
                )
                return
        yield from cls.raised_by(lambda: case.network)
