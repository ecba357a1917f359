"""The table of which weights of an architecture are under attack."""

import pytest
import torch

from perf.architecture_cases import CASES
from perf.architectures import look, measure, read_rows, render
from perf.command import ROOT
from tests.benchmark.hidden_weights import OUT_OF_REACH, UNDER_ATTACK, made

QUICK = (
    *("timm:MlpMixer (gMLP)", "timm:ConvMixer", "timm:vit_tiny_patch16_224 (RMSNorm)"),
    *("timm:nf_resnet26", "torchvision:DenseNet-19", "torchvision:VisionTransformer"),
    *("robustbench:ConvNeXtV2", "robustbench:DMWideResNet-10-2"),
    "robustbench:PAF_WideResNet-10-2",
)
"""Mixers, attention, normalizer-free and dense networks, GRN, a shared activation: the smallest."""


def test_a_network_is_scored_or_refused_in_one_line():
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    scored = look("honest", made(UNDER_ATTACK["Hidden"]), images)
    refused = look("hidden", made(OUT_OF_REACH["Attribute"]), images)
    assert (scored.answer, scored.reached, scored.feeding) == ("scored", 1072, 1072)
    assert "would perturb only 48 of 1,072 numbers" in refused.answer
    assert "\n" not in refused.answer


def test_the_page_shows_what_was_measured():
    rows = read_rows(ROOT / "docs/weights_under_attack.jsonl")
    page = (ROOT / "docs/weights_under_attack.md").read_text("utf-8")
    assert rows.keys() <= set(CASES)
    assert render(list(rows.values())).strip() in page


def test_the_table_holds_a_hundred_architectures_of_three_libraries():
    rows = read_rows(ROOT / "docs/weights_under_attack.jsonl")
    assert len(rows) >= 100
    assert {name.partition(":")[0] for name in rows} == {"timm", "torchvision", "robustbench"}
    assert all("\n" not in row.answer for row in rows.values())


@pytest.mark.parametrize("case", QUICK)
def test_a_small_network_of_every_kind_is_scored_as_the_table_says(case):
    found = measure(case)
    assert found.answer == "scored"
    told = {"feeding", "reached", "moved", "buffers", "normalization", "parameters", "side"}
    kept = read_rows(ROOT / "docs/weights_under_attack.jsonl")[case]
    assert found.model_dump(include=told) == kept.model_dump(include=told)
