"""A submission without a fault passes every check; the checks describe themselves."""

from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.checks.file_checks import FILE_CHECKS
from leaderboard.submissions.checks.model_checks import MODEL_CHECKS
from leaderboard.submissions.validation import NO_IMAGES
from tests.leaderboard.submissions.conftest import ids, moved


def test_all_checks_are_registered_once_with_ids_that_name_their_sections():
    registered = [*FILE_CHECKS, *MODEL_CHECKS]
    assert {*Check.__subclasses__()} == {*registered}
    assert len({each.id for each in registered}) == len(registered)
    for each in registered:
        assert each.id == each.__module__.rpartition(".")[2].replace("_", "-")
        assert each.meaning.endswith(".")
        assert each.fix.endswith(".")
        assert not each.title.endswith(".")


def test_a_model_without_faults_is_accepted(check, weights):
    lines: list[dict[str, str]] = []
    verdict = check(moved(weights), emit=lines.append, claims={"clean_accuracy": 0.97})
    assert ids(verdict) == [], verdict.findings
    assert verdict.accepted
    assert verdict.made == tuple(each.id for each in (*FILE_CHECKS, *MODEL_CHECKS))
    assert [line["check"] for line in lines] == list(verdict.made)
    facts = verdict.facts
    assert facts.format == "safetensors"
    assert facts.clean_accuracy is not None
    assert facts.clean_accuracy.value > 0.9
    assert (facts.classes, facts.input_shape, facts.architecture) == (10, (1, 8, 8), "mlp")
    assert facts.parameters == sum(value.numel() for value in weights.values())
    assert facts.function is not None
    assert facts.weights_sha256 is not None
    assert facts.data_sha256 is not None


def test_without_labeled_images_it_is_said_which_checks_are_left_out(check, weights):
    """Images of a data set that is not of the package are generated."""
    from models_zoo.architectures import build_architecture

    network = build_architecture("mlp", classes=10, input_shape=(1, 28, 28))
    said = {"dataset": "mnist", "claims": {"clean_accuracy": 0.99}}
    verdict = check(network.state_dict(), **said)
    assert verdict.accepted
    labeled = {each.id for each in MODEL_CHECKS if each.needs_labels}
    assert verdict.left_out == dict.fromkeys(labeled, NO_IMAGES)
    assert verdict.facts.clean_accuracy is None
