"""Identifiers and prose use the words of the field: robust, broken, budget, restart, ascent."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from benchmark import headline
from benchmark.probes import PROBES
from leaderboard.cli import app
from leaderboard.formatting.texts import probe_texts

REPLACED = {
    "climb": "ascend, run",
    "climbs": "ascents",
    "crowd": "n_attacked",
    "duel": "gradient_versus_random_search",
    "fallen": "broken",
    "fell": "broken",
    "implant": "backdoor_loss",
    "ladder": "budgets",
    "ladders": "budgets",
    "lane": "restart",
    "lanes": "restarts",
    "promise": "target_progress",
    "rise": "increase",
    "rises": "increases",
    "rung": "budget",
    "rungs": "budgets",
    "slope": "gradient",
    "slopes": "gradients",
    "standing": "robust, n_robust",
    "strike": "candidate",
    "thrift": "share_scale",
}
"""Words that a reader of the literature does not know, with what to write."""

KEPT = {
    # The name of a check in stored results.
    "benchmark/checks/outcomes.py": {"accuracy_rises"},
    "benchmark/probes/checks/probe.py": {"accuracy_rises"},
    # A key of frozen batteries.
    "benchmark/probes/distance/settings.py": {"rungs"},
    "benchmark/probes/distance/probe.py": {"rungs"},
    "leaderboard/exports/record.py": {"standing"},  # a field of published records
    "benchmark/certificates/operations.py": {"negative_slope"},  # PyTorch's
}


def identifiers(tree: ast.Module) -> set[str]:
    """Every name that a file gives to something, and every attribute it uses."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found


def words(identifier: str) -> list[str]:
    """The words of ``snake_case``, ``CamelCase`` or ``UPPER_CASE``."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)
    return [part.lower() for part in parts]


def test_identifiers_use_the_words_of_the_field(sources):
    found = [
        f"{source.path}: {name}: write {REPLACED[word]}"
        for source in sources
        for name in sorted(identifiers(source.tree) - KEPT.get(source.path.as_posix(), set()))
        for word in words(name)
        if word in REPLACED
    ]
    assert found == []


UNIDIOMATIC = {
    r"climb(s|ed|ing)?": "ascend, run",
    r"lanes?": "restarts",
    r"thrift": "scale of the shares",
    r"rungs?|ladders?": "budget, budgets",
    r"duels?": "gradient versus random search",
    r"strikes?|struck": "attack, candidate",
    r"fell|fallen": "is broken, is misclassified",
    r"falls to|fall to": "decreases to",
    r"stands?(?! for)|standing|stood": "is, is robust, is classified correctly",
    r"slopes?": "gradient, derivative",
    r"implant(s|ed|ing)?": "inject",
    r"rises?|rising|rose": "increase",
    r"hunt(s|ed|ing)?": "search",
    r"peers?": "surrogate",
    r"tournaments?": "successive elimination",
    r"(lead|leads|leading|led) astray": "mask gradients",
    r"whoever|whom": "an adversary, users",
    r"nobody|no one": "no adversary, no user",
    r"shall": "must, will",
    r"go on|goes on|went on|going on": "continue, resume",
    r"at hand": "available",
    r"anew": "again",
    r"(tell|tells|told|telling) (\w+ )?apart": "distinguish",
    r"will not do": "is not supported",
    r"so many|the first so": "this many, the first N",
    r"for ever": "forever",
    r"hence|thus|thereby|whereby|whence|lest|moreover": "therefore, so, and",
    r"hand(s|ed|ing)? (it |them |the \w+ )?over": "pass",
    r"(one|two|three|four|five|ten|lines?|times|passes|images?|examples?|scores?) an? "
    r"(image|example|class|probe|model|row|budget|radius|step|pixel|layer|file|score|draw|round)": (
        "one per image"
    ),
}
"""Patterns of whole words that do not occur in prose, with what to write."""

ALLOWED: dict[str, dict[str, str]] = {}
"""Phrases that stay, by the place they occur in and with the reason."""

PROSE = re.compile("|".join(rf"(?P<p{n}>\b(?:{p})\b)" for n, p in enumerate(UNIDIOMATIC)), re.I)

NAMES = re.compile(r"`[^`\n]*`|\]\([^)]*\)|<!--.*?-->|https?://\S+|^ {4}.*$", re.M)
"""Names, formulas and addresses in Markdown, which are no prose."""


def unidiomatic(text: str, place: str = "") -> list[str]:
    """Phrases of a text that do not occur in idiomatic technical English, with what to write."""
    found = []
    for match in PROSE.finditer(text):
        if match[0] in ALLOWED.get(place, {}):
            continue
        (number,) = [n for n in range(len(UNIDIOMATIC)) if match[f"p{n}"] is not None]
        found.append(f"{match[0]!r}: write {list(UNIDIOMATIC.values())[number]}")
    return found


def texts_of_probes() -> Iterator[tuple[str, str]]:
    """All texts of probes that readers see, with their places."""
    for name, text in probe_texts().items():
        yield name, f"{text.title}. {text.question}"
        for score, spec in text.scores.items():
            yield f"{name}.{score}", f"{spec.label}. {spec.description}"
        assert text.definition is not None
        for formula in text.definition.formulas:
            yield f"{name}: formula", f"{formula.gives}. {formula.text}"
        for source in text.definition.sources:
            yield f"{name}: source", source.use
    for name, probe in PROBES.items():
        for setting, meaning in probe.Settings.meanings().items():
            yield f"{name}.{setting}", meaning
        for norm, scores in probe.scores_by_norm.items():
            yield f"{name} ({norm})", " ".join(spec.description for spec in scores.values())


def texts_of_batteries() -> Iterator[tuple[str, str]]:
    """Descriptions of batteries, and the notes on their versions."""
    for path in sorted(Path("benchmark/batteries").rglob("*.toml")):
        content = tomllib.loads(path.read_text("utf-8"))
        for table in (content, *content.get("frozen", [])):
            yield path.as_posix(), f"{table.get('description', '')} {table.get('note', '')}"


def prose_of(path: Path) -> str:
    """A page in Markdown without code blocks, names and addresses."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)
    return NAMES.sub("", text)


