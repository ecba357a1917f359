"""Networks of token ids leave padding out, and cards say what models take."""

import pytest
import torch
from pydantic import ValidationError

from models_zoo import InputError, load_file
from models_zoo.architectures import build_architecture
from models_zoo.card import Card
from models_zoo.catalog.writing import card_to_toml
from models_zoo.checkpoint import save_weights
from models_zoo.classifier import fingerprint
from models_zoo.inputs import Images, Tokens, kind_of, words_sha256
from tests.texts import LENGTH, WORDS, text_model, tiny_texts

ARCHITECTURES = ("mean-linear", "text-cnn", "encoder-2")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_changes_no_logit(architecture):
    model, ids = text_model(architecture), tiny_texts().images
    assert bool((ids == 0).any())
    before = model(ids)
    with torch.no_grad():
        model.network.embedding.weight[0] += 100
    assert torch.equal(model(ids), before)
    with torch.no_grad():
        model.network.embedding.weight[3] += 1
    assert not torch.equal(model(ids), before)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_more_padding_changes_no_logit(architecture):
    data = tiny_texts(length=LENGTH + 5)
    short = data.images[:, :LENGTH]
    longer = torch.cat([short, torch.zeros_like(data.images[:, LENGTH:])], 1)
    model = text_model(architecture, data)
    cut = build_architecture(f"{architecture}:{len(WORDS)}", classes=2, input_shape=(LENGTH,))
    weights = model.network.state_dict()
    if "positions" in weights:
        weights["positions"] = weights["positions"][:LENGTH]
    cut.load_state_dict(weights)
    assert torch.allclose(cut.eval()(short), model(longer), atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_text_of_padding_alone_has_finite_logits(architecture):
    assert bool(
        text_model(architecture)(torch.zeros(2, LENGTH, dtype=torch.int64)).isfinite().all()
    )


def test_the_largest_shift_of_a_logit_by_one_token_is_known():
    """The closed form that the backdoors of this network are compared with."""
    model = text_model("mean-linear")
    ids = torch.tensor([[2, 3, 4, 5, 0, 0, 0, 0]])
    rows, before = model.network.linear.weight, model(ids)
    eps, toward = 0.01, rows[1] - rows[0]
    with torch.no_grad():
        model.network.embedding.weight[3] += eps * toward.sign()
    shift = (model(ids) - before) @ torch.tensor([-1.0, 1.0])
    assert float(shift) == pytest.approx(float(eps * toward.abs().sum() / 4), rel=1e-4)


def test_networks_of_texts_refuse_images_and_the_reverse():
    for architecture in ARCHITECTURES:
        with pytest.raises(InputError, match="cannot take images of 1x8x8"):
            build_architecture(f"{architecture}:30", classes=2, input_shape=(1, 8, 8))
    for architecture in ("mlp", "cnn", "resnet18", "wrn-16-4"):
        with pytest.raises(InputError, match="cannot take texts of 8 token ids"):
            build_architecture(architecture, classes=2, input_shape=(8,))
    with pytest.raises(InputError, match=r"three positive numbers .* or the length of texts"):
        build_architecture("mlp", classes=2, input_shape=(8, 8))
    with pytest.raises(InputError, match=r"vocabulary of an architecture is 2 to 1,000,000"):
        build_architecture("text-cnn:1", classes=2, input_shape=(8,))


def test_a_card_of_texts_says_what_the_model_takes(tmp_path):
    card, data = text_model().card, tiny_texts()
    assert card.inputs == data.inputs
    assert card.inputs.kind == kind_of(data.images) == "tokens"
    assert Card.model_validate_json(card.model_dump_json()) == card
    assert "[tokens]" in card_to_toml(card)
    for wrong in (
        {"input_shape": (LENGTH + 1,)},
        {"tokens": None},
        {"mean": (0.5,)},
        {"std": (2.0,)},
    ):
        with pytest.raises(ValidationError, match=r"input_shape|not normalized"):
            Card.model_validate(card.model_dump() | wrong)


def test_a_card_of_images_reads_as_before():
    card = Card.model_validate(
        {
            "name": "a/b",
            "dataset": "a",
            "architecture": "mlp",
            "input_shape": [1, 8, 8],
            "mean": [0.5],
            "std": [0.5],
        }
    )
    assert card.inputs == Images(shape=(1, 8, 8))
    assert "tokens" not in card_to_toml(card)


def test_weights_of_a_text_model_are_read_from_a_file(tmp_path):
    model, data = text_model("text-cnn"), tiny_texts()
    save_weights(model.network, tmp_path / "own.safetensors")
    read = load_file(
        tmp_path / "own.safetensors",
        architecture=model.card.architecture,
        dataset="own",
        classes=2,
        tokens=data.inputs,
    )
    assert read.card.inputs == data.inputs
    assert torch.equal(read(data.images), model(data.images))
    assert fingerprint(read) == fingerprint(model)


def test_vocabularies_differ_by_words_and_their_order():
    assert words_sha256(["a", "b"]) != words_sha256(["b", "a"])
    assert words_sha256(["ab", ""]) != words_sha256(["a", "b"])
    first = Tokens(length=4, vocabulary=2, words_sha256=words_sha256(["a", "b"]))
    assert first != first.model_copy(update={"words_sha256": words_sha256(["a", "c"])})
