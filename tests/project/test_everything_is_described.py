"""Every command, option and column says what it is."""

import re
from xml.etree import ElementTree

import pytest
import typer

from benchmark.headline import SCORES
from benchmark.probes import PROBES
from leaderboard.cli import app
from leaderboard.commands.command_line import COMMON
from leaderboard.commands.reference import commands_of
from leaderboard.documentation import (
    page_blocks,
    probe_markdown,
    probe_page,
    scores_markdown,
    settings_table,
    with_blocks,
    with_tables,
)
from leaderboard.formatting.texts import probe_text
from leaderboard.pages.formulas import mathml
from models_zoo.errors import InputError

GROUP = typer.main.get_command(app)
COMMANDS = getattr(GROUP, "commands")  # noqa: B009 - the declared type is that of any command


def test_every_command_of_the_contract_is_there():
    assert {"models", "bench", "submit", "site", "train", "doctor", "compare-autoattack"} <= set(
        COMMANDS
    )


def test_every_command_and_option_has_help():
    commands = {" ".join(names): command for names, command in commands_of(GROUP)}
    assert {"models list", "models show", "batteries diff"} <= set(commands)
    silent = [name for name, command in commands.items() if not (command.help or "").strip()]
    silent += [
        f"{name} {parameter.name}"
        for name, command in {**commands, "nonsingular": GROUP}.items()
        for parameter in command.params
        if not (getattr(parameter, "help", None) or "").strip()
    ]
    assert silent == []


def test_every_command_has_the_options_that_all_have():
    for names, command in commands_of(GROUP):
        assert set(COMMON) <= {each.name for each in command.params}, names


def test_the_page_of_commands_agrees_with_their_help(root):
    page = (root / "docs" / "commands.md").read_text("utf-8")
    for names, command in commands_of(GROUP):
        assert f"## `{' '.join(names)}`" in page
        for option in command.params:
            assert all(f"`{text}`" in page for text in option.opts if text.startswith("-"))


@pytest.mark.parametrize("name", page_blocks())
def test_every_part_of_a_page_that_comes_from_the_code_is_up_to_date(root, name):
    page = (root / "docs" / name).read_text("utf-8")
    assert page == with_blocks(page, page_blocks()[name]), (
        f"docs/{name} is out of date; run: make docs"
    )


def test_every_option_that_a_page_names_exists(root):
    known = {
        text
        for _, command in commands_of(GROUP)
        for each in command.params
        for text in (*each.opts, *each.secondary_opts)
    } | {"--version", "--help", "--install-completion", "--show-completion"}
    calls = re.compile(r"nonsingular ((?:[a-z-]+ )?[a-z-]+)\b([^`\n]*(?:\\\\\n[^`\n]*)*)")
    strange = []
    for path in (root / "README.md", *(root / "docs").rglob("*.md")):
        text = path.read_text("utf-8")
        for call in calls.finditer(text):
            strange += [
                (path.name, call[1], option)
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", call[2])
                if option not in known
            ]
    assert strange == []


def test_every_score_is_described():
    assert len(PROBES) >= 8
    specs = {("nonsingular", name): spec for name, spec in SCORES.items()}
    for probe, definition in PROBES.items():
        assert definition.scores, f"{probe} gives no score"
        specs |= {(probe, name): spec for name, spec in definition.scores.items()}
    assert [key for key, spec in specs.items() if len(spec.description.split()) < 4] == []


def test_every_score_is_in_the_documentation(root):
    page = (root / "docs" / "scores.md").read_text("utf-8")
    assert page == scores_markdown(), "docs/scores.md is out of date; run: make docs"
    names = [f"nonsingular.{name}" for name in SCORES]
    names += [f"{probe}.{name}" for probe, known in PROBES.items() for name in known.scores]
    assert [name for name in names if name not in page] == []


@pytest.mark.parametrize("probe", PROBES)
def test_the_page_of_every_probe_has_its_question_and_its_tables(root, probe):
    page = probe_page(root / "docs", probe).read_text("utf-8")
    assert page.startswith(f"# {probe}\n\n**{PROBES[probe].question}**\n")
    assert page == with_tables(page, probe), (
        f"docs/probes/{probe}.md is out of date; run: make docs"
    )
    for setting in PROBES[probe].Settings.model_fields:
        assert f"| `{setting}` |" in page
    for score in PROBES[probe].scores:
        assert f"| `{score}` |" in page


def test_a_page_without_room_for_its_tables_is_refused():
    with pytest.raises(InputError, match="lacks the lines '<!-- settings"):
        with_tables("# clean\n", "clean")


def test_the_section_of_a_probe_has_all_that_it_says_of_itself():
    section = probe_markdown("distance")
    definition = PROBES["distance"].definition()
    for part in (
        PROBES["distance"].question,
        *(formula.text for formula in definition.formulas),
        *(str(source.url) for source in definition.sources),
        *PROBES["distance"].Settings.meanings().values(),
        *(spec.description for spec in PROBES["distance"].scores.values()),
    ):
        assert part in section
    with pytest.raises(InputError, match="did you mean 'distance'"):
        probe_markdown("distances")


def test_settings_say_their_defaults_and_choices():
    table = settings_table("weight")
    assert "| `radii` | required | " in table
    assert "| `steps` | 30 | " in table
    assert "One of `no-normalization`, `kernels`, `all`. |" in table
    assert settings_table("clean") == "There are no settings."
    assert "| `step` | 1/255 | " in settings_table("regional")


@pytest.mark.parametrize("probe", ["nonsingular", *PROBES])
def test_every_probe_states_formulas_that_can_be_drawn_and_sources(probe):
    definition = probe_text(probe).definition
    assert definition is not None
    for formula in definition.formulas:
        drawn = ElementTree.fromstring(mathml(formula))  # noqa: S314
        shown = "".join(drawn.itertext())
        assert drawn.get("alttext") == formula.text
        assert "\\" not in shown, f"{formula.gives}: latex2mathml left {shown!r}"
    assert all(source.url.scheme == "https" for source in definition.sources)


def test_every_setting_of_every_probe_is_described():
    silent = [
        f"{name}.{setting}"
        for name, probe in PROBES.items()
        for setting in probe.Settings.model_fields
        if not probe.Settings.meanings().get(setting)
    ]
    assert silent == []
