"""Which models compute the same function, however they are stored, and that pages say so."""

from collections import Counter

import pytest
import torch
from safetensors.torch import save_file

from leaderboard.cli import run
from leaderboard.pages import render_site
from leaderboard.store import Store
from leaderboard.submissions.function import (
    function_fingerprint,
    of_same_function,
    same_function,
)
from leaderboard.submissions.zoo_functions import zoo_functions
from models_zoo import list_models, load_model


def test_bundled_models_are_of_different_functions_and_copies_in_half_precision_are_not():
    found = zoo_functions("digits")
    assert of_same_function(found) == {}
    assert set(list_models("digits/*")) - set(found) == {"digits/mlp-noise-standard"}  # random
    rounded = load_model("digits/mlp-standard").half().float()
    text = function_fingerprint(rounded, (1, 8, 8))
    assert text is not None
    assert text != found["digits/mlp-standard"]
    of_all = of_same_function(found | {"copy": text})
    assert of_all == {"copy": ["digits/mlp-standard"], "digits/mlp-standard": ["copy"]}
    assert same_function(text, found["digits/mlp-standard"])
    assert not same_function(text, found["digits/mlp-pgd-at"])


@pytest.mark.parametrize("other", ["", "f1:1x8x8:10:", "f1:1x8x8:10:AA", "f0:AAAA", "no base 64!"])
def test_text_of_another_kind_is_of_no_function(other):
    text = function_fingerprint(torch.nn.Flatten(), (1, 2, 2))
    assert text is not None
    assert same_function(text, text)
    assert not same_function(text, other)
    assert not same_function(other, other)


@pytest.mark.parametrize("logits", [lambda x: x.new_zeros(len(x), 3), lambda x: x.sum((1, 2)) / 0])
def test_equal_and_undefined_logits_have_no_fingerprint(logits):
    assert function_fingerprint(logits, (1, 2, 2)) is None


def test_pages_of_the_same_function_link_to_each_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = load_model("digits/mlp-standard").network.state_dict()
    save_file({name: each.half() for name, each in weights.items()}, "copy.safetensors")
    database = ["--no-site", "--examples", "20", "--workers", "1", "--database", "scores.sqlite"]
    normalization = ["--mean", "0.3054", "--std", "0.3759"]
    copy = ["--checkpoint", "copy.safetensors", "--architecture", "mlp", "--battery", "digits-v1"]
    probes = ["--probe", "clean", "--probe", "intrinsic"]
    for model in (["digits/mlp-standard", "digits/mlp-pgd-at"], [*copy, *normalization]):
        assert run(["bench", *model, *probes, *database]) == 0
    store = Store.open("scores.sqlite")
    named = Counter(each.card.name for each in store.entries() if each.card.function is not None)
    assert named == {"digits/mlp-standard": 1, "digits/mlp-pgd-at": 1, "copy": 1}
    models = render_site(store, tmp_path / "site").parent / "models"
    texts = {each.parent.name: each.read_text("utf-8") for each in models.glob("*/index.html")}
    says = {name for name, text in texts.items() if "The same function as" in text}
    assert says == {"copy", "digits-mlp-standard"}
    assert '<a href="../digits-mlp-standard/index.html">digits/mlp-standard</a>' in texts["copy"]
    assert '<a href="../copy/index.html">copy</a>' in texts["digits-mlp-standard"]
