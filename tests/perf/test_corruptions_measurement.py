"""The table of accuracies under corruptions, on a model that is quick."""

import re

from perf.corruptions import run
from perf.page import marks


def test_the_section_has_a_row_per_corruption_and_the_time_of_generating(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n{}\n{}\nafter\n".format(*marks("corruptions")), "utf-8")
    run("digits/mlp-standard", 20, tmp_path, page)
    text = page.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    rows = re.findall(r"^\| ([A-Z][^|]+) \| .*%.*\|$", text, re.M)
    assert len(rows) == 13
    assert "Speckle noise (validation)" in rows
    assert "**mean of the 11**" in text
    assert re.search(r"All 55 corrupted versions of an image take [\d.]+ ms", text)
