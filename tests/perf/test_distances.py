"""``python -m perf.distances``: what it compares, writes and refuses."""

import sys

import pytest
import torch

import perf.distances
from benchmark.datasets import load_dataset
from models_zoo import load_model
from perf import adversarial_library
from perf.distances import DistanceRow
from perf.page import marks
from perf.records import Records

LIBRARY = """
def fmn(model, inputs, labels, norm, steps):
    return FAR


def pdpgd(model, inputs, labels, norm):
    return inputs


def ddn(model, inputs, labels, steps, levels):
    return inputs
"""
"""An adv-lib whose attacks return a white image or nothing."""


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """``command("--peer", ...)``: exit code, stderr, the page and the rows."""
    torch.set_num_threads(1)
    page, out = tmp_path / "page.md", tmp_path / "rows.jsonl"
    page.write_text("\n".join(marks("distances")) + "\n")

    def run(*arguments):
        words = ["--out", str(out), "--page", str(page), "--threads", "1", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", ["distances", *words])
        with pytest.raises(SystemExit) as caught:
            perf.distances.main()
        rows = Records(out, DistanceRow).rows
        return caught.value.code, capsys.readouterr().err, page.read_text(), rows

    return run


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A checkout of an adv-lib with other attacks."""
    folder = tmp_path / "peer" / "adv_lib"
    (folder / "attacks").mkdir(parents=True)
    (folder / "__init__.py").write_text('__version__ = "9"\n')
    far = "1 - inputs.round()"
    (folder / "attacks/__init__.py").write_text(LIBRARY.replace("FAR", far))
    bisected = f"def minimal_apgd(model, inputs, labels, norm, max_eps):\n    return {far}\n"
    (folder / "attacks/auto_pgd.py").write_text(bisected)
    known = {name for name in sys.modules if name.startswith("adv_lib") or name == "visdom"}
    path = list(sys.path)
    yield folder.parent
    for name in [name for name in sys.modules if name.startswith("adv_lib") or name == "visdom"]:
        if name not in known:
            monkeypatch.delitem(sys.modules, name)
    sys.path[:] = path


def test_a_row_compares_ours_with_the_best_of_theirs(command, library):
    code, err, page, rows = command(
        "--peer", library, "--model", "digits/mlp-standard", "--examples", 12, "--only", "* l2"
    )
    assert code is None or code == 0, err
    (row,) = rows
    assert set(row.peers) == {"FMN", "PDPGD", "APGD", "DDN"}
    assert row.peers["DDN"].median == float("inf")  # the clean image proves nothing
    assert (row.farther, row.nearer) == (0, row.correct)
    assert row.ours.passes > 100 * row.correct
    assert f"| digits/mlp-standard, l2 | {row.correct} | 0 (0.0%) |" in page
    assert "adv-lib 9" in page


def test_without_the_library_it_says_where_to_find_it(command, tmp_path):
    code, err, _, rows = command()
    assert code == 2
    assert adversarial_library.ADDRESS in err
    assert not rows
    code, err, _, _ = command("--peer", tmp_path)
    assert code == 2
    assert "has no folder adv_lib" in err


def test_an_image_that_leaves_the_box_counts_as_none():
    data, model = load_dataset("digits").head(4), load_model("digits/mlp-standard")
    found = adversarial_library.run(
        lambda model, x, y: x - 10 * (2 * x - 1), model, data.images, data.labels, "l2", 4
    )
    with torch.no_grad():
        correct = model(data.images).argmax(1) == data.labels
    assert found.distances[correct].isinf().all()
