"""Messages are one printable line of bounded length, whatever a stranger put into a name."""

import pickle
import unicodedata
from pathlib import Path

import pytest

from models_zoo.catalog import list_models
from models_zoo.display import cut, label, printable, shown
from models_zoo.errors import InputError, reason_of, unknown_name

HOSTILE = {
    "escape sequence": "a\x1b[31mred\x1b[0m",
    "title of the terminal": "\x1b]0;owned\x07",
    "eight-bit sequence": "\x9b31mred",
    "line break": "one\ntwo",
    "carriage return": "safe\rwrong",
    "line separator": "one\u2028two\u2029three\x85four",
    "backspace": "good\b\b\b\bevil",
    "null": "a\x00b",
    "right to left": "net\u202etp.exe",
    "isolate": "\u2066a\u2069",
    "zero width": "a\u200bb\ufeff",
    "half a character": "a\udcff\ud800",
    "private use": "\ue000\U000f0000",
    "tags": "\U000e0041",
    "tab and feed": "a\tb\x0bc\x0cd",
    "wide space": "a\u3000b\u00a0c",
    "long": "x" * 200_000,
    "long with spaces": "word " * 40_000,
    "long and hostile": "\x1b[2J\n" * 50_000,
}


def is_safe(text):
    kinds = {unicodedata.category(each) for each in text}
    return text.isprintable() and not kinds & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_is_shown_on_one_line_of_at_most_80_printable_characters(name):
    assert is_safe(shown(name))
    assert len(shown(name)) <= 80


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_message_is_one_bounded_printable_line_whoever_wrote_it(name):
    for message in (f"model {name} is wrong; name another", name, f"{name!r}: {name}; go on"):
        error = InputError(message)
        assert is_safe(str(error))
        assert len(str(error)) <= 2000
        assert str(InputError(str(error))) == str(error)
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert is_safe(str(unknown_name("model", name, ["digits/mlp-standard"])))
    assert is_safe(reason_of(RuntimeError(name)))
    assert len(reason_of(RuntimeError(name))) <= 163


def test_an_unknown_name_of_many_suggests_some_and_says_what_lists_all():
    models = list_models()
    for asked, meant in {
        "digits/mlp-pgdat": "did you mean 'digits/mlp-pgd-at'",
        "resnet18": "did you mean 'cifar10/resnet18-standard'?",
        "digit/*trades*": "did you mean 'digits/mlp-trades'",
        "zzz": f"there are {len(models)}, such as '",
    }.items():
        text = str(unknown_name("model", asked, models, "nonsingular models"))
        assert meant in text, text
        assert text.endswith(" nonsingular models lists all")
        assert "names" not in text
    text = str(unknown_name("model", "digits/cnn", models))
    assert text.count("'digits/cnn-") == 2
    assert text.endswith("'?")
    assert str(unknown_name("norm", "lin", ["l1", "linf"])).endswith("'linf'? known: l1, linf")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_what_to_do_stays_in_a_message_that_is_cut(name):
    text = str(InputError(f"model {name} cannot be read; download it again"))
    assert text.startswith("model ")
    assert text.endswith("; download it again")


def test_what_prints_is_left_as_it_is():
    for text in ("netz-größe.pt", "模型", "a\\b", "it's", 'a "b"', "🦾", "[v2]"):
        assert printable(text) == text
        assert str(InputError(f"model {text}")) == f"model {text}"
        assert shown(text) == repr(text)
        assert shown(Path(text)) == text
    assert shown(3) == "3"


def test_a_path_keeps_the_name_of_its_file():
    text = shown(Path("/" + "folder/" * 60) / "net.safetensors")
    assert text.endswith("/net.safetensors")
    assert len(text) == 240
    assert cut("0123456789abcdef", 12) == "012345...def"


def test_an_object_whose_repr_fails_is_shown_by_its_class():
    class Fails:
        def __repr__(self):
            raise OSError("x")

    assert shown(Fails()) == "<Fails>"


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_label_is_safe_too(name):
    assert is_safe(label(name))
    assert len(label(name)) <= 80
    assert label("[v2] net") == "[v2] net"
