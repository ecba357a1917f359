"""``nonsingular landscape``, as a user runs it, and its pictures."""

import json
import math
import re
from html.parser import HTMLParser
from itertools import combinations

import pytest
import torch
import typer
from typer.testing import CliRunner

import benchmark.landscape
from leaderboard.charts.contours import isolines, loss_chart, nice_levels
from leaderboard.commands import landscape, models
from models_zoo import InputError
from models_zoo.catalog import load_card
from models_zoo.sources.bundled import bundled_file

MODEL = "digits/mlp-pgd-at"
FEW = ["--examples", 12, "--directions", 2, "--points", 5, "--steps", 2, "--decisions", 1]

app = typer.Typer()
for command in (landscape, models):
    command.register(app)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def run(*arguments):
    return CliRunner().invoke(app, ["landscape", *map(str, arguments)])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The command's standard output, the page and the numbers of one run with everything."""
    out = tmp_path_factory.mktemp("run") / "deep" / "folder"
    result = run(MODEL, *FEW, "--contour", 5, "--out", out)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == [
        "digits-mlp-pgd-at.html",
        "digits-mlp-pgd-at.json",
    ]
    page = (out / "digits-mlp-pgd-at.html").read_text("utf-8")
    return result.stdout, page, json.loads((out / "digits-mlp-pgd-at.json").read_text("utf-8"))


def test_the_page_needs_nothing_else(written):
    _, page, _ = written
    assert page.count("<svg") == 1 + 2 + 1
    assert not re.findall(r'(?:src|href)="(?!data:)[^"#]', page)
    assert "<script" not in page
    assert "@import" not in page
    assert "url(http" not in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_page_is_whole_and_can_be_read_aloud(written):
    _, page, numbers = written

    class Balance(HTMLParser):
        open: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag, attrs):
            if tag not in {"meta", "link", "path", "rect", "line", "br"}:
                self.open.append(tag)
            if tag == "svg":
                assert dict(attrs)["role"] == "img"
                assert MODEL in (dict(attrs)["aria-label"] or "")

        def handle_endtag(self, tag):
            if tag in self.open:
                assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert f"Landscape of {MODEL}" in page
    assert numbers["fingerprint"] in page


def test_the_numbers_are_all_in_the_json(written):
    out, page, numbers = written
    found = benchmark.landscape.Landscape.model_validate(numbers["landscape"])
    assert found.curves.alphas == [-1, -0.5, 0, 0.5, 1]
    assert len(found.curves.robust) == 2
    assert found.contour is not None
    assert len(found.contour.robust) == len(found.contour.clean[0]) == 5
    assert len(found.decisions) == 1
    assert numbers["model"] == MODEL
    assert numbers["settings"]["eps"] == 0.1, "flatness's budget in the battery"
    assert found.protocol["examples"] == 12
    assert [(each.loss, each.distance) for each in found.increases] == [
        ("robust", 0.5),
        ("robust", 1.0),
        ("clean", 0.5),
        ("clean", 1.0),
    ]
    increase = found.increases[0].increase.value
    assert f"{increase:#.3g}" in out
    assert f"{increase:#.3g}" in page


