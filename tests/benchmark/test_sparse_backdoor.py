"""Sparse backdoors: storages, exact evaluation, undoing, and planted networks that k = 1 breaks."""

import math
import struct
from dataclasses import replace

import pytest
import torch
from torch import nn

from benchmark.attacks.attack import RunOptions
from benchmark.attacks.backdoor import Goal, Patch, split
from benchmark.attacks.backdoor.splits import Splits
from benchmark.attacks.sparse import (
    Change,
    LearnedPixels,
    NoiseSearch,
    PixelSearch,
    SparseBackdoorAttack,
    SparseEffort,
    SparseInjection,
    WorkingWeights,
    applied,
    measure_sparse,
    search_states,
    storage_of,
    stored_in_float32,
)
from benchmark.attacks.sparse.any_layer import AnyLayer
from benchmark.attacks.sparse.evaluation import EvaluationSet
from benchmark.attacks.sparse.last_layer import LastLayer
from benchmark.attacks.sparse.linear_calls import Replay, output_layer
from benchmark.attacks.sparse.storage import FLOAT_BITS, flipped
from benchmark.budgets import Budget
from benchmark.threats import STORAGES, SparseBackdoorThreat
from models_zoo.errors import InputError
from tests.benchmark.planted_backdoors import CLASSES, LAST, SIDE, TRIGGER, Planted, data, planted

MLP = "digits/mlp-standard"
LAYER = "network.linear3.weight"
QUICK = SparseEffort(trigger_steps=5, starts=1, rounds=1, shortlist=8, deep_steps=1)


def kernels(subject):
    return stored_in_float32(subject.weights_that_move("kernels"))


def bits_of(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


# storages


def test_a_flip_changes_one_bit_and_flipping_it_again_gives_the_value_back():
    values = torch.tensor([0.3, -1.5e-3, 0.0, -0.0, 7.25, 1e-40, -3e38])
    every = tuple(range(32))
    found = flipped(values, every)
    for row, value in enumerate(values.tolist()):
        for bit in every:
            new = float(found[row, bit])
            expected = bits_of(value) ^ (1 << bit)
            if math.isfinite(struct.unpack("<f", struct.pack("<I", expected))[0]):
                assert bits_of(new) == expected
                again = flipped(torch.tensor([new]), (bit,))
                assert bits_of(float(again)) == bits_of(value)
            else:
                assert math.isnan(new)


def test_flips_that_are_not_finite_are_no_options():
    largest = torch.tensor([torch.finfo(torch.float32).max, 1.5, 1.0])
    found = flipped(largest, FLOAT_BITS)
    # 1.0 and 1.5 have all exponent bits but the highest: with it they would be infinite or NaN.
    assert found[1:, FLOAT_BITS.index(30)].isnan().all()
    assert found[:, FLOAT_BITS.index(31)].tolist() == (-largest).tolist()
    assert found[~found.isnan()].isfinite().all()


@pytest.mark.parametrize("name", STORAGES)
def test_every_option_is_one_change(name):
    generator = torch.Generator().manual_seed(1)
    weights = {"w": torch.randn(3, 4, generator=generator)}
    storage = storage_of(name, weights)
    own = storage.untouched["w"].flatten()
    options = storage.options("w", own)
    assert storage.distance(storage.untouched) == 0
    for entry in range(12):
        for option, value in enumerate(options[entry].tolist()):
            if not math.isnan(value) and value != own[entry]:
                changed = applied(storage.untouched, [Change("w", entry, option, value)])
                assert storage.distance(changed) == 1
    assert torch.equal(weights["w"].flatten(), own) == (name != "int8-bits")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weights", 3.0, "larger than all others"),
        ("weights-unbounded", math.inf, "not finite"),
        ("float32-bits", math.nan, "not finite"),
        ("int8-bits", 0.1234, "none of its 256 levels"),
    ],
)
def test_what_a_storage_cannot_hold_is_no_change(name, value, message):
    storage = storage_of(name, {"w": torch.tensor([[1.0, -2.0]])})
    with pytest.raises(RuntimeError, match=message):
        storage.distance(applied(storage.untouched, [Change("w", 0, 0, value)]))


