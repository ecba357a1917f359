"""Results of before outcomes had threats: converted as a new run stores them, and back."""

from __future__ import annotations

import json
import re
import sqlite3
import tomllib
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import leaderboard.store
from benchmark import evaluate
from benchmark.batteries import Battery
from benchmark.datasets import load_dataset
from benchmark.probes.backdoor.outcomes import TRIGGERED
from benchmark.results import ProbeResult
from leaderboard.store import Store, encoding
from leaderboard.store.database import open_engine
from models_zoo import load_model
from tests.benchmark.cheap_battery import shorten_autoattack

ADDED = {"outcome_kinds", "share_of", "headline_threats"}
DRAWN = {"unit", "role", "threat"}
TABLES = {
    "models": "*",
    "results": "id, fingerprint, battery_sha256, data_sha256, seed, probe, battery, "
    "battery_content, payload, provenance, created",
    "scores": "*",
    "outcomes": "result_id, name, n, bits",
    "reruns": "*",
}

L2 = """
name = "l2"
dataset = "digits"
description = "The headline norm is l2; budgets are fractions."
default = ["input", "weight", "joint"]
[probes.input]
linf = ["8/255"]
l2 = ["128/255", 0.6]
headline_linf = "8/255"
headline_l2 = "128/255"
headline_norm = "l2"
effort = "quick"
[probes.weight]
radii = [0.01]
headline = 0.01
geometry = "relative-linf"
rule = "kernels"
steps = 2
[probes.joint]
radii = [0.01]
headline_radius = 0.01
headline_norm = "l2"
l2 = ["128/255"]
headline_l2 = "128/255"
shares = [0.1]
[probes.distance]
linf = 0.3
l2 = 1
headline_norm = "l2"
headline_l2 = "128/255"
precision = 0.3
rungs = 2
"""

QUICK = {
    "input": {"effort": "quick"},
    "weight": {"steps": 1, "random_draws": 2, "layer_steps": 1},
    "joint": {"linf": [0.1], "headline_linf": 0.1, "radii": [0.01, 0.02], "shares": [0.5]},
    "backdoor": {"steps": 2, "bisections": 1},
    "flatness": {"epochs": 1, "input_steps": 1, "draws": 2, "measure_examples": 0},
    "intrinsic": {"steps": 1, "restarts": 1},
    "bits": {"patterns": 2, "draws": 2, "flips": 10},
    "regional": {"steps": 2, "peers": ["digits/mlp-pgd-at"]},
    "distance": {"precision": 0.3, "rungs": 3},
}
"""Less effort than the battery's, and a smaller grid: what is stored is named alike."""


LATER = {"matched-flatness", "corruptions", "backdoor-sparse"}
"""Probes of after that revision."""


def _digits() -> Battery:
    """Every probe that the digits battery had, at its budgets and with little effort."""
    content = tomllib.loads((files("benchmark.batteries") / "digits-v1.toml").read_text("utf-8"))
    content["default"] = [name for name in content["default"] if name not in LATER]
    content["probes"] = {k: v for k, v in content["probes"].items() if k not in LATER}
    for probe, settings in QUICK.items():
        content["probes"][probe] |= settings
    return Battery.model_validate(content)


