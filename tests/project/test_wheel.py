"""The built wheel holds everything that is needed at run time, and nothing else."""

import zipfile

import pytest

PACKAGES = ("models_zoo", "benchmark", "leaderboard", "nonsingular")


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_it_holds_every_file_of_the_packages(root, names):
    on_disk = {
        path.relative_to(root).as_posix()
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert on_disk - names == set()


@pytest.mark.parametrize(
    ("start", "end", "least"),
    [
        ("leaderboard/pages/", ".html", 3),
        ("leaderboard/pages/", ".css", 1),
        ("leaderboard/store/migrations/", ".py", 2),
        ("leaderboard/reported/", ".tsv", 1),
        ("models_zoo/catalog/", ".toml", 4),
        ("models_zoo/checkpoints/", ".safetensors", 4),
        ("benchmark/batteries/", ".toml", 2),
        ("nonsingular/templates/", ".j2", 2),
        ("", "/py.typed", 4),
    ],
)
def test_it_holds_what_is_not_code(names, start, end, least):
    assert len([n for n in names if n.startswith(start) and end in n]) >= least


def test_it_holds_nothing_else(names):
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == {*PACKAGES, "_nonsingular_robustbench.py", "nonsingular-robustbench.pth"}
    assert not any("tests" in name.split("/") for name in names)