def test_a_checkpoint_from_elsewhere_is_the_model_it_holds(tmp_path):
    card = load_card(MODEL)
    mean, std = (",".join(map(str, values)) for values in (card.mean, card.std))
    options = [*FEW, "--eps", "1/20", "--decisions", 0]
    with bundled_file(card) as path:
        elsewhere = ["--checkpoint", path, "--dataset", "digits", "--architecture", "mlp"]
        assert run(MODEL, *options, "--out", tmp_path / "zoo").exit_code == 0
        result = run(*elsewhere, "--mean", mean, "--std", std, *options, "--out", tmp_path / "file")
    assert result.exit_code == 0, result.output
    one, other = (
        json.loads(next(tmp_path.glob(f"{k}/*.json")).read_text()) for k in ("zoo", "file")
    )
    assert one["fingerprint"] == other["fingerprint"]
    assert one["settings"]["eps"] == 0.05
    assert one["landscape"] == other["landscape"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "either a model of the zoo"),
        (["digits/mlp-pgd"], "did you mean 'digits/mlp-pgd-at'"),
        ([MODEL, "--checkpoint", "a.pt"], "either a model of the zoo"),
        ([MODEL, "--dataset", "digits"], "--dataset goes with --checkpoint"),
        (["--checkpoint", "a.pt", "--dataset", "digits"], "a.pt does not exist"),
        (["--checkpoint", "a.pt", "--dataset", "digit", "--eps", "1"], "did you mean 'digits'"),
        ([MODEL, "--eps", "eight"], "--eps 'eight'"),
        ([MODEL, "--eps", "-1"], "--eps must be above 0"),
        ([MODEL, "--points", "10"], "points must be odd"),
        ([MODEL, "--contour", "6"], "contour must be odd"),
        ([MODEL, "--directions", "0"], "1 direction"),
        ([MODEL, "--examples", "0"], "0 examples"),
        ([MODEL, "--data", "none.npz"], "none.npz"),
        ([MODEL, "--device", "cuba"], "device 'cuba' cannot be used"),
        ([MODEL, "--out", "file/deeper"], "is a file"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, monkeypatch, arguments, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    result = run(*arguments)
    assert isinstance(result.exception, InputError), result.output
    assert reason in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.output == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_that_is_stopped_writes_nothing_and_keeps_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "digits-mlp-pgd-at.html").write_text("earlier")

    def stopped(subject, settings, tick):
        tick()
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark.landscape, "measure_landscape", stopped)
    result = run(MODEL, *FEW, "--out", tmp_path)
    assert result.exit_code == 130
    assert "nothing was written" in result.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["earlier"]


def test_isolines_of_a_plane_are_straight_and_where_the_value_is():
    places = [-1.0, -0.5, 0.0, 0.5, 1.0]
    values = [[x + 2 * y for x in places] for y in places]
    segments = isolines(places, values, 0.3)
    assert segments
    for x, y, x2, y2 in segments:
        assert x + 2 * y == pytest.approx(0.3)
        assert x2 + 2 * y2 == pytest.approx(0.3)
    ends = [end for x, y, x2, y2 in segments for end in ((x, y), (x2, y2))]
    loose = [end for end in ends if ends.count(end) == 1]
    assert len(loose) == 2, "one line from border to border"
    assert all(max(abs(x), abs(y)) == pytest.approx(1) for x, y in loose)


def test_isolines_close_around_a_hill_and_skip_what_is_not_finite():
    places = [-1.0, -0.5, 0.0, 0.5, 1.0]
    hill = [[1 - x * x - y * y for x in places] for y in places]
    for level in (0.4, 0.5):  # between the corners, and through some of them
        ends = [e for x, y, x2, y2 in isolines(places, hill, level) for e in ((x, y), (x2, y2))]
        assert ends
        assert all(ends.count(end) % 2 == 0 for end in ends), "every line goes on"
    assert isolines(places, hill, 5.0) == []
    hill[2][2] = float("nan")
    assert isolines(places, hill, 0.99) == []


def test_levels_lie_between_and_are_short():
    levels = nice_levels(0.31, 42.0)
    assert len(levels) == 8
    assert levels == sorted(levels)
    assert all(0.31 < level < 42 and len(f"{level:g}") <= 4 for level in levels)
    assert nice_levels(1.0, 1.0) == []


def test_labels_of_contours_never_lie_on_one_another():
    """A steep, flat-bottomed bowl crowds its lines; the outermost labels stay."""
    alphas = [i / 6 - 1 for i in range(13)]
    losses = [[1e-3 + (x**2 + y**2) ** 4 for x in alphas] for y in alphas]
    chart = loss_chart(alphas, losses).to_dict()
    (texts,) = (layer for layer in chart["layer"] if layer["mark"]["type"] == "text")
    rows = texts["data"].get("values") or chart["datasets"][texts["data"]["name"]]
    places = [(row["x"], row["y"]) for row in rows]
    assert len(places) >= 2
    gaps = [math.dist(one, two) for one, two in combinations(places, 2)]
    assert min(gaps) >= 0.08 * 2
    assert max(math.hypot(*place) for place in places) > 0.8
