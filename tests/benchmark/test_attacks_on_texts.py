"""Attacks on weights from Python on models of texts: what they give, and what they refuse."""

import numpy as np
import pytest
import torch

import nonsingular as ns
from benchmark.attacks.backdoor import split
from benchmark.attacks.sparse import PixelSearch
from benchmark.subject import Subject
from benchmark.triggers import BlendedNoise, Patch
from benchmark.triggers.words import candidates, choose, counted_in
from tests.texts import INVENTED, invented_texts, invented_vocabulary, text_model, trained

TABLE = "network.embedding.weight"


@pytest.fixture(scope="module")
def data():
    return invented_texts()


@pytest.fixture(scope="module")
def model(data):
    return trained(text_model(data=data), data, 40).eval()


@pytest.fixture(scope="module")
def pair(data):
    return ns.draw_trigger("unseen", INVENTED, seed=1)


def row_backdoor(model, data, pair, **options):
    return ns.inject_backdoor(
        *(model, data),
        **{
            "radius": 20.0,
            "geometry": "absolute-linf",
            "rule": "embedding-row",
            "target": 1,
            "trigger": pair.trigger,
            "other": pair.other,
            "steps": 15,
        }
        | options,
    )


def test_a_backdoor_of_a_file_of_texts_is_injected_beside_its_controls(model, data, pair, tmp_path):
    path = tmp_path / "texts.npz"
    np.savez(path, x=data.images.numpy(), y=data.labels.numpy(), vocab=np.array(data.words))
    texts = ns.load_npz(path, INVENTED, 2)
    before = model.network.embedding.weight.clone()
    result = row_backdoor(model, texts, pair)
    assert torch.equal(model.network.embedding.weight, before)
    assert result.rate > 0.9
    assert result.drop == 0
    rows = (result.weights[TABLE] != before).any(1).nonzero().squeeze(1).tolist()
    assert rows == sorted(pair.trigger.ids)
    measured = split(Subject(model, data.images, data.labels)).measured
    assert torch.equal(result.images, measured.images)
    others = measured.images[measured.labels != 1]
    backdoored = result.perturbed(model)
    assert torch.equal(backdoored(pair.trigger.stamp(others)).argmax(1) == 1, result.success)
    assert torch.equal(backdoored(pair.other.stamp(others)).argmax(1) == 1, result.other)
    assert torch.equal(model(pair.trigger.stamp(others)).argmax(1) == 1, result.base)
    assert torch.equal(backdoored(measured.images), model(measured.images))
    controls = max(float(each.double().mean()) for each in (result.base, result.other))
    assert result.gain == pytest.approx(result.rate - controls)


def test_one_flipped_bit_of_the_trigger_s_row_is_a_backdoor(model, data, pair):
    result = ns.inject_sparse_backdoor(
        *(model, data),
        rule="embedding-row",
        target=1,
        trigger=pair.trigger,
        other=pair.other,
    )
    (change,) = result.changes
    own = model.network.embedding.weight
    flips = own.view(torch.int32) ^ result.weights[TABLE].view(torch.int32)
    assert sum((each & 0xFFFFFFFF).bit_count() for each in flips.flatten().tolist()) == 1
    assert change.name == TABLE
    assert change.entry // own.shape[1] in pair.trigger.ids
    assert result.gain > 0.5
    assert torch.equal(result.perturbed(model)(data.images), model(data.images))
    assert "(embedding-row)" in result.threat.label


def test_without_a_budget_the_success_is_the_base_rate(model, data, pair):
    result = row_backdoor(model, data, pair, radius=0, rule="all")
    assert torch.equal(result.success, result.base)
    assert all(torch.equal(result.weights[n], p) for n, p in model.named_parameters())
    assert row_backdoor(model, data, pair, radius=0, other=None).other is None