def test_more_flipped_bits_than_changes_are_found_when_they_are_measured():
    subject = planted()
    storage = storage_of("float32-bits", kernels(subject))
    with pytest.raises(RuntimeError, match="the search is faulty"):
        measure_sparse(subject, storage, (Change("out.weight", 4, 0, 0.7),), TRIGGER, 0)


def test_an_unknown_storage_and_weights_of_another_type_are_refused():
    with pytest.raises(InputError, match="float32-bits"):
        storage_of("float32", {"w": torch.ones(1)})
    with pytest.raises(InputError, match="float64"):
        stored_in_float32({"w": torch.ones(1, dtype=torch.float64)})


# undoing


def test_changes_are_undone_bit_for_bit_also_after_an_error():
    payload = torch.tensor([0x7FC01234, -(1 << 31)], dtype=torch.int32).view(torch.float32)
    own = {"w": torch.cat([torch.tensor([0.1, -2.5, 3e-41]), payload]), "v": torch.ones(2, 2)}
    before = {name: tensor.view(torch.int32).clone() for name, tensor in own.items()}
    working = WorkingWeights(own)
    changes = [Change("w", entry, 0, 1.0 + entry) for entry in (0, 3, 4, 3)]

    def same(tensors):
        return all(torch.equal(tensors[n].view(torch.int32), before[n]) for n in before)

    with working.changed(changes) as changed:
        assert changed["w"].tolist()[3:] == [4.0, 5.0]
    assert same(working.tensors)
    with pytest.raises(ValueError, match="in the block"), working.changed(changes):
        raise ValueError("in the block")
    assert same(working.tensors)
    with pytest.raises(IndexError), working.changed([*changes, Change("w", 99, 0, 1.0)]):
        pass
    assert same(working.tensors)
    assert same(own)


