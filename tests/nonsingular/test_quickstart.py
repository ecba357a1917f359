"""``docs/quickstart.ipynb`` runs from beginning to end, with fewer examples."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "quickstart.ipynb"

FEWER = "examples=60", "examples=8"
"""What its cells say, and what runs here: attacks on 60 examples take most of the time."""

SECONDS = 60
"""What the notebook may take with fewer examples. Time of the processor counts, since other tests
run beside it; it is about 15 s of one core."""


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    for cell in notebook.cells:
        cell.source = cell.source.replace(*FEWER)
    notebook.cells.append(nbformat.v4.new_code_cell("import time; time.process_time()"))
    client = NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(folder)}}, kernel_name="python3"
    )
    client.execute()
    return notebook


def outputs(notebook, mime):
    return [
        output["data"][mime]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if mime in output.get("data", {})
    ]


def test_it_is_committed_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert NOTEBOOK.stat().st_size < 20_000


def test_it_goes_from_a_model_to_its_row_and_its_charts(executed):
    pages = outputs(executed, "text/html")
    assert any("nonsingular.robust_accuracy" in page and "small-cnn" in page for page in pages)
    assert any("digits/cnn-pgd-at" in page and "small-cnn" in page for page in pages)
    assert sum(page.count("<svg") for page in pages) >= 3
    assert len(outputs(executed, "image/svg+xml")) >= 2
    assert "(True, 'index.html')" in outputs(executed, "text/plain")


def test_it_prints_no_warning(executed):
    streams = [
        output["text"]
        for cell in executed.cells
        for output in cell.get("outputs", ())
        if output["output_type"] == "stream"
    ]
    assert not any("Warning" in text or "note" in text for text in streams), streams


def test_progress_is_one_line_that_ends_at_100_percent(executed):
    lines = [text for text in outputs(executed, "text/plain") if text.startswith("digits-v1: ")]
    assert len(lines) == 2
    assert all("100%" in line and "left" not in line for line in lines)


def test_what_is_replaced_is_there():
    code = "".join(cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells)
    assert code.count(FEWER[0]) == code.count("examples=") == 4


def test_it_takes_less_than_a_minute(executed):
    seconds = float(executed.cells[-1].outputs[0]["data"]["text/plain"])
    assert 1 < seconds < SECONDS
