"""Names of submissions: plain, typeable, and none that passes for another's."""

from __future__ import annotations

import pytest

from leaderboard.submissions.names import require_name, require_unlike, skeleton
from models_zoo import list_models
from models_zoo.errors import InputError

PLAIN = [
    "mine",
    "digits/mine",
    "v2 [final]",
    "caf\u00e9",
    "\u6a21\u578b",
    "a.b-c_d",
    "console",
    "nullable",
]
FAULTY = {
    "": "empty",
    "-rf": "option",
    "--help": "option",
    "digits/-rf": "option",
    "CON": "device",
    "nul.safetensors": "device",
    "digits/Aux": "device",
    "COM7": "device",
    "lpt1.tar.gz": "device",
    "../etc": "path",
    "a/../b": "path",
    "/abs": "path",
    "a//b": "path",
    "a/": "path",
    ".": "path",
    "mine.": "dot",
    "a./b": "dot",
    "a /b": "space",
    " mine": "spaces",
    "mine ": "spaces",
    "mi\u200bne": "print",
    "mi\u202ene": "print",
    "mi\x00ne": "print",
    "mi\nne": "print",
    "a\\b": "backslash",
    "half \ud800": "print",
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_names_are_taken(name):
    require_name(name)
    require_unlike(name, [*list_models(), name])


@pytest.mark.parametrize(("name", "word"), FAULTY.items(), ids=map(ascii, FAULTY))
def test_other_names_are_refused_with_the_reason(name, word):
    with pytest.raises(InputError, match=word) as refused:
        require_name(name)
    assert len(str(refused.value).splitlines()) == 1


ALIKE = {
    "case": "Digits/MLP-Standard",
    "Cyrillic": "digits/\u043cl\u0440-\u0455tandard",
    "Ukrainian i": "d\u0456g\u0456ts/mlp-standard",
    "Greek": "digits/mlp-st\u03b1nd\u03b1rd",
    "Armenian": "digits/mlp-sta\u0578dard",
    "full width": "\uff44\uff49\uff47\uff49\uff54\uff53/mlp-standard",
    "mathematical": "digits/\U0001d426\U0001d425\U0001d429-standard",
    "zero width": "digits/mlp\u200b-standard",
    "joiner": "digits/mlp\u2060-standard",
    "accents": "d\u00edgits/mlp-st\u00e4ndard",
    "combining": "digits/mlp-s\u0323tandard",
    "dashes": "digits/mlp\u2011standard",
    "underscore": "digits/mlp_standard",
    "space": "digits/mlp standard",
    "digits for letters": "d1g1ts/m1p-standard",
    "capital i": "digits/mIp-standard",
    "dotless i": "d\u0131gits/mlp-standard",
    "capital Cyrillic": "digits/mlp-stand\u0410rd",
}


@pytest.mark.parametrize("name", ALIKE.values(), ids=ALIKE)
def test_a_name_that_looks_like_one_in_use_is_refused(name):
    with pytest.raises(InputError, match="looks like 'digits/mlp-standard'"):
        require_unlike(name, ["digits/cnn-standard", "digits/mlp-standard"])


def test_names_of_the_zoo_do_not_look_like_each_other():
    names = list_models()
    assert len({skeleton(name) for name in names}) == len(names)
