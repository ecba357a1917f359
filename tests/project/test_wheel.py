"""The built wheel holds everything that is needed at run time, and nothing else."""

import importlib.util
import site
import subprocess
import sys
import zipfile

import pytest

PACKAGES = ("models_zoo", "benchmark", "leaderboard")


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    run = subprocess.run([*command, str(root)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (path,) = folder.glob("*.whl")
    return path


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
        ("models_zoo/catalog/", ".toml", 4),
        ("models_zoo/checkpoints/", ".safetensors", 4),
        ("benchmark/batteries/", ".toml", 2),
        ("", "/py.typed", 3),
    ],
)
def test_it_holds_what_is_not_code(names, start, end, least):
    assert len([n for n in names if n.startswith(start) and end in n]) >= least


def test_it_holds_nothing_else(names):
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == {*PACKAGES, "_nonsingular_robustbench.py", "nonsingular-robustbench.pth"}
    assert not any("tests" in name.split("/") for name in names)


def test_import_robustbench_works_after_installing_it(wheel, tmp_path):
    if importlib.util.find_spec("pip") is None:
        pytest.skip("this environment has no pip to install the wheel with")
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    # The dependencies are this environment's. A folder named in a .pth file has its own .pth files
    # ignored, so what makes the import work can only be the wheel's.
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    code = "import robustbench, benchmark; print(robustbench.__name__, benchmark.__path__[0])"
    run = subprocess.run(
        [python, "-I", "-W", "ignore", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["robustbench", str(packages / "benchmark")]
