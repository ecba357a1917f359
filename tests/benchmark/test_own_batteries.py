"""Batteries from files of users: read as untrusted input, known by their content."""

from __future__ import annotations

import os
from importlib.resources import files

import pytest

from benchmark import evaluate, list_batteries, load_battery
from benchmark.batteries import read_battery, require_own_name
from benchmark.batteries.own import MAX_BYTES
from benchmark.datasets import load_dataset
from models_zoo import load_model
from models_zoo.errors import InputError

DIGITS = (files("benchmark.batteries") / "digits-v1.toml").read_text("utf-8")
OWN = DIGITS.replace('"digits-v1"', '"own-v1"', 1)


@pytest.fixture
def written(tmp_path):
    """Writes a battery's file, by default one like digits-v1 under a name of its own."""

    def write(text=OWN, name="own.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_file_is_a_battery_wherever_a_name_is_one(written):
    path = written()
    assert load_battery(path) == load_battery(str(path)) == read_battery(path)
    data = load_dataset("digits").head(8)
    model = load_model("digits/mlp-standard")
    for given in (path, str(path)):
        report = evaluate(model, data.images, data.labels, battery=given, probes="clean")
        assert report.provenance.battery == "own-v1"
        assert report.provenance.battery_sha256 == read_battery(path).sha256


def test_a_file_without_its_suffix_is_suggested(written):
    path = written()
    with pytest.raises(InputError, match=r"did you mean the file '.*\.toml'\?"):
        load_battery(str(path).removesuffix(".toml"))
    with pytest.raises(InputError, match="unknown battery"):
        load_battery("x" * 5_000 + "\0")


def test_its_content_identifies_it_and_not_its_file(written):
    own = read_battery(written())
    assert own.sha256 != load_battery("digits-v1").sha256
    again = read_battery(written("# a comment\n" + written().read_text(), "other.toml"))
    assert again.sha256 == own.sha256
    changed = written().read_text().replace("headline_radius = 0.01", "headline_radius = 0.02")
    assert read_battery(written(changed)).sha256 != own.sha256


@pytest.mark.parametrize("name", list_batteries())
def test_a_copy_of_a_bundled_battery_is_that_battery(written, name):
    text = (files("benchmark.batteries") / f"{name}.toml").read_text("utf-8")
    assert read_battery(written(text)).sha256 == load_battery(name).sha256


@pytest.mark.parametrize("name", ["digits-v1", "digits-v2", "digits", "cifar10-linf-v99"])
def test_other_content_under_a_name_of_the_suite_is_refused(written, name):
    text = DIGITS.replace('"digits-v1"', f'"{name}"', 1).replace("rungs = 50", "rungs = 49")
    with pytest.raises(InputError, match=f"the name '{name}' is reserved for batteries of nons"):
        read_battery(written(text))


@pytest.mark.parametrize(
    "name", ["", "Own", "../own", "own/x", "digits v1", "own\n", "\uff44igits-v1", "a" * 81, "-own"]
)
def test_names_are_plain(name):
    with pytest.raises(InputError, match="a battery's name has up to 80"):
        require_own_name(name)


HEAD = 'name = "own"\ndataset = "digits"\ndescription = "-"\ndefault = ["clean"]\n'

BROKEN = {
    "empty": ("", "is empty"),
    "no fields": ("# a battery", "name: Field required"),
    "not UTF-8": (b'name = "\xff"', "codec can't decode"),
    "not TOML": ("name = ", "Invalid value"),
    "nested": ("a = " + "[" * 5_000, "recursion"),
    "unknown key": (HEAD + "else = 1\n[probes.clean]", "else: Extra inputs"),
    "unknown probe": (HEAD + "[probes.cleen]", "did you mean 'clean'"),
    "unknown default": (HEAD + "[probes.checks]\neps = 0.1", "unknown probe in the battery's def"),
    "no budget": (
        HEAD + "[probes.clean]\n[probes.distance]\nlinf = 0.1\nl2 = 1\n",
        "distance",
    ),
    "not a number": (HEAD + "[probes.clean]\n[probes.checks]\neps = nan", "checks.eps"),
    "infinite": (
        HEAD + "[probes.clean]\n[probes.intrinsic]\nlinf = [inf]\nheadline = inf",
        "intrinsic.linf.0: Input should be a finite number",
    ),
    "no probes": ('name = "own"\ndataset = "digits"\ndescription = "-"\ndefault = []', "probes"),
    "lines in its description": (
        HEAD.replace('"-"', '"a\\nb"') + "[probes.clean]",
        "description must be one line",
    ),
    "long description": (HEAD.replace('"-"', f'"{"a" * 501}"') + "[probes.clean]", "description"),
    "escapes": (HEAD.replace('"own"', '"\\u001b[2J"') + "[probes.clean]", "lower-case letters"),
}


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_used_is_refused_in_a_line(written, content, reason):
    with pytest.raises(InputError, match=reason) as caught:
        read_battery(written(content))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_large_file_is_not_read(written):
    path = written(HEAD + "[probes.clean]\n" + "#" * MAX_BYTES)
    with pytest.raises(InputError, match=r"more than the 65,536 that are read here$"):
        read_battery(path)


def test_what_is_no_file_is_refused(tmp_path):
    for make in (lambda path: path.mkdir(), os.mkfifo):
        path = tmp_path / f"{make.__name__.strip('<>')}.toml"
        make(path)
        with pytest.raises(InputError, match="battery"):
            read_battery(path)
    with pytest.raises(InputError, match=r"missing\.toml"):
        load_battery(tmp_path / "missing.toml")
