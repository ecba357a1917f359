"""Every attack is called in the same way and answers in the same words."""

import inspect
from dataclasses import dataclass, replace

import pytest
import torch

from benchmark import (
    attack_inputs,
    attack_joint,
    attack_weights,
    flatness,
    inject_backdoor,
    inject_sparse_backdoor,
)
from benchmark.attacks.attack import Attack, RunOptions
from benchmark.attacks.backdoor import Patch
from benchmark.attacks.inputs import InputAttack
from benchmark.attacks.library import (
    BackdoorAttack,
    BitFlipAttack,
    JointAttack,
    WeightAttack,
)
from benchmark.attacks.result import AttackResult, SearchReport
from benchmark.attacks.sparse import SparseBackdoorAttack, SparseEffort
from benchmark.attacks.weights import verified_weights, weight_ball
from benchmark.budgets import Budget
from benchmark.probes.flatness import FlatnessSettings
from benchmark.threats import (
    BackdoorThreat,
    BitFlipThreat,
    InputThreat,
    JointThreat,
    SparseBackdoorThreat,
    WeightThreat,
)
from models_zoo.errors import InputError

MODEL, N = "digits/mlp-standard", 24
INPUT = InputThreat("linf", Budget(0.1))
WEIGHT = WeightThreat("relative-l2", Budget(0.03))
BACKDOOR = BackdoorThreat("relative-linf", Budget(0.2))
SPARSE = SparseBackdoorThreat(Budget(2), "weights-unbounded")
QUICK = SparseEffort(shortlist=4, deep_steps=1)
ATTACKS: dict[str, Attack[AttackResult]] = {
    "input": InputAttack(INPUT, "quick"),
    "weight": WeightAttack(WEIGHT, 3),
    "joint": JointAttack(JointThreat(INPUT, WEIGHT), 3, "quick"),
    "backdoor": BackdoorAttack(BACKDOOR, Patch(2), target=5, steps=5),
    "sparse": SparseBackdoorAttack(SPARSE, Patch(2), effort=QUICK),
    "bits": BitFlipAttack(BitFlipThreat(Budget(2)), 16, 3),
}


@pytest.fixture(scope="module", params=ATTACKS)
def found(request, zoo, digits):
    data, attack = digits.head(N), ATTACKS[request.param]
    return attack, attack(zoo(MODEL), data.images, data.labels), zoo(MODEL), data


def test_every_attack_answers_in_the_same_words(found):
    attack, result, model, data = found
    assert replace(result.threat, **_unset(result.threat)) == attack.threat
    assert result.robust.dtype == torch.bool
    assert result.images.shape == (len(result.robust), *data.images.shape[1:])
    assert result.searches
    assert all(isinstance(each, SearchReport) for each in result.searches)
    assert result.strongest in {each.search for each in result.searches}
    assert result.passes > 0
    if len(result.robust) == N:
        logits = torch.func.functional_call(model, result.weights, (result.images,))
        assert torch.equal(logits.argmax(1) == data.labels, result.robust)


def _unset(threat):
    kinds = BackdoorThreat | SparseBackdoorThreat
    return {"trigger": None, "target": None} if isinstance(threat, kinds) else {}


def test_the_same_seed_gives_the_same_result_whatever_the_batch_size(found):
    attack, result, model, data = found
    again = attack(model, data.images, data.labels, RunOptions(batch_size=7))
    assert torch.equal(again.robust, result.robust)


def test_progress_is_reported(zoo, digits):
    said: list[str] = []
    data = digits.head(8)
    ATTACKS["weight"](zoo(MODEL), data.images, data.labels, RunOptions(progress=said.append))
    assert said


def test_the_short_functions_give_what_the_objects_give(zoo, digits):
    data, model = digits.head(N), zoo(MODEL)
    asked = model, data.images, data.labels
    short = {
        "input": attack_inputs(*asked, eps=0.1, effort="quick"),
        "weight": attack_weights(*asked, radius=0.03, steps=3),
        "joint": attack_joint(*asked, eps=0.1, radius=0.03, steps=3, effort="quick"),
        "backdoor": inject_backdoor(*asked, radius=0.2, trigger=Patch(2), target=5, steps=5),
        "sparse": inject_sparse_backdoor(
            *asked, changes=2, storage="weights-unbounded", trigger=Patch(2), effort=QUICK
        ),
    }
    for name, result in short.items():
        whole = ATTACKS[name](*asked)
        assert result.threat == whole.threat
        assert torch.equal(result.robust, whole.robust)
        assert torch.equal(result.images, whole.images)
        assert all(torch.equal(result.weights[each], w) for each, w in whole.weights.items())


@dataclass(frozen=True)
class RandomWeights(Attack[AttackResult]):
    """A toy attack: one random direction, ``times`` as long as it may be."""

    threat: WeightThreat
    times: float = 1.0

    def check(self, subject):
        if not len(subject):
            raise InputError("no examples")

    def run(self, subject):
        ball = weight_ball(subject, self.threat.scaled(self.times))
        drawn = ball.sphere(subject.generator("toy"))
        candidate = verified_weights(subject, ball, drawn)
        return AttackResult(self.threat, candidate.robust, subject.images, candidate.weights)


def test_a_toy_attack_is_a_subclass_with_two_methods(zoo, digits):
    data = digits.head(N)
    result = RandomWeights(WEIGHT)(zoo(MODEL), data.images, data.labels)
    assert result.threat == WEIGHT
    assert result.strongest is None
    assert result.passes == 0
    assert result.n_robust == int(result.robust.sum())


def test_what_lies_outside_its_threat_is_no_result(zoo, digits):
    data = digits.head(8)
    with pytest.raises(RuntimeError, match="outside its space"):
        RandomWeights(WEIGHT, 1.01)(zoo(MODEL), data.images, data.labels)


def test_no_attack_replaces_the_call_that_measures_its_result():
    with pytest.raises(TypeError, match="replaces Attack"):

        class Unchecked(RandomWeights):
            def __call__(  # type: ignore[misc, override]
                self, model, images, labels, options=None
            ):
                return None


def test_results_move_to_a_device_with_all_they_hold(found):
    moved = found[1].to(torch.device("meta"))
    searches = [each.broken for each in moved.searches] + [each.attacked for each in moved.searches]
    for tensor in [moved.robust, moved.images, *moved.weights.values(), *searches]:
        assert tensor.device.type == "meta"
    assert moved.threat is found[1].threat


def test_flatness_has_the_defaults_of_its_settings():
    parameters = inspect.signature(flatness).parameters
    for name, setting in FlatnessSettings.model_fields.items():
        if not setting.is_required():
            assert parameters[name].default == setting.default, name