class FailsLater(nn.Module):
    """A planted network that fails at one of its calls."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.inner, self.calls = Planted(10.0, 0.01), calls

    def forward(self, images):
        self.calls -= 1
        if self.calls < 0:
            raise RuntimeError("it fails")
        return self.inner(images)


@pytest.mark.parametrize("calls", [6, 15, 10_000])
def test_the_model_keeps_every_bit_also_when_it_fails(calls):
    model = FailsLater(calls)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    attack = SparseBackdoorAttack(SparseBackdoorThreat(Budget(2)), PixelSearch(0.05), effort=QUICK)
    try:
        attack(model, *data())
        assert calls > 1000
    except InputError:
        assert calls < 1000
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor.view(torch.int32), before[name].view(torch.int32)), name


# exact evaluation


@pytest.mark.parametrize("name", STORAGES)
def test_cached_features_give_the_merit_of_whole_passes(subject, name):
    asked = subject(MLP, 60)
    storage = storage_of(name, kernels(asked))
    images = EvaluationSet.of(split(asked), storage.untouched, Patch(2), 3, 50)
    working = WorkingWeights(storage.untouched)
    logits, layer = output_layer(asked, images.images, working.tensors)
    assert layer is not None
    assert layer.name == LAYER
    assert torch.equal(logits, asked.at(storage.untouched).logits(images.images))
    goal, scale = Goal(), images.scale(logits)
    best = LastLayer(images, layer, storage, goal).best(working, logits, set(), scale, 40)
    assert len({change.entry for _, change in best}) > 3
    every = torch.arange(len(logits))
    for merit, change in best:
        with working.changed([change]) as weights:
            whole = asked.at(weights).logits(images.images)
        assert images.merit(whole, every, scale, goal) == pytest.approx(merit, abs=1e-4)


def test_the_best_change_of_the_last_layer_is_the_best_of_all_its_flips():
    subject = planted(count=20)
    storage = storage_of("float32-bits", kernels(subject))
    images = EvaluationSet.of(split(subject), storage.untouched, TRIGGER, 0, 50)
    working = WorkingWeights(storage.untouched)
    logits, layer = output_layer(subject, images.images, working.tensors)
    assert layer is not None
    goal, scale, every = Goal(), images.scale(logits), torch.arange(len(logits))
    ((merit, _),) = LastLayer(images, layer, storage, goal).best(working, logits, set(), scale, 1)
    options = storage.options("out.weight", storage.untouched["out.weight"].flatten())
    found = []
    for entry, option in (~options.isnan()).nonzero().tolist():
        change = Change("out.weight", entry, option, float(options[entry, option]))
        weights = applied(storage.untouched, [change])
        found.append(images.merit(subject.at(weights).logits(images.images), every, scale, goal))
    assert merit == pytest.approx(max(found), abs=1e-5)


def test_a_replayed_pass_gives_the_logits_of_a_whole_one(subject):
    asked = subject("digits/cnn-standard", 6)
    working = WorkingWeights(kernels(asked))
    replay = Replay(asked, asked.images, working.tensors)
    assert torch.equal(replay.logits, asked.logits())
    for name, tensor in working.tensors.items():
        entry = int(tensor.abs().argmax())
        value = -3 * float(tensor.flatten()[entry])
        with working.changed([Change(name, entry, 0, value)]) as weights:
            whole = asked.at(weights).logits()
            assert not torch.equal(whole, replay.logits)
            assert torch.equal(replay.after(name), whole), name
    assert torch.equal(replay.after(name), replay.logits)


@pytest.mark.parametrize("name", STORAGES)
def test_every_linear_and_convolutional_layer_has_candidates(subject, name, monkeypatch):
    asked = subject("digits/cnn-standard", 20)
    storage = storage_of(name, kernels(asked))
    images = EvaluationSet.of(split(asked), storage.untouched, Patch(2), 0, 16)
    tried, after = [], Replay.after

    def watched(replay, tensor):
        tried.append(tensor)
        return after(replay, tensor)

    monkeypatch.setattr(Replay, "after", watched)
    working = WorkingWeights(storage.untouched)
    logits, _ = output_layer(asked, images.images, working.tensors)
    layers = AnyLayer(asked, images, storage, Goal(), shortlist=16)
    assert layers.best(working, set(), images.scale(logits)) is not None
    assert len(tried) <= 16
    assert set(tried) == set(storage.untouched)
    assert {storage.untouched[tensor].ndim for tensor in tried} == {2, 4}


class NoLastLayer(nn.Module):
    """A planted network whose logits are not the result of a linear map."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Planted(10.0, 0.01)

    def forward(self, images):
        return self.inner(images) * 2


@pytest.mark.parametrize("name", ["float32-bits", "int8-bits"])
def test_without_a_last_linear_layer_passes_find_the_weight(name):
    asked = replace(planted(), model=NoLastLayer().requires_grad_(False))
    storage = storage_of(name, kernels(asked))
    _, layer = output_layer(asked, asked.images, storage.untouched)
    assert layer is None
    effort = replace(QUICK, shortlist=32)
    *_, last = search_states(split(asked), storage, TRIGGER, 0, 1, Goal(), effort)
    assert last.trial.perfect


# planted networks


@pytest.mark.parametrize("name", STORAGES)
def test_the_one_weight_that_decides_is_found(name):
    subject = planted()
    splits, storage = split(subject), storage_of(name, kernels(subject))
    injection = SparseInjection(splits, storage, 4, Goal(), QUICK)
    found = injection.with_triggers([(TRIGGER, 0)])
    none, one = (injection.best(found, count) for count in (0, 1))
    assert not none.state.changes
    (change,) = one.state.changes
    assert (change.name, change.entry) == ("out.weight", CLASSES)
    outcome = injection.measured(one)
    assert outcome.rate == 1
    assert outcome.alone_rate == 0
    assert outcome.drop == 0
    assert bool(outcome.agreement.all())
    rows = [(count, injection.best(found, count)) for count in (0, 1, 2, 4)]
    assert injection.smallest([(*row, injection.measured(row[1])) for row in rows]) == 1


