"""Descriptions with hostile texts in every field, and with values that no field may have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile_submissions.entry import MLP, Entry, content

TEXT = content(b"hello")
"""A file that is refused by its type: where a description is taken, this is what comes next."""

FIELDS = (
    *("name", "dataset", "battery", "architecture", "weights", "paper", "authors", "recipe"),
    *("extra_data_note", "licence", "contact", "notes", "claims.attack", "file name"),
)
"""Every field of a description that holds a text."""

UNSEEN = {
    "right to left": "\u202egnp.exe",
    "zero width": "resnet\u200b18",
    "soft hyphen": "res\u00adnet",
    "byte order mark": "\ufeffresnet",
    "tags": "a\U000e0041\U000e0042",
    "private use": "a\ue000",
    "control": "a\x07b",
    "zero byte": "a\0b",
    "escape of a terminal": "\x1b]0;title\x07\x1b[2J",
    "line separator": "a\u2028b",
    "half of a pair": "a\ud800b",
    "carriage return": "a\rb",
}
"""Texts with characters that cannot be seen, refused in every field."""

MARKUP = {
    "SQL": "x'); DROP TABLE submissions;--",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)" x="',
    "template": "{{ 7*7 }}${7*7}{% include '/etc/passwd' %}",
    "format": "{0.__init__.__globals__}%(x)s%s%n",
    "shell": "$(touch witness-of-code-that-ran)`id`;id|id",
    "formula": '=HYPERLINK("http://example.org")',
    "log": "x level=error token=stolen",
}
"""Texts that mean something to a program that they are pasted into, and are only text here."""

NAMES = {
    "empty": "",
    "spaces": "   ",
    "parent": "../../etc/passwd",
    "parent inside": "digits/../../x",
    "absolute": "/etc/passwd",
    "backslash": "..\\..\\x",
    "drive": "C:\\x",
    "device": "digits/con",
    "option": "--help",
    "dot at the end": "digits/x.",
    "another library": "robustbench:Carmon2019Unlabeled",
    "model of the zoo": "digits/mlp-standard",
    "Cyrillic like one of the zoo": "digits/mlp-stand\u0430rd",
    "full width like one of the zoo": "digits/\uff4d\uff4c\uff50-standard",
    "long": "a" * 201,
    "marks on marks": "a" + "\u0301" * 300,
}
"""Names that are refused."""

VALUES: dict[str, dict[str, Any]] = {
    "unknown field": {"nmae": "x"},
    "field of a class": {"__class__": "x"},
    "number as a text": {"authors": 5},
    "list as a text": {"authors": ["x"]},
    "text as a flag": {"extra_data": "yes"},
    "NaN": {"std": [float("nan")]},
    "infinite": {"mean": [float("inf")]},
    "negative": {"std": [-1.0]},
    "zero": {"std": [0.0]},
    "a thousand means": {"mean": [0.5] * 1000},
    "no means": {"mean": []},
    "true as a number": {"mean": [True]},
    "huge whole number": {"claims": {"clean_accuracy": 10**400}},
    "accuracy of 2": {"claims": {"clean_accuracy": -0.5}},
    "robust above clean": {
        "claims": {"clean_accuracy": 0.1, "robust_accuracy": 0.9, "norm": "linf", "eps": 0.1}
    },
    "radius that is code": {"claims": {"eps": "__import__('os').system('id')"}},
    "radius divided by zero": {"claims": {"eps": "1/0"}},
    "radius of ten thousand digits": {"claims": {"eps": "9" * 10_000}},
    "address that runs": {"paper": "javascript:alert(1)"},
    "address of a file": {"paper": "file:///etc/passwd"},
    "text of 10 kB": {"notes": "a" * 10_000},
    "nothing in place of claims": {"claims": None},
    "claims in claims": {"claims": {"claims": {}}},
    "data set elsewhere": {"dataset": "imagenet"},
    "data set that is a path": {"dataset": "../../etc/passwd"},
    "battery that is a file": {"battery": "/etc/passwd"},
}
"""Fields of descriptions that are refused."""

ARCHITECTURES = {
    "unknown": ("nonsense", "architecture-unknown"),
    "path": ("../../etc/passwd", "architecture-unknown"),
    "code": ("__import__('os').system('id')", "architecture-unknown"),
    "module": ("os:system?command=id", "architecture-unknown"),
    "arguments that are code": (
        "timm:resnet18?pretrained=__import__('os').system('id')",
        "architecture-unknown",
    ),
    "file of another library": ("robustbench:../../x", "architecture-unknown"),
    "enormous": ("wrn-100000-100000", "architecture-unknown"),
    "no depth": ("wrn-0-0", "architecture-unknown"),
}
"""Architectures, of which none is looked up in a path or evaluated."""


def _said(field: str, text: str) -> tuple[dict[str, Any], str]:
    """A description with a text in a field, and the name of the file."""
    if field == "file name":
        return MLP, text
    if field == "claims.attack":
        return MLP | {"claims": {"attack": text}}, "model.pt"
    return MLP | {field: text}, "model.pt"


def description_entries() -> Iterator[Entry]:
    """All of them."""
    for field in FIELDS:
        for what, text in UNSEEN.items():
            said, file_name = _said(field, text)
            # the name of a file is only shown, and is made printable instead
            shown = field == "file name" and what != "half of a pair"
            expected = frozenset({"file-type"} if shown else {"invalid"})
            yield Entry(
                f"unseen characters: {field}", what, TEXT, expected, said, file_name
            )  # fmt: skip
        for what, text in MARKUP.items():
            said, file_name = _said(field, text)
            closed = field in ("dataset", "battery", "paper") or (field, what) == (
                "name",
                "formula",
            )
            expected = frozenset({"invalid"} if closed else {"file-type"})
            yield Entry(f"markup: {field}", what, TEXT, expected, said, file_name)
    for what, name in NAMES.items():
        expected = frozenset({"name-taken" if what == "model of the zoo" else "invalid"})
        yield Entry("names", what, TEXT, expected, MLP | {"name": name})
    for what, fields in VALUES.items():
        yield Entry("values", what, TEXT, frozenset({"invalid"}), MLP | fields)


def architecture_entries() -> Iterator[Entry]:
    """Names of architectures, with the weights of a good network."""
    from tests.hostile_submissions.weights import sound

    data, file_name = sound()["safetensors"]
    for what, (architecture, expected) in ARCHITECTURES.items():
        said = MLP | {"architecture": architecture}
        yield Entry(*("architectures", what, content(data), frozenset({expected}), said, file_name))
