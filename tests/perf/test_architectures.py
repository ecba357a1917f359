"""The table of which weights of an architecture are under attack."""

import torch

from perf.architecture_cases import CASES
from perf.architectures import look, read_rows, render
from perf.command import ROOT
from tests.benchmark.hidden_weights import OUT_OF_REACH, UNDER_ATTACK, made


def test_a_network_is_scored_or_refused_in_one_line():
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    scored = look("honest", made(UNDER_ATTACK["Hidden"]), images)
    refused = look("hidden", made(OUT_OF_REACH["Attribute"]), images)
    assert (scored.answer, scored.reached, scored.feeding) == ("scored", 1072, 1072)
    assert "would move only 48 of 1,072 numbers" in refused.answer
    assert "\n" not in refused.answer


def test_the_page_shows_what_was_measured():
    rows = read_rows(ROOT / "docs/weights_under_attack.jsonl")
    page = (ROOT / "docs/weights_under_attack.md").read_text("utf-8")
    assert rows.keys() <= set(CASES)
    assert render(list(rows.values())).strip() in page
