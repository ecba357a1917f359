"""``import nonsingular as ns`` has every public name, and is fast."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import benchmark
import models_zoo
import nonsingular as ns
from nonsingular.documentation import with_names

ROOT = Path(__file__).parents[2]


def test_it_has_the_names_of_the_packages():
    assert set(benchmark.__all__) | set(models_zoo.__all__) <= set(ns.__all__)
    assert list(ns.__all__) == sorted(ns.__all__)


@pytest.mark.parametrize("name", ns.__all__)
def test_every_name_is_there_documented_and_completed(name):
    found = getattr(ns, name)
    if inspect.isfunction(found) or inspect.isclass(found):
        assert inspect.getdoc(found)


def test_completion_shows_the_public_names_alone():
    _ = ns.evaluate
    assert dir(ns) == sorted(ns.__all__)


def test_what_is_returned_is_shown_on_one_line(tmp_path):
    digits, model = ns.load_dataset("digits").head(12), ns.load_model("digits/mlp-standard")
    assert repr(digits) == "Dataset('digits', 'test', examples=12, shape=(1, 8, 8), classes=10)"
    broken = ns.attack_inputs(model, digits, eps=0.1, effort="quick")
    assert repr(broken) == f"AttackResult('linf 0.1', {broken.n_robust} of 12 robust)"
    assert "broken" in repr(broken.searches[0])
    plain = benchmark.evaluate(model, digits, probes=["clean"])
    shown = [
        *(broken, *broken.searches, plain, *plain.results.values(), ns.load_battery("digits-v1")),
        ns.minimal_distances(model, digits, precision=0.5),
        ns.inject_backdoor(model, digits, radius=0.2, steps=1),
        ns.Store.open(tmp_path / "a.sqlite"),
    ]
    for each in shown:
        assert repr(each).startswith(f"{type(each).__name__}(")
        assert len(repr(each)) < 120, repr(each)
        assert "\n" not in repr(each)


def test_what_is_typed_first_works_or_says_what_to_do(tmp_path):
    digits, model = ns.load_dataset("digits").head(8), ns.load_model("digits/mlp-standard")
    (images, labels), *_ = torch.utils.data.DataLoader(digits, batch_size=5)  # type: ignore[arg-type]
    assert torch.equal(images, digits.images[:5])
    assert torch.equal(labels, digits.labels[:5])
    assert len(list(digits)) == 8  # type: ignore[call-overload]
    with pytest.raises(ns.InputError, match=r"got 'digits'; nonsingular.load_dataset loads a data"):
        ns.evaluate(model, "digits")
    with pytest.raises(ns.InputError, match=r"got a str; nonsingular.load_model makes one"):
        ns.evaluate("digits/mlp-standard", digits)  # type: ignore[arg-type]
    store = ns.Store.open(tmp_path / "a.sqlite")
    assert ns.render_site(store, str(tmp_path / "site")).name == "index.html"
    with pytest.raises(ns.InputError, match=r"Store.open makes one of a file"):
        ns.render_site(str(tmp_path / "a.sqlite"), tmp_path / "site")  # type: ignore[arg-type]


def test_names_that_the_packages_have_are_the_same_objects():
    own = {"Report", "evaluate"}
    for package in (benchmark, models_zoo):
        for name in set(package.__all__) - own:
            assert getattr(ns, name) is getattr(package, name), name
    assert issubclass(ns.Report, benchmark.Report)


def test_type_checkers_see_every_name():
    tree = ast.parse((ROOT / "nonsingular" / "__init__.py").read_text("utf-8"))
    block = next(
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name for node in imports for alias in node.names}
    assert seen | {"__version__"} == set(ns.__all__)


def test_importing_it_loads_no_heavy_package():
    code = (
        "import sys, nonsingular; dir(nonsingular); nonsingular.__version__; "
        "print({'torch', 'numpy', 'sqlalchemy', 'altair', 'pandas'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        _ = ns.evaluat


def test_the_documentation_lists_exactly_these_names():
    page = (ROOT / "docs" / "library.md").read_text("utf-8")
    assert page == with_names(page), "docs/library.md is out of date; run: make docs"
    assert set(re.findall(r"^\| `ns\.(\w+)` \|", page, re.M)) == set(ns.__all__)
    assert set(re.findall(r"\bns\.(\w+)", page)) == set(ns.__all__)


def test_evaluate_takes_what_the_benchmark_s_takes():
    ours, theirs = (inspect.signature(each.evaluate).parameters for each in (ns, benchmark))
    assert set(theirs) <= set(ours)
    assert {name: ours[name].default for name in theirs} == {
        name: theirs[name].default for name in theirs
    }


def test_it_runs_the_command_line():
    command = [sys.executable, "-m", "nonsingular", "models", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "models" in run.stdout