PAGES = [Path("README.md"), Path("CONTRIBUTING.md"), *sorted(Path("docs").rglob("*.md"))]
SITE = sorted(
    [
        *Path("leaderboard/pages").glob("templates/*.j2"),
        *Path("leaderboard/pages").glob("static/*.js"),
    ]
)


def text_of_site(path: Path) -> str:
    """The text of a template or a script, without tags and expressions."""
    return re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", "", path.read_text("utf-8"), flags=re.S)


def test_texts_of_probes_are_idiomatic():
    texts = [*texts_of_probes(), *texts_of_batteries()]
    assert len(texts) > 150
    assert headline.NAME in dict(texts)
    found = {
        place: phrases
        for place, text in texts
        if (phrases := unidiomatic(NAMES.sub("", text), place))
    }
    assert found == {}


def test_help_texts_are_idiomatic():
    commands = getattr(typer.main.get_command(app), "commands")  # noqa: B009 - of any command
    assert len(commands) > 10
    found = {
        f"{name} {getattr(each, 'name', '')}": phrases
        for name, command in commands.items()
        for each in (command, *command.params)
        if (phrases := unidiomatic(getattr(each, "help", None) or "", name))
    }
    assert found == {}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_pages_are_idiomatic(page):
    assert unidiomatic(prose_of(page), page.as_posix()) == []


def test_the_site_is_idiomatic():
    assert len(SITE) > 20
    found = {
        path.as_posix(): phrases
        for path in SITE
        if (phrases := unidiomatic(text_of_site(path), path.as_posix()))
    }
    assert found == {}


def test_every_exception_is_used():
    for place, phrases in ALLOWED.items():
        assert all(phrase in Path(place).read_text("utf-8") for phrase in phrases)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("An ascent of the loss, one score per budget.", 0),
        ("One climb a model.", 1),
        ("Whoever attacks shall go on.", 3),
        ("One image a class, four scores an example.", 2),
        ("The standard budget is 8/255.", 0),
        ("The accuracy falls to 3% along the slopes.", 2),
    ],
)
def test_unidiomatic_phrases_are_found(text, phrases):
    assert len(unidiomatic(text)) == phrases


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("run_lanes", ["run", "lanes"]),
        ("InputStrike", ["input", "strike"]),
        ("LADDERS", ["ladders"]),
        ("APGDSlope", ["apgd", "slope"]),
        ("_fell2", ["fell"]),
    ],
)
def test_identifiers_are_split_into_words(identifier, expected):
    assert words(identifier) == expected