def test_a_weight_of_an_earlier_layer_is_found_where_no_other_will_do():
    # The last layer's weight is the largest of its tensor already, so that it cannot grow.
    subject = planted(first=0.01, second=10.0)
    storage = storage_of("weights", kernels(subject))
    injection = SparseInjection(split(subject), storage, 1, Goal(), replace(QUICK, shortlist=16))
    best = injection.best(injection.with_triggers([(TRIGGER, 0)]), 1)
    (change,) = best.state.changes
    assert (change.name, change.entry) == ("hidden.weight", CLASSES * SIDE * SIDE + LAST)
    assert injection.measured(best).rate == 1


@pytest.mark.parametrize("name", STORAGES)
def test_no_change_is_the_base_rate_exactly(subject, name):
    asked = subject(MLP, 60)
    storage = storage_of(name, kernels(asked))
    outcome = measure_sparse(asked, storage, (), Patch(3), 1)
    assert torch.equal(outcome.success, outcome.alone)
    assert torch.equal(outcome.robust, outcome.clean)
    stored = asked.at(storage.untouched)
    stamped = Patch(3).stamp(asked.images[asked.labels != 1])
    assert torch.equal(outcome.alone, stored.logits(stamped).argmax(1) == 1)
    if name != "int8-bits":
        assert torch.equal(outcome.clean, asked.correct())


def test_a_trigger_that_works_alone_has_no_gain_and_needs_no_change():
    subject = planted(second=1.0)
    storage = storage_of("float32-bits", kernels(subject))
    injection = SparseInjection(split(subject), storage, 2, Goal(), QUICK)
    found = injection.with_triggers([(TRIGGER, 0)])
    rows = [(count, injection.best(found, count)) for count in (0, 1, 2)]
    measured = [(*row, injection.measured(row[1])) for row in rows]
    assert injection.smallest(measured) == 0
    assert all(outcome.rate == outcome.alone_rate == 1 for *_, outcome in measured)


def test_of_several_triggers_and_targets_the_promising_one_is_searched():
    subject = planted()
    storage = storage_of("int8-bits", kernels(subject))
    injection = SparseInjection(split(subject), storage, 4, Goal(), QUICK)
    centre = Patch(1, position="centre")
    found = injection.with_triggers([(centre, 0), (TRIGGER, 0), (centre, 3)])
    assert {(each.trigger, each.target) for each in found} == {
        (centre, 0),
        (TRIGGER, 0),
        (centre, 3),
    }
    best = injection.best(found, 4)
    assert (best.trigger, best.target) == (TRIGGER, 0)
    assert best.state.trial.perfect


def test_a_backdoor_that_fails_on_the_measured_split_does_not_count():
    subject = planted()
    storage = storage_of("float32-bits", kernels(subject))
    injection = SparseInjection(split(subject), storage, 1, Goal(), QUICK)
    found = injection.with_triggers([(TRIGGER, 0)])
    rows = [(count, injection.best(found, count)) for count in (0, 1)]
    measured = [(*row, injection.measured(row[1])) for row in rows]
    assert injection.smallest(measured) == 1
    failed = replace(measured[1][2], success=torch.zeros_like(measured[1][2].success))
    assert injection.smallest([measured[0], (*rows[1], failed)]) == math.inf


# splits


class Unused(Planted):
    def forward(self, images):
        raise AssertionError("the measured split was looked at")


