"""The input attack in shards of examples: the same result, and when it is divided."""

import pytest
import torch
from torch import nn

from benchmark.planning import Unit
from benchmark.planning.division import divided, separable, shard_counts
from benchmark.probes import PROBES
from benchmark.probes.divisible import join_shards
from benchmark.session import session_of
from benchmark.shards import Shard, ShardResult
from benchmark.subject import subject_of
from tests.benchmark.short_input_attack import BATTERY, OneByOne, without_passes

COUNT, SHARDS = 15, 3


@pytest.fixture(scope="module")
def results(zoo, digits):
    """The result of the attack on all examples, and its shards in a wrong order."""
    model, some = OneByOne(zoo("digits/mlp-pgd-at")), digits.head(COUNT)
    with session_of(model, some.images, some.labels, BATTERY) as session:
        whole = session.run("input")
        shards = [
            session.run_shard("input", Shard(index=index, count=SHARDS)) for index in (1, 2, 0)
        ]
    return whole, [ShardResult.model_validate_json(each.model_dump_json()) for each in shards]


def join(shards):
    return join_shards(PROBES["input"](BATTERY.probes["input"], BATTERY.probes), shards)


def test_shards_are_joined_to_the_result_on_all_examples(results):
    whole, shards = results
    assert 0 < whole.scores["robust_accuracy"].value < 1
    shown = {int(each.picture.removeprefix("example_")) for each in whole.thumbnails}
    assert min(shown) < COUNT // SHARDS < max(shown), "they are of several shards"
    found = join(shards)
    assert without_passes(found) == without_passes(whole)
    assert found.protocol["searches in l2 balls"] != []
    spent = [each.cost.forwards + each.cost.backwards for each in (found, whole)]
    assert spent[0] == pytest.approx(spent[1], rel=0.1)
    assert found.cost.seconds == pytest.approx(sum(each.cost.seconds for each in shards))


@pytest.mark.parametrize("kept", [[0, 1], [0, 0, 1], [0, 1, 2, 2]])
def test_shards_are_not_joined_unless_each_is_there_once(results, kept):
    with pytest.raises(ValueError, match="these are not 3 shards"):
        join([results[1][place] for place in kept])


def test_every_example_is_in_one_shard():
    for examples, count in ((20, 3), (7, 7), (1000, 13)):
        rows = [Shard(index=index, count=count).rows(examples) for index in range(count)]
        assert [row for each in rows for row in each] == list(range(examples))
        assert {len(each) for each in rows} <= {examples // count, -(-examples // count)}


def unit(seconds, probe="input", model="m"):
    return Unit(model, "b", "d", 0, probe, seconds=seconds)


def test_the_identity_of_a_shard_is_that_of_its_unit_with_its_number():
    one = unit(8.0)
    shards = one.shards(4)
    assert [each.identity for each in shards] == [f"{one.identity}.{n}/4" for n in (1, 2, 3, 4)]
    assert {each.whole for each in shards} == {one.identity}
    assert {each.key for each in shards} == {one.key}
    assert [each.seconds for each in shards] == [2.0] * 4
    assert one.shards(1) == [one]


def test_a_unit_is_divided_where_it_is_long_compared_with_the_work_of_a_worker():
    long, others = unit(1000.0), [unit(500.0, "weight", str(model)) for model in range(6)]
    units, examples = [long, *others], {long.identity: 5000}

    def count(workers, examples=examples):
        return shard_counts(units, workers, examples).get(long.identity, 1)

    assert [count(workers) for workers in (1, 2, 4)] == [1, 1, 1], "all end together as it is"
    assert count(8) == 8
    assert count(1000) == 16, "no shard is shorter than a minute"
    assert count(1000, {long.identity: 360}) == 7, "nor has it few examples"
    assert count(1000, {long.identity: 99}) == count(1000, {}) == 1
    assert count(None) == 1
    assert shard_counts([unit(4000.0)], None, {long.identity: 5000}) == {long.identity: 5}
    shards = divided(units, shard_counts(units, 8, examples))
    assert [each.seconds for each in shards] == [125.0] * 8 + [500.0] * 6


def test_a_unit_is_not_divided_where_others_would_have_to_repeat_it():
    attack, joint = unit(4000.0), unit(1000.0, "joint")
    units, examples = [attack, joint], {attack.identity: 5000}

    def count(workers, seconds):
        over = {joint.identity: {"input": seconds}}
        return shard_counts(units, workers, examples, over).get(attack.identity, 1)

    assert (count(4, 0.0), count(4, 1500.0), count(4, 2800.0)) == (13, 13, 1)
    assert count(None, 1.0) == 1
    longer = divided(units, {attack.identity: 2}, {joint.identity: {"input": 1500.0}})
    assert [each.seconds for each in longer] == [2000.0, 2000.0, 2500.0]


class Noisy(nn.Module):
    def forward(self, images):
        return images.flatten(1)[:, :10] + 0.1 * torch.rand(len(images), 10)


class Centered(nn.Module):
    def forward(self, images):
        return (images - images.mean(0)).flatten(1)[:, :10]


@pytest.mark.parametrize(
    ("model", "expected"), [(Noisy(), False), (Centered(), False), (None, True)]
)
def test_models_whose_logits_depend_on_the_batch_or_on_chance_are_not_divided(
    zoo, digits, model, expected
):
    model = model or zoo("digits/mlp-pgd-at")
    with subject_of(model, digits.images[20:60], digits.labels[20:60]) as subject:
        assert separable(subject) is expected