def alembic(path: Path, revision: str, *, down: bool = False) -> None:
    """Bring the tables of a database to a revision."""
    config = Config()
    folder = Path(leaderboard.store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    engine = open_engine(path) if down else create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
    engine.dispose()


def rows(path: Path, tables: dict[str, str] = TABLES) -> dict[str, list[tuple]]:
    """Every row as it is stored."""
    with closing(sqlite3.connect(path)) as plain:
        return {
            table: sorted(plain.execute(f"SELECT {columns} FROM {table}"), key=repr)
            for table, columns in tables.items()
        }


def everything(path: Path) -> dict[str, list[tuple]]:
    return rows(path, TABLES | {"outcomes": "*", "results": "*"})


def stripped(payload: str) -> str:
    """A payload as earlier versions stored it."""
    values = {key: value for key, value in encoding.loads(payload).items() if key not in ADDED}
    for name in ("curves", "surfaces", "bars"):
        values[name] = [
            {key: value for key, value in each.items() if key not in DRAWN} for each in values[name]
        ]
    return encoding.dumps(values)


def earlier(path: Path, source: Path) -> Path:
    """A database of revision 0003 with the results of another as they were stored then."""
    alembic(path, "0003")
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.create_function("stripped", 1, stripped)
        plain.execute("ATTACH ? AS source", (str(source),))
        for table, columns in TABLES.items():
            plain.execute(f"INSERT INTO {table} SELECT {columns} FROM source.{table}")
        plain.execute("UPDATE results SET payload = stripped(payload)")
    return path


def without_later_outcomes(result: ProbeResult) -> ProbeResult:
    """A result without the outcomes that revision 0003 had not, so that none can be filled in."""
    kept = [name for name in result.outcomes if name != TRIGGERED]
    kinds = result.outcome_kinds
    return result.model_copy(
        update={
            "outcomes": {name: result.outcomes[name] for name in kept},
            "outcome_kinds": {name: kinds[name] for name in kept if name in kinds},
        }
    )


@pytest.fixture(scope="module")
def current(tmp_path_factory) -> Path:
    """A database with every probe of the digits battery, and with one whose norm is l2."""
    folder = tmp_path_factory.mktemp("current")
    data = load_dataset("digits").head(8)
    model = load_model("digits/mlp-standard")
    path: Path = folder / "scores.sqlite"
    store = Store.open(path)
    for battery in (_digits(), Battery.model_validate(tomllib.loads(L2))):
        probes = list(battery.probes)
        with pytest.MonkeyPatch.context() as patch:
            shorten_autoattack(patch)
            report = evaluate(model, data.images, data.labels, battery=battery, probes=probes)
        assert report.results.keys() >= set(probes)
        for probe in probes:
            result = without_later_outcomes(report.results[probe])
            store.save(model.card, report.provenance, battery, result)
    store.engine.dispose()
    return path


@pytest.fixture
def old(tmp_path, current) -> Path:
    return earlier(tmp_path / "old.sqlite", current)


def test_stored_results_are_filled_in_as_a_new_run_stores_them(old, current):
    before = rows(old)
    assert before != rows(current)
    Store.open(old).engine.dispose()
    converted, fresh = everything(old), everything(current)
    for mine, theirs in zip(converted["results"], fresh["results"], strict=True):
        assert mine == theirs
    assert converted == fresh
    with closing(sqlite3.connect(old)) as plain:
        (unknown,) = plain.execute("SELECT count(*) FROM outcomes WHERE role IS NULL").fetchone()
        (named,) = plain.execute("SELECT count(DISTINCT kind) FROM outcomes").fetchone()
    assert unknown == 0
    assert named == 6


def test_a_downgrade_loses_nothing_and_can_be_undone(old, current):
    before = rows(old)
    Store.open(old).engine.dispose()
    after = everything(old)
    for _ in range(2):
        alembic(old, "0003", down=True)
        assert everything(old) == before
        Store.open(old).engine.dispose()
        assert everything(old) == after


def test_a_step_back_drops_what_later_columns_repeat_and_can_be_undone(old):
    Store.open(old).engine.dispose()
    after = everything(old)
    with closing(sqlite3.connect(old)) as plain:
        view = "SELECT model, score, value, data_sha256 FROM leaderboard ORDER BY 1, 2, 3, 4"
        scores = plain.execute(view).fetchall()
        assert plain.execute("SELECT DISTINCT own_data FROM leaderboard").fetchall() == [(0,)]
    alembic(old, "0004", down=True)
    with closing(sqlite3.connect(old)) as plain:
        assert plain.execute(view).fetchall() == scores
        assert "own_data" not in [row[1] for row in plain.execute("PRAGMA table_info(leaderboard)")]
        columns = [row[1] for row in plain.execute("PRAGMA table_info(outcomes)")]
        assert "threat_key" in columns
        assert "threat" not in columns
    Store.open(old).engine.dispose()
    assert everything(old) == after


def test_columns_say_what_the_payload_says(old):
    with closing(sqlite3.connect(old)) as plain:
        plain.row_factory = sqlite3.Row
        Store.open(old).engine.dispose()
        results = plain.execute("SELECT id, payload, raised_flags FROM results").fetchall()
        flagged = 0
        for result in results:
            payload = encoding.loads(result["payload"])
            raised = [flag["raised"] for flag in payload["flags"]]
            assert result["raised_flags"] == (sum(raised) if raised else None)
            flagged += bool(raised)
            query = "SELECT name, role, threat FROM outcomes WHERE result_id = ? ORDER BY position"
            kinds = {
                row["name"]: {
                    "role": row["role"],
                    "threat": row["threat"] and encoding.loads(row["threat"]),
                }
                for row in plain.execute(query, (result["id"],))
            }
            assert list(kinds.items()) == list(payload["outcome_kinds"].items())
        assert flagged


def test_summaries_give_the_kinds_and_flags_of_the_entries(old):
    store = Store.open(old)
    probes = ["clean", "input", "joint"]
    summaries = store.summaries([], probes)
    for summary, entry in zip(summaries, store.entries(), strict=True):
        expected = {
            probe: result.outcome_kinds
            for probe, result in entry.results.items()
            if probe in probes
        }
        assert summary.kinds == expected
        for probe, kinds in expected.items():
            assert list(summary.kinds[probe]) == list(kinds)
        flags = [flag.raised for result in entry.results.values() for flag in result.flags]
        assert summary.flags == (sum(flags) if flags else None)


def test_results_are_read_with_their_threats(old, current):
    kinds = [
        {probe: result.outcome_kinds for probe, result in entry.results.items()}
        for path in (old, current)
        for entry in Store.open(path).entries()
    ]
    assert kinds[:2] == kinds[2:]
    for entry in Store.open(old).entries():
        for result in entry.results.values():
            assert result.outcome_kinds.keys() == result.outcomes.keys()


@pytest.mark.parametrize("damage", ["{", "[1, 2]", "7", b"\xff\xfe", '{"curves": 3}'])
def test_a_damaged_row_stays_as_it_is_and_is_named_when_read(old, damage, capsys):
    with closing(sqlite3.connect(old)) as plain, plain:
        plain.execute("UPDATE results SET payload = ? WHERE probe = 'input'", (damage,))
        stored = plain.execute("SELECT payload FROM results WHERE probe = 'input'").fetchall()
    store = Store.open(old)
    entries = store.entries()
    assert "what probe 'input' found" in capsys.readouterr().err
    assert all("input" not in entry.results for entry in entries)
    assert all(entry.results["weight"].outcome_kinds for entry in entries)
    store.engine.dispose()
    alembic(old, "0003", down=True)
    with closing(sqlite3.connect(old)) as plain:
        kept = plain.execute("SELECT payload FROM results WHERE probe = 'input'").fetchall()
    assert kept == stored


def test_a_damaged_outcome_does_not_stop_the_others(old):
    with closing(sqlite3.connect(old)) as plain, plain:
        plain.execute("UPDATE outcomes SET bits = 'x' WHERE name = 'linf@0.05'")
    Store.open(old).engine.dispose()
    with closing(sqlite3.connect(old)) as plain:
        query = "SELECT n_robust FROM outcomes WHERE norm = 'linf' AND eps = ? AND kind = 'input'"
        assert plain.execute(query, (0.05,)).fetchone() == (None,)
        assert plain.execute(query, (0.1,)).fetchone()[0] is not None


def test_a_probe_of_another_program_is_left_as_it_is(old):
    with closing(sqlite3.connect(old)) as plain, plain:
        plain.execute("UPDATE results SET probe = 'own' WHERE probe = 'regional'")
        query = "SELECT payload FROM results WHERE probe = 'own'"
        before = plain.execute(query).fetchall()
    Store.open(old).engine.dispose()
    with closing(sqlite3.connect(old)) as plain:
        assert plain.execute(query).fetchall() == before


def test_the_example_of_the_documentation_gives_every_model_by_norm_and_budget(old):
    Store.open(old).engine.dispose()
    page = (Path(__file__).parents[3] / "docs" / "store.md").read_text("utf-8")
    (query,) = re.findall(r"```sql\n(SELECT models.name.*?)```", page, re.DOTALL)
    with closing(sqlite3.connect(old)) as plain:
        found = plain.execute(query).fetchall()
        curves = plain.execute(
            "SELECT payload FROM results WHERE probe = 'input' AND battery = 'digits-v1'"
        ).fetchone()[0]
    expected = [
        ("digits/mlp-standard", curve["series"], x, f"{curve['series']} {text}", y["value"])
        for curve in json.loads(curves)["curves"]
        for x, text, y in zip(curve["x"], curve["x_text"], curve["y"], strict=True)
        if x
    ]
    assert sorted(found) == sorted(expected)