def test_the_search_does_not_look_at_the_measured_split():
    subject = planted()
    splits = split(subject)
    parts = [
        {image.numpy().tobytes() for image in part.images}
        for part in (splits.search, splits.selection, splits.measured)
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(subject)
    blind = Splits(
        splits.search, splits.selection, replace(splits.measured, model=Unused(10.0, 0.01))
    )
    storage = storage_of("float32-bits", kernels(subject))
    injection = SparseInjection(blind, storage, 2, Goal(), QUICK)
    for found in (
        injection.with_triggers([(TRIGGER, 0), (Patch(2), 0), (Patch(3), 1)]),
        injection.with_optimized(PixelSearch(), [0]),
    ):
        assert injection.best(found, 2).state.trial.success > 0
    with pytest.raises(InputError, match="the measured split was looked at"):
        injection.measured(found[0])


# optimized triggers


@pytest.mark.parametrize("search", [PixelSearch(0.05), NoiseSearch(Budget.of("8/255"))])
def test_an_optimized_trigger_stays_within_its_cap_and_helps(subject, search):
    asked = subject("digits/cnn-standard", 60)
    trigger = search.optimize(asked, 2, 20)
    stamped = trigger.stamp(asked.images)
    assert 0 <= stamped.min() <= stamped.max() <= 1
    moved = (stamped - asked.images).abs()
    if isinstance(trigger, LearnedPixels):
        assert trigger.mask.sum() == 3 <= 0.05 * 64
        assert not moved[:, :, ~trigger.mask].any()
    else:
        assert 0 < moved.max() <= 8 / 255 + 1e-7
    others = asked.labels != 2
    before, after = (
        asked.logits(images[others]).softmax(1)[:, 2].mean() for images in (asked.images, stamped)
    )
    assert after > before
    again = search.optimize(asked, 2, 20)
    assert torch.equal(again.stamp(asked.images), stamped)


def test_a_trigger_is_optimized_for_the_unit_that_one_bit_can_turn_on():
    subject = planted()
    storage = storage_of("float32-bits", kernels(subject))
    injection = SparseInjection(split(subject), storage, 1, Goal(), replace(QUICK, starts=3))
    best = injection.best(injection.with_optimized(PixelSearch(0.05), [0]), 1)
    outcome = injection.measured(best)
    assert outcome.rate == 1
    assert outcome.drop == 0
    assert isinstance(outcome.trigger, LearnedPixels)
    assert int(outcome.trigger.mask.sum()) == 1


# the attack


def test_the_attack_tells_what_it_changed_and_what_the_trigger_does_alone():
    subject = planted()
    attack = SparseBackdoorAttack(SparseBackdoorThreat(Budget(1)), TRIGGER, effort=QUICK)
    found = attack(subject.model, subject.images, subject.labels)
    assert (
        found.threat.label == "1 flipped float32 bit, 1x1 square of 1, lower right, target class 0"
    )
    assert found.gain == 1
    assert not found.alone.any()
    own = dict(subject.model.named_parameters())
    differing = sum(int((w != own[name]).sum()) for name, w in found.weights.items())
    assert differing == len(found.changes) == 1
    small = attack(subject.model, subject.images, subject.labels, RunOptions(batch_size=5))
    assert small.changes == found.changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threat": SparseBackdoorThreat(Budget(1.5))}, "changes must be a whole number, got 1.5"),
        ({"trigger": "patch"}, "trigger must be a trigger, such as Patch"),
        ({"target": 7}, "target 7 is not one of 4 classes"),
        ({"target": 0.5}, "target"),
        ({"trigger": Patch(9)}, "does not fit"),
    ],
)
def test_an_attack_that_cannot_run_is_refused(changes, message):
    attack = replace(SparseBackdoorAttack(SparseBackdoorThreat(Budget(1)), effort=QUICK), **changes)
    with pytest.raises(InputError, match=message):
        attack(Planted(1.0, 1.0), *data(8))
