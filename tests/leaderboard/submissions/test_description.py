"""A description is strict, printable and bounded, from a file, options or JSON alike."""

import json

import pytest
from pydantic import ValidationError

from leaderboard.commands.description_options import described
from leaderboard.submissions.description import Claims, Description
from leaderboard.submissions.description_file import description_of, read_description
from leaderboard.submissions.template import TEMPLATE, write_template
from models_zoo.card import Card
from models_zoo.errors import InputError

WHOLE = """\
name = "lab/mine"
dataset = "cifar10"
architecture = "robustbench:WideResNet?depth=34"
mean = [0.5, 0.5, 0.5]
std = [0.25]
paper = "https://example.org/paper"
authors = "A. Author and B. Author"
recipe = "trades"
extra_data = true
extra_data_note = "1M generated images"
licence = "MIT"
contact = "me@example.org"
notes = \"\"\"
First line.
Second line.\"\"\"

[claims]
clean_accuracy = 0.85
robust_accuracy = 0.55
norm = "linf"
eps = "8/255"
"""


@pytest.fixture
def read(tmp_path):
    def run(text, **options):
        path = tmp_path / "submission.toml"
        path.write_text(text, "utf-8")
        return described(path, **options)

    return run


def test_one_file_holds_it_all_and_options_win(read):
    said = read(WHOLE, name="lab/other", mean="0.1,0.2,0.3", clean_accuracy=0.9)
    assert said.name == "lab/other"
    assert said.mean == (0.1, 0.2, 0.3)
    assert said.std == (0.25,)
    assert said.claims == Claims(clean_accuracy=0.9, robust_accuracy=0.55, norm="linf", eps=8 / 255)
    assert said.notes == "First line.\nSecond line."
    assert Description.model_validate(json.loads(said.model_dump_json())) == said


def test_the_contact_is_not_published(read):
    said = read(WHOLE)
    assert said.contact == "me@example.org"
    assert "me@example.org" not in json.dumps(said.public())
    card = Card(
        name="x", dataset="cifar10", architecture="a", input_shape=(3, 32, 32), mean=(0,), std=(1,)
    )
    complete = said.complete(card)
    assert "me@example.org" not in complete.model_dump_json()
    assert complete.training is not None
    assert complete.training.extra_data is True
    assert (complete.name, complete.source, complete.licence) == ("lab/mine", "submitted", "MIT")


def test_authors_and_claims_are_on_the_card(read):
    card = Card(
        name="x", dataset="cifar10", architecture="a", input_shape=(3, 32, 32), mean=(0,), std=(1,)
    )
    said = read(WHOLE)
    complete = said.complete(card)
    assert complete.authors == said.authors != ""
    assert complete.clean_accuracy == said.claims.clean_accuracy is not None
    stated = complete.robustness
    assert stated is not None
    assert (stated.accuracy, stated.norm, stated.eps) == (0.55, "linf", 8 / 255)
    assert stated.examples is None
    without = said.model_copy(update={"claims": Claims(), "authors": ""}).complete(card)
    assert (without.authors, without.clean_accuracy, without.robustness) == ("", None, None)


def test_text_is_brought_into_one_form(read):
    said = read(
        WHOLE.replace("A. Author and", "  E\u0301va and").replace("First line.", "First\ttab."[:5])
    )
    assert said.authors.startswith("\u00c9va")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("licence =", "license ="), "line 11: unknown key 'license'; did you mean licence?"),
        (("norm =", "norms ="), "line 20: unknown key 'norms' in [claims]; did you mean norm?"),
        (('"MIT"', '"M\\u202eIT"'), "line 11: licence 'M\\u202eIT' has characters that do not"),
        (('"MIT"', f'"{"x" * 101}"'), "line 11: licence"),
        (('"MIT"', "7"), "line 11: licence: Input should be a valid string, got 7"),
        (("[0.25]", "[0.0]"), "line 5: std"),
        (("[0.25]", "[0.1, 0.2]"), "std needs 1 or 3 numbers"),
        (("[0.25]", "[63.0]"), "for images from 0 to 255"),
        (("[0.25]", "[nan]"), "line 5: std: Input should be a finite number"),
        (("0.85", "85"), "line 18: clean_accuracy 85 is a share from 0 to 1; did you mean 0.85?"),
        (("0.55", "0.95"), "robust_accuracy 0.95 is above clean_accuracy 0.85"),
        (("8/255", "8/x"), "line 21: eps '8/x' is neither a number nor a fraction"),
        (('eps = "8/255"', ""), "robust_accuracy needs norm and eps"),
        (('"cifar10"', '"cifar"'), "unknown data set 'cifar'; did you mean 'cifar10'"),
        (('"lab/mine"', '"../mine"'), "line 1: name"),
        (('"https://example.org/paper"', '"here"'), "line 6: paper: Input should be a valid URL"),
        (('"trades"', '"trades'), "is not TOML"),
        (("[claims]", "name = 'x'"), "is not TOML"),
        (("true", '"yes"'), "line 9: extra_data: Input should be a valid boolean"),
        (("extra_data = true", "extra_data = false"), "extra_data says there were none"),
    ],
)
def test_a_fault_is_named_with_its_line(read, change, reason):
    assert change[0] in WHOLE
    with pytest.raises(InputError) as caught:
        read(WHOLE.replace(*change))
    assert reason in str(caught.value)
    assert "submission.toml" in str(caught.value)


def test_what_is_missing_is_asked_for_where_it_can_be_given(read):
    with pytest.raises(InputError, match=r"needs --name or name in .*submission\.toml"):
        read('dataset = "digits"')
    with pytest.raises(InputError, match="needs --dataset or a --description FILE"):
        described(None, name="mine")
    with pytest.raises(InputError, match="--mean 'a' is not a list of numbers"):
        described(None, name="mine", dataset="digits", mean="a")


@pytest.mark.parametrize("field", sorted(Description.model_fields.keys() - {"claims"}))
def test_no_field_takes_control_characters_or_markup_of_a_terminal(field):
    given = {"name": "mine", "dataset": "digits", field: "\x1b[31m\x00\u202e"}
    with pytest.raises((ValidationError, InputError)):
        description_of(given, {})


def test_other_files_are_refused(tmp_path):
    for name, content in {"big": b"#" * 70_000, "latin": b"name = '\xe9'", "empty": b""}.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=name):
            read_description(path)


def test_the_template_is_valid_names_every_key_and_overwrites_nothing(tmp_path):
    path = tmp_path / "submission.toml"
    write_template(path)
    assert described(path).name == "my-lab/my-model"
    for key in (*Description.model_fields, *Claims.model_fields):
        assert f"{key} = " in TEMPLATE or f"[{key}]" in TEMPLATE
    lines = TEMPLATE.splitlines()
    keys = [line.removeprefix("# ") if " = " in line or '"""' in line else line for line in lines]
    whole = "\n".join(keys)
    path.write_text(whole.replace("extra_data = false", "extra_data = true"))
    assert described(path).claims.eps == pytest.approx(8 / 255)
    with pytest.raises(InputError, match="exists and is not overwritten"):
        write_template(path)
    with pytest.raises(InputError, match="cannot write"):
        write_template(tmp_path / "none" / "x")


@pytest.mark.parametrize(
    "fields",
    [
        {"mean": 10**400},
        {"std": [10**400]},
        {"claims": {"clean_accuracy": 10**400}},
        {"claims": {"eps": 10**400}},
    ],
)
def test_a_whole_number_that_is_no_float_is_refused(fields):
    with pytest.raises(ValidationError, match="too large"):
        Description.model_validate({"name": "x", "dataset": "digits"} | fields)
