"""Every check finds the fault it is about, and nothing in a model without one."""

from __future__ import annotations

from importlib.resources import files as resources

import pytest
import torch
from safetensors.torch import load_file, save

from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.checks.file_checks import FILE_CHECKS
from leaderboard.submissions.checks.model_checks import MODEL_CHECKS
from leaderboard.submissions.finding import Verdict
from leaderboard.submissions.validation import validate
from models_zoo import load_card

MODEL = "digits/mlp-standard"
WEIGHTS = load_file(
    str(resources("models_zoo") / "checkpoints" / "digits" / "mlp-standard.safetensors")
)
CARD = load_card(MODEL)
SAID = {
    "name": "digits/mine",
    "dataset": "digits",
    "architecture": "mlp",
    "mean": list(CARD.mean),
    "std": list(CARD.std),
    "claims": {"clean_accuracy": 0.97},
}


@pytest.fixture
def check(tmp_path):
    """Checks weights, or bytes of any kind, and returns the verdict."""

    def run(content, name="net.safetensors", examples=120, known=None, **said):
        if isinstance(content, dict):
            content = save({key: value.contiguous() for key, value in content.items()})
        path = content
        if isinstance(content, bytes):
            path = tmp_path / "uploaded"
            path.write_bytes(content)
        described = {key: each for key, each in (SAID | said).items() if each is not None}
        request = {
            "description": described,
            "file_name": name,
            "examples": examples,
            "known": known or {},
        }
        return Verdict.model_validate(validate(request, {"checkpoint": path}))

    return run


def ids(verdict, severity=None):
    return [each.id for each in verdict.findings if severity in (None, each.severity)]


def changed(**weights):
    assert weights.keys() <= WEIGHTS.keys()
    return WEIGHTS | weights


def shuffled():
    """The model with other last weights, so that it is no copy of a model of the zoo."""
    return {key: value + 0.02 * torch.randn_like(value) for key, value in WEIGHTS.items()}


def test_all_checks_are_registered_once_with_ids_that_name_their_sections():
    registered = [*FILE_CHECKS, *MODEL_CHECKS]
    assert {*Check.__subclasses__()} == {*registered}
    assert len({each.id for each in registered}) == len(registered)
    for each in registered:
        assert each.id == each.__module__.rpartition(".")[2].replace("_", "-")
        assert each.meaning
        assert each.fix.endswith(".")
        assert not each.title.endswith(".")


def test_a_model_without_faults_is_accepted(check):
    verdict = check(shuffled())
    assert ids(verdict, "refused") == [], verdict.findings
    assert verdict.accepted
    assert verdict.made == tuple(each.id for each in (*FILE_CHECKS, *MODEL_CHECKS))
    facts = verdict.facts
    assert facts.format == "safetensors"
    assert facts.clean_accuracy is not None
    assert facts.clean_accuracy.value > 0.9
    assert (facts.classes, facts.input_shape, facts.architecture) == (10, (1, 8, 8), "mlp")
    assert facts.parameters == sum(value.numel() for value in WEIGHTS.values())
    assert facts.function
    assert facts.weights_sha256
    assert facts.data_sha256