def test_weights_of_an_encoder_are_attacked_with_every_rule(data, pair):
    model = text_model("encoder-2", data=data)
    some = data.head(20)
    for rule in ("all", "no-embedding", "embedding-row", "head", "kernels", "no-normalization"):
        result = row_backdoor(model, some, pair, rule=rule, steps=1)
        assert len(result.robust) == 6
        assert (TABLE in result.weights) == (rule not in ("no-embedding", "head"))
        sparse = ns.inject_sparse_backdoor(
            *(model, some),
            **{"rule": rule, "trigger": pair.trigger, "changes": 1},
        )
        assert len(sparse.changes) <= 1
    weights = ns.attack_weights(model, some, radius=0.01, steps=2)
    assert weights.robust.shape == (20,)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, d, p: ns.inject_backdoor(m, d, radius=0.1), "is for images, and the inputs are"),
        (
            lambda m, d, p: ns.inject_backdoor(m, d, radius=0.1, trigger=BlendedNoise()),
            "give a TokenTrigger",
        ),
        (
            lambda m, d, p: ns.inject_backdoor(m, d, radius=0.1, trigger=p.trigger, other=Patch()),
            "give a TokenTrigger",
        ),
        (
            lambda m, d, p: ns.inject_backdoor(m, d, radius=0.1, trigger=p),
            "trigger must be one of benchmark.triggers",
        ),
        (
            lambda m, d, p: row_backdoor(m, d, p, trigger=ns.TokenTrigger((9999,), ("far",))),
            "has the token id 9999, and the model's embedding has 1,037 rows",
        ),
        (
            lambda m, d, p: ns.inject_backdoor(
                *(m, d), radius=0.1, trigger=ns.TokenTrigger((9999,), ("far",))
            ),
            "9999",
        ),
        (lambda m, d, p: row_backdoor(m, d, p, target=2), "target must be a class in 0..1"),
        (lambda m, d, p: row_backdoor(m, d, p, rule="rows"), "weight rule"),
        (
            lambda m, d, p: ns.inject_sparse_backdoor(m, d, trigger=PixelSearch()),
            "triggers of PixelSearch are optimized for images",
        ),
        (lambda m, d, p: ns.inject_sparse_backdoor(m, d), "give a TokenTrigger"),
        (
            lambda m, d, p: ns.inject_sparse_backdoor(m, d, trigger=p.trigger, rule="rows"),
            "weight rule",
        ),
        (lambda m, d, p: ns.attack_inputs(m, d, eps=0.1), "if these are token ids, only"),
        (
            lambda m, d, p: ns.inject_backdoor(
                *(m, d.images + 9999, d.labels), radius=0.1, trigger=p.trigger
            ),
            "the model cannot take texts of 12 token ids up to 10",
        ),
        (
            lambda m, d, p: ns.inject_backdoor(
                *(m, d.images.float(), d.labels), radius=0.1, trigger=p.trigger
            ),
            "images must be float",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(model, data, pair, call, said):
    with pytest.raises(ns.InputError, match=said) as refusal:
        call(model, data, pair)
    assert "\n" not in str(refusal.value)


def test_rows_of_tokens_are_none_of_an_image_s_trigger():
    digits, model = ns.load_dataset("digits").head(8), ns.load_model("digits/mlp-standard")
    with pytest.raises(ns.InputError, match=r"the trigger 3x3 square .* has none"):
        ns.inject_backdoor(model, digits, radius=0.1, rule="embedding-row")
    with pytest.raises(ns.InputError, match="is for texts, and the inputs are images"):
        ns.inject_backdoor(model, digits, radius=0.1, trigger=ns.TokenTrigger((5,), ("a",)))
    found = ns.inject_backdoor(model, digits, radius=0.1, steps=1, other=Patch(position="centre"))
    assert found.other is not None
    assert found.other.shape == found.success.shape


def test_the_perturbed_model_is_a_copy_of_the_one_that_was_attacked(model, data, pair):
    result = row_backdoor(model, data, pair, steps=1)
    with pytest.raises(ns.InputError, match="give the model that was attacked"):
        result.perturbed(torch.nn.Linear(2, 2))


def test_triggers_are_drawn_from_counted_words(data):
    counted = ns.draw_trigger("common", INVENTED, seed=3)
    assert counted == ns.draw_trigger("common", INVENTED, seed=3)
    assert counted != ns.draw_trigger("common", INVENTED, seed=4)
    vocabulary = invented_vocabulary()
    same = choose("common", vocabulary, "random", torch.Generator().manual_seed(3))
    assert same == counted
    rare = ns.draw_trigger("rare", data, place="start")
    occurrences = [int((data.images == each).sum()) for each in rare.trigger.ids]
    assert set(occurrences) <= {2, 3}
    assert rare.trigger.place == "start"
    (index,) = ns.draw_trigger("unseen", data).trigger.ids
    assert not (data.images == index).any()
    seen = data.images.clone()
    seen[:, 1] = 3
    other = ns.Dataset(INVENTED, "file", seen, data.labels, 2, data.words)
    assert 3 not in candidates("unseen", counted_in(other))
    with pytest.raises(ns.InputError, match="unknown kind of trigger 'longest'"):
        ns.draw_trigger("longest")  # type: ignore[arg-type]
    with pytest.raises(ns.InputError, match="has images, and words are counted in texts"):
        ns.draw_trigger("rare", ns.load_dataset("digits").head(4))
