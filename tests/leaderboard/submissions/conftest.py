"""Submissions to check: weights of a small model of the zoo, files of any kind, and networks."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

from benchmark.datasets import Dataset, load_dataset
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.forward_pass import ForwardPass
from leaderboard.submissions.checks.model_checks import MODEL_CHECKS
from leaderboard.submissions.description import Description
from leaderboard.submissions.finding import Finding, Verdict
from leaderboard.submissions.kinds import Kind
from leaderboard.submissions.validation import validate
from models_zoo import load_card
from models_zoo.checkpoint import FileBytes

MODEL = "digits/mlp-standard"
CARD = load_card(MODEL)
SAID = {
    "name": "digits/mine",
    "dataset": "digits",
    "architecture": "mlp",
    "mean": list(CARD.mean),
    "std": list(CARD.std),
}


@pytest.fixture(scope="session")
def weights():
    """The weights of a bundled model."""
    folder = files("models_zoo") / "checkpoints" / "digits"
    return load_file(str(folder / "mlp-standard.safetensors"))


@pytest.fixture
def check(tmp_path):
    """Checks weights or bytes as a submission, and returns the verdict."""

    def run(content, name="net", examples=120, known=None, emit=lambda _: None, **said):
        if isinstance(content, dict):
            content = save({key: value.contiguous() for key, value in content.items()})
        path = tmp_path / "uploaded"
        path.write_bytes(content)
        described = {key: each for key, each in (SAID | said).items() if each is not None}
        request = {
            "description": described,
            "file_name": name,
            "examples": examples,
            "known": known or {},
        }
        return Verdict.model_validate(validate(request, {"checkpoint": path}, emit))

    return run


@pytest.fixture
def look():
    """Makes the checks of a network from its first answer on, and returns what they find."""

    def run(network, data: Dataset | None = None, mean=(0.0,), std=(1.0,), **said):
        images = load_dataset("digits", examples=100) if data is None else data
        described = {key: each for key, each in (SAID | said).items() if each is not None}
        file = FileBytes(Path("net.pt"), b"", "0" * 64)
        fields = {"name": "digits/mine", "dataset": "digits", "architecture": "own", "mean": mean}
        shape = {"classes": images.classes, "input_shape": images.input_shape, "std": std}
        card = CARD.model_copy(update=fields | shape | {"source": "submitted"})
        with ExitStack() as stack:
            case = Case(
                Path("net.pt"), "net.pt", Description(**described), data=images, stack=stack
            )
            opened = Kind("weights", "archive"), file
            case.__dict__.update(network=network.eval(), card=card, notes=(), opened=opened)
            found: list[Finding] = []
            for each in MODEL_CHECKS[MODEL_CHECKS.index(ForwardPass) :]:
                found += each.look(case)
                if each.final and any(one.severity == "refused" for one in found):
                    break
        return {each.id: each for each in found}

    return run


def ids(verdict, severity=None):
    """The ids of a verdict's findings, in their order."""
    return [each.id for each in verdict.findings if severity in (None, each.severity)]


def moved(weights, size=0.3):
    """Weights that are somewhat different, so that they are no copy of the zoo's."""
    generator = torch.Generator().manual_seed(0)
    return {
        key: value + size * value.std() * torch.randn(value.shape, generator=generator)
        for key, value in weights.items()
    }
