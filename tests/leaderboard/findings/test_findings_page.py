"""The page of findings and its figures, in docs and on the site."""

import re
from xml.etree import ElementTree

import pytest

from leaderboard.cli import main
from leaderboard.findings import make_findings, make_panels
from leaderboard.findings.page import write_findings
from leaderboard.pages import render_site
from leaderboard.pages.findings import prose
from leaderboard.store import Store

KEYS = [
    "inputs-and-weights",
    "weight-perturbed-training",
    "generalisation",
    "joint-volume",
    "backdoors",
    "intrinsic-metric",
    "flatness-and-confidence",
]

TRACKS = ["concepts", "detection", "anomaly"]
"""Findings on batteries that attack nothing, of which the made-up store has no results."""

FIGURES = sorted([*(f"{key}-digits.svg" for key in KEYS), "flatness-and-confidence-digits-2.svg"])


@pytest.fixture
def zoo(make):
    recipes = ["standard", "pgd-at", "trades", "at-awp", "trades-awp", "nonsingular"]
    return make.store(
        *(
            (
                f"cnn-{r}",
                r,
                {
                    "inputs": 0.1 * i,
                    "training": 0.12 * i,
                    "loss": 2.0,
                    "training_loss": 2.0 - 0.1 * i,
                    "psi": i,
                    "flatness": 1 + i,
                },
            )
            for i, r in enumerate(recipes)
        )
    )


def written(store, out):
    entries = store.entries()
    return write_findings(make_findings(entries), make_panels(entries), out).read_text("utf-8")


def test_all_findings_have_a_verdict_a_table_and_a_figure(zoo, tmp_path):
    text = written(zoo, tmp_path)
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    letters = "abcdefghijklmnopqrstuvwxyz"[: len(KEYS) + len(TRACKS)]
    assert [section[:3] for section in sections] == [f"({letter})" for letter in letters]
    for section in sections[len(KEYS) :]:
        assert "**Undecided: nothing in the database can be compared yet.**" in section
    for key, section in zip(KEYS, sections[: len(KEYS)], strict=True):
        assert re.search(
            r"^\*\*(Holds|Contradicted|Not reproduced at this effort|Undecided)",
            section,
            re.MULTILINE,
        )
        assert "](https://arxiv.org/abs/" in section
        assert f"](findings/{key}-digits.svg)" in section
        tables = re.findall(r"(?:^\|.*\|\n)+", section, re.MULTILINE)
        assert tables
        for table in tables:
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert "6 |" in text.split("## (a)")[0]  # the number of checkpoints


def test_figures_stand_alone(zoo, tmp_path):
    written(zoo, tmp_path)
    files = sorted(path.name for path in (tmp_path / "findings").iterdir())
    assert files == FIGURES
    for path in (tmp_path / "findings").iterdir():
        text = path.read_text("utf-8")
        assert "var(" not in text
        root = ElementTree.fromstring(text)  # noqa: S314 (it was written a moment ago)
        assert "digits" in root.attrib["aria-label"]


def test_the_same_database_gives_the_same_page_and_old_figures_go(zoo, tmp_path):
    first = written(zoo, tmp_path)
    (tmp_path / "findings" / "backdoors-mnist.svg").write_text("old")
    assert written(zoo, tmp_path) == first
    assert len(list((tmp_path / "findings").iterdir())) == len(FIGURES)


def test_an_empty_store_says_what_to_run(tmp_path):
    text = written(Store.open(":memory:"), tmp_path)
    assert "nonsingular bench" in text
    assert text.count("Undecided: nothing in the database") == 2 * (len(KEYS) + len(TRACKS))


def test_hostile_names_stay_in_their_cell(make, tmp_path):
    store = make.store(("cnn|<b>[x](javascript:1)-standard", "standard", {}))
    text = written(store, tmp_path)
    assert "<b>" not in text.replace(r"\<b>", "")
    assert r"cnn\|\<b>\[x\]" in text
    page = (render_site(store, tmp_path / "site").parent / "findings.html").read_text("utf-8")
    assert "<b>" not in page


def test_the_site_and_the_docs_have_the_same_verdicts(zoo, tmp_path):
    page = render_site(zoo, tmp_path / "site").parent / "findings.html"
    text, docs = page.read_text("utf-8"), written(zoo, tmp_path)
    text = re.sub("</?strong>", "", text)
    for finding in make_findings(zoo.entries()):  # in the list on top and in its section
        assert text.count(finding.verdict) >= 2
        assert docs.count(finding.verdict) >= 2
        assert f'id="{finding.key}"' in text
    assert text.count("<svg") >= len(KEYS)


def test_the_command_writes_from_the_database_alone(tmp_path, made_up, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    made_up.fill(Store.open(tmp_path / "made.sqlite"))
    monkeypatch.setattr("sys.argv", ["nonsingular", "findings", "--database", "made.sqlite"])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert "written to docs/findings.md" in capsys.readouterr().out
    assert (tmp_path / "docs" / "findings.md").is_file()
    monkeypatch.setattr("sys.argv", ["nonsingular", "findings", "--database", "none.sqlite"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "does not exist" in capsys.readouterr().err


def test_prose_is_escaped_before_it_is_marked():
    assert prose("`a<b>` *is* <i>") == "<code>a&lt;b&gt;</code> <em>is</em> &lt;i&gt;"
