"""Check of whether weights come with the name of their architecture."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.architecture_proposal import missing_architecture
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.sources.proposals import propose


class ArchitectureMissing(Check):
    """Weights need an architecture; the ones they fit are proposed."""

    id = "architecture-missing"
    title = "Weights without an architecture"
    meaning = (
        "A file of weights does not say how they are connected. Every known architecture is "
        "compared with the names and shapes of the tensors, and where there are images, those that "
        "fit are compared by clean accuracy, since strides and pooling have no weights. An ONNX "
        "graph contains its architecture."
    )
    fix = (
        "Name the architecture, such as cifar-resnet20, wrn-34-10, timm:resnet18 or "
        "robustbench:WideResNet?depth=34 (architecture in the file, or --architecture)."
    )
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Propose architectures if none is given."""
        said = case.description
        if case.is_graph or said.architecture is not None:
            return
        if case.data is None:
            images = case.image_set
            proposal = propose(case.checkpoint.tensors, images.input_shape, images.classes)
            yield cls.finding(
                f"{case.called} holds weights only; {proposal.advice(images.classes)}"
            )
            return
        yield cls.finding(
            missing_architecture(
                case.suffixed,
                said.dataset,
                case.data,
                None if said.mean is None else list(said.mean),
                None if said.std is None else list(said.std),
                said.weights,
            )
        )
