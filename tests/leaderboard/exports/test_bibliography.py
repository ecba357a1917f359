"""BibTeX: one entry per paper, which agrees with what the probe says of its source."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from benchmark import list_batteries, load_battery
from benchmark.headline import NAME
from benchmark.probes import PROBES
from benchmark.probes.definition import Source
from leaderboard.cli import app
from leaderboard.exports.bibliography import (
    AUTHORS,
    TITLE,
    YEAR,
    bibliography,
    citation_keys,
    suite_entry,
)
from leaderboard.formatting.texts import probe_text
from models_zoo.errors import InputError

SOURCES = [
    (name, source)
    for name in (NAME, *PROBES)
    for source in getattr(probe_text(name).definition, "sources", ())
]
CITED = [(name, source) for name, source in SOURCES if source.bibtex]


def found(pattern, text):
    """The first match, which there has to be."""
    match = re.search(pattern, text)
    assert match is not None, (pattern, text)
    return match


def field(entry, name):
    value = found(rf"(?m)^  {name} = \{{(.*)\}},$", entry)[1]
    return re.sub(r"[{}$\\]", "", value.replace('{\\"o}', "ö"))


def words(text):
    return re.findall(r"[a-z0-9]+", text.lower().replace("l_1", "l1").replace("l_p", "lp"))


def test_every_probe_has_something_to_cite():
    for name in (NAME, *PROBES):
        assert citation_keys(name), name


@pytest.mark.parametrize(("name", "source"), SOURCES, ids=lambda each: getattr(each, "text", each))
def test_every_paper_has_an_entry_and_code_that_of_its_paper(name, source):
    if source.bibtex:
        return
    assert "the authors' code" in source.text
    beginning = found(r"^[A-Z]\w+", source.text)[0]
    year = found(r"\b\d{4}\b", source.text)[0]
    papers = [each for probe, each in CITED if probe == name]
    assert [each for each in papers if each.text.startswith(beginning) and year in each.text]


@pytest.mark.parametrize(("name", "source"), CITED, ids=lambda each: getattr(each, "text", each))
def test_an_entry_agrees_with_the_source(name, source):
    entry = source.bibtex
    people, _, title = found(r"^(.*?) (\d{4}), (.*)$", source.text).groups()
    year = found(r"\b\d{4}\b", source.text)[0]
    assert field(entry, "year") == year
    authors = [each.split(", ")[0] for each in field(entry, "author").split(" and ")]
    surnames = re.split(r", | & ", people.removesuffix(" et al."))
    assert authors[: len(surnames)] == surnames
    assert people.endswith(" et al.") or len(authors) == len(surnames)
    title = title.removesuffix(", the authors' code").removesuffix("the authors' code")
    if "code" not in source.text:
        assert words(title) == words(field(entry, "title"))[: len(words(title))]
        _, doi, number = str(source.url).partition("doi.org/")
        if doi:
            assert field(entry, "doi") == number
        else:
            assert field(entry, "eprint") == str(source.url).rsplit("/", 1)[-1]
    first = unicodedata.normalize("NFKD", authors[0].lower())
    assert re.fullmatch(rf"{re.sub('[^a-z]', '', first)}{year}[a-z]+", source.key)


def test_a_paper_has_the_same_entry_everywhere():
    by_key: dict[str | None, str | None] = {}
    by_paper: dict[str, str | None] = {}
    for _, source in CITED:
        assert by_key.setdefault(source.key, source.bibtex) == source.bibtex
        title = field(source.bibtex, "title")
        assert by_paper.setdefault(title, source.key) == source.key


def test_entries_are_ascii_and_closed():
    for _, source in CITED:
        assert source.bibtex.isascii()
        assert source.bibtex.startswith("@")
        assert source.bibtex.endswith("}")


@pytest.mark.parametrize(
    "text", ["", "x", "@misc{x, title = {a}", "@misc{x, title = {a}}}", "@misc{x,} @misc{y,}"]
)
def test_what_is_no_entry_is_refused(text):
    with pytest.raises(ValidationError, match="bibtex must be one entry"):
        Source(text="a", url="https://a.b", use="c", bibtex=text)


def test_a_bibliography_has_each_entry_once_with_what_is_taken_from_it():
    text = bibliography(["input", "joint", "input"])
    keys = re.findall(r"^@\w+\{(\w+),", text, re.M)
    assert sorted(keys) == sorted({"nonsingular", *citation_keys("input"), *citation_keys("joint")})
    assert text.count("croce2020reliable") == 1
    for probe in ("input", "joint"):
        assert f"% {probe}: " in text


def test_the_command_takes_probes_batteries_and_files(tmp_path):
    def run(*given):
        result = CliRunner().invoke(app, ["cite", *map(str, given)], catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    assert run() == bibliography()
    assert run("input", "weight") == bibliography(["input", "weight"])
    battery = [NAME, *load_battery("digits-v1").probes]
    assert run("digits-v1") == bibliography(battery)
    out = tmp_path / "x.bib"
    assert run("clean", "--out", out) == ""
    assert out.read_text() == bibliography(["clean"])
    with pytest.raises(InputError, match="did you mean 'input'"):
        run("inputs")
    with pytest.raises(InputError, match="needs one battery"):
        run("--protocol")
    with pytest.raises(InputError, match="--examples is about --protocol"):
        run("digits-v1", "--examples", "200")
    for option in ("--examples", "--limit"):
        assert "first 1,200 test images" in run("digits-v1", "--protocol", option, "1200")


def test_the_citation_file_says_the_same_as_the_entry():
    root = Path(__file__).parents[3]
    yaml = pytest.importorskip("yaml")
    content = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    assert content["cff-version"] == "1.2.0"
    assert content["type"] == "software"
    assert set(content) <= {
        *("abstract", "authors", "cff-version", "date-released", "keywords", "license"),
        *("message", "title", "type", "version"),
    }
    assert content["title"] == TITLE
    assert content["authors"] == [{"name": AUTHORS}]
    assert content["date-released"].year == YEAR
    assert content["version"] == project["version"]
    assert content["license"] == project["license"]
    for text in (TITLE, AUTHORS, str(YEAR), f"Software, version {project['version']}"):
        assert f"{{{text}}}" in suite_entry()


@pytest.mark.parametrize("name", list_batteries())
def test_a_protocol_has_every_budget_and_cites_entries_that_exist(name):
    battery = load_battery(name)
    text = CliRunner().invoke(app, ["cite", name, "--protocol"]).stdout
    assert text.count("\n") == 1
    assert battery.sha256[:12] in text
    for probe in battery.default:
        for threat in PROBES[probe](battery.probes[probe], battery.probes).headline_threats:
            shown = threat.label
            for norm, symbol in (("linf", r"$\ell_\infty$"), ("l2", r"$\ell_2$")):
                shown = re.sub(rf"(?<![\w-]){norm}(?![\w-])", symbol.replace("\\", r"\\"), shown)
            assert shown in text, probe
    cited = {key for keys in re.findall(r"\\cite\{([^}]*)\}", text) for key in keys.split(",")}
    printed = CliRunner().invoke(app, ["cite", name]).stdout
    assert cited <= set(re.findall(r"^@\w+\{(\w+),", printed, re.M))
    assert "{threats}" not in text
    assert "no budget" not in text


def test_a_protocol_describes_no_probe_that_the_battery_lacks():
    text = CliRunner().invoke(app, ["cite", "cifar10-c-v1", "--protocol"]).stdout
    assert "15 common corruptions" in text
    assert "no budget" not in text
    assert "Attacks" not in text
    assert "Non-singular" not in text


@pytest.mark.parametrize(
    ("name", "over"),
    [
        ("digits-v1", "test images."),
        ("movies-v1", "test texts."),
        ("digits-anomaly-v1", "repetitions with other random draws."),
        ("digits-concepts-v1", "test images, and of concept vectors over repetitions"),
    ],
)
def test_a_protocol_says_what_its_intervals_are_over(name, over):
    text = CliRunner().invoke(app, ["cite", name, "--protocol"]).stdout
    assert f"Intervals are 95\\% intervals over {over}" in text


def test_a_protocol_speaks_of_radii_only_where_weights_are_perturbed():
    def text(name):
        return CliRunner().invoke(app, ["cite", name, "--protocol"]).stdout

    assert "Radii called relative" in text("digits-v1")
    assert "Radii called relative" not in text("digits-detection-v1")


def test_a_protocol_of_a_battery_of_one_s_own_says_so(tmp_path):
    file = tmp_path / "mine.toml"
    assert CliRunner().invoke(app, ["batteries", "new", str(file)]).exit_code == 0
    text = CliRunner().invoke(app, ["cite", str(file), "--protocol"]).stdout
    assert "its battery mine (SHA-256" in text
    assert "not one of the suite's own batteries" in text


def test_every_default_probe_of_a_battery_states_its_method():
    for name in list_batteries():
        for probe in load_battery(name).probes:
            assert PROBES[probe].definition().method, probe
