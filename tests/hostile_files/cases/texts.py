"""Texts and options as nobody means them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.hostile_files.case import Arguments, Case
from tests.hostile_files.cases.material import (
    BUNDLED,
    MODEL,
    ONE,
    bench,
    images,
    plain,
    submit,
    train,
)

NAMES: dict[str, str] = {
    "ANSI": "a\x1b[2J\x1b[31mb",
    "terminal title": "\x1b]0;a\x07",
    "line breaks": "a\nerror: b\r\nc",
    "nothing": "",
    "spaces": "   ",
    "tab": "a\tb",
    "bell": "\x07",
    "direction": "a\u202eb",
    "isolates": "\u2066a\u2069",
    "no width": "a\u200bb",
    "joiner": "a\u200db",
    "line separator": "a\u2028b",
    "surrogate": "a\udcffb",
    "soft hyphen": "di\u00adgits/x",
    "200 kB": "a" * 100_000,
    "combining": "a" + "\u0301" * 300,
    "leading dash": "-rf",
    "two dashes": "--help",
    "device": "CON",
    "device with ending": "nul.txt",
    "folder up": "../../etc/passwd",
    "root": "/etc/passwd",
    "backslash": "a\\..\\b",
    "dots": "..",
    "of the zoo": MODEL,
    "of the zoo in capitals": MODEL.upper(),
    "look-alike": MODEL.replace("i", "\u0456"),
    "full width": "".join(chr(ord(each) + 0xFEE0) for each in "digits") + "/mlp-standard",
    "source": "timm:resnet18",
}
"""Names that no model on a board may have."""

ACCEPTED = {
    "markup": "[bold red]a[/]",
    "emoji": "\N{PILE OF POO}" * 40,
    "script": "<script>alert(1)</script>",
    "template": "{{ 7 * 7 }}${8}%s{0}",
    "SQL": "a'); drop table models; --",
    "question mark": "a?b=c",
    "Chinese": "\u6f22\u5b57" * 40,
}
"""Names that are odd and harmless: they are shown, or refused."""

HOSTILE = {**{k: v for k, v in NAMES.items() if v.strip() and len(v) < 2000}, **ACCEPTED}


def name_cases() -> Iterator[Case]:
    for name, text in NAMES.items():
        yield Case("names", f"submitted: {name}", plain(*submit(BUNDLED, name=text)))
    for name, text in ACCEPTED.items():
        yield Case("names", f"harmless: {name}", plain(*submit(BUNDLED, name=text)), codes=(0, 2))


ASKED: dict[str, object] = {
    "model to show": lambda text: ("models", "show", "--", text),
    "model": lambda text: ("bench", *ONE[2:], "--", text),
    "architecture": lambda text: bench(BUNDLED, f"--architecture={text}", architecture=""),
    "battery": lambda text: (*ONE, f"--battery={text}"),
    "probe": lambda text: (*ONE, f"--probe={text}"),
    "recipe": lambda text: (
        "train",
        "--dataset=digits",
        "--architecture=mlp",
        "--out=o",
        "--",
        text,
    ),
    "data set": lambda text: train(f"--dataset={text}"),
    "setting": lambda text: train(f"--set={text}"),
    "stored model": lambda text: ("export", "--database=s.sqlite", "--", text),
    "weights": lambda text: bench(BUNDLED, f"--weights={text}"),
    "checkpoint": lambda text: bench(f"./{text}"),
    "images": lambda text: (*ONE, f"--data=./{text}"),
    "device": lambda text: (*ONE, f"--device={text}"),
    "mean": lambda text: bench(BUNDLED, f"--mean={text}"),
    "plan": lambda text: ("zoo", "digits", f"--only={text}", "--out=."),
    "address": lambda text: submit(BUNDLED, f"--paper={text}"),
}
"""Where a text may be asked for that is nothing there."""


def text_cases() -> Iterator[Case]:
    texts = [*HOSTILE.items(), ("long", "W" * 100_000), ("path of 300", "a" * 300)]
    for place, (name, text) in enumerate(texts):
        if name == "of the zoo":
            continue
        for number, (what, command) in enumerate(ASKED.items()):
            if (number + place) % 3 == 0:
                yield Case("texts", f"{what}: {name}", _with_database(command(text)))  # type: ignore[operator]


def _with_database(arguments: Arguments):
    def build(folder: Path) -> Arguments:
        from tests.hostile_files.cases.material import database

        (folder / "s.sqlite").write_bytes(database())
        return arguments

    return build


NUMBERS = ("nan", "inf", "-inf", "1e999", "1e999999999", "-1", "0x10", "1/0", "8/255/2", "abc", "")
NORMALIZATION = (*NUMBERS[:3], "125.3", "123,117,104", "0.5;0.5", "1e999", "0,0", ",")
SETTINGS = ("eps", "learning_rate", "batch_size", "steps", "weight_decay")

OPTIONS: dict[str, Arguments] = {
    **{f"landscape --eps {each}": ("landscape", MODEL, f"--eps={each}") for each in NUMBERS},
    **{
        f"compare --eps {each}": ("compare-autoattack", MODEL, f"--eps={each}", "--examples=5")
        for each in NUMBERS
    },
    **{f"bench --std {each}": bench(BUNDLED, f"--std={each}") for each in NORMALIZATION},
    **{f"submit --mean {each}": submit(BUNDLED, f"--mean={each}") for each in NORMALIZATION},
    **{
        f"train --set {key}={each}": (
            "train",
            "pgd-at",
            *train()[2:],
            f"--set={key}={each}",
        )
        for place, key in enumerate(SETTINGS)
        for each in NUMBERS[place % 2 :: 2]
    },
    **{
        f"--seed {each}": (*ONE, f"--seed={each}")
        for each in ("-1", str(1 << 63), str(1 << 200), "9" * 5000, "1.5", "nan", "0x1")
    },
    **{
        f"--examples {each}": (*ONE, f"--examples={each}")
        for each in ("0", "-3", "601", str(1 << 70), "1e3", "all")
    },
    **{
        f"--device {each}": (*ONE, f"--device={each}")
        for each in ("meta", "cuda:99", "cuda", "mps", "cuda:-1", "CPU:x", "xla", "hpu", "vulkan")
    },
    **{
        f"--jobs {each}": (*ONE, f"--jobs={each}") for each in ("0", "-1", "x")
    },
    **{
        f"{option} {value}": ("landscape", MODEL, f"{option}={value}", "--examples=5")
        for option in ("--directions", "--points", "--steps", "--contour", "--decisions")
        for value in ("-1", str(1 << 64))
    },
    "landscape --points 4": ("landscape", MODEL, "--points=4", "--examples=5"),
    "train --keep-epochs": train("--keep-epochs=1,x"),
    "train --keep-epochs beyond": train("--keep-epochs=99"),
    "train --threads 0": train("--threads=0"),
    "train --epochs 0": train("--epochs=0"),
    "train --epochs of 2^70": train(f"--epochs={1 << 70}"),
    "train twice the same setting": train("--set=epochs=1", "--set=epoch=2"),
    "split": (*ONE, "--split=validation"),
    "export --format": ("export", MODEL, "--format=xml"),
    "export without address": ("export", MODEL, "--source-url=javascript:alert(1)"),
    "export without benchmark": ("export", MODEL, "--format=eval-results"),
    "export with a benchmark of three": (
        *("export", MODEL, "--format=eval-results", "--benchmark=a/b/c"),
    ),
    "reproduce a note alone": ("reproduce", MODEL, "--note=x"),
    "reproduce by nobody": ("reproduce", MODEL, "--record=\n"),
    "no such command": ("scores",),
    "no such option": (*ONE, "--epsilon=1"),
    "no argument": ("submit",),
    "models and a checkpoint": (*ONE, "--checkpoint", BUNDLED),
}  # fmt: skip

PLACES: dict[str, str] = {
    "path of 300": "a" * 300,
    "path of 5,000": "/".join(["a" * 99] * 50),
    "in no folder": "none/x",
    "below a file": "file/x",
    "folder": "folder",
    "null byte": "a\0b",
    "in /proc": "/proc/x",
    "not UTF-8": "none\udcff/x",
    "of nobody": "locked/x",
}
OUTPUTS = {
    "--json": lambda path: (*ONE, f"--json={path}"),
    "--database": lambda path: (*ONE, f"--database={path}"),
    "train --out": lambda path: train(f"--out={path}.safetensors" if path != "folder" else path),
    "train --card": lambda path: train(f"--card={path}.toml" if path != "folder" else path),
    "export --out": lambda path: ("export", MODEL, f"--out={path}", "--database=s.sqlite"),
    "site --out": lambda path: ("site", f"--out={path}", "--database=s.sqlite"),
    "findings --out": lambda path: ("findings", f"--out={path}", "--database=none.sqlite"),
    "landscape --out": lambda path: ("landscape", MODEL, f"--out={path}", "--examples=0"),
}
INPUTS = {
    "--data": lambda path: (*ONE, f"--data={path}"),
    "--checkpoint": lambda path: bench(path),
    "submit": lambda path: submit(path),
    "--data-root": lambda path: (
        *("bench", "--battery=mnist-linf-v1", "torchvision:resnet18", f"--data-root={path}"),
    ),
    "record-rerun": lambda path: ("record-rerun", path, "--by=Ada"),
    "site --landscapes": lambda path: ("site", f"--landscapes={path}", "--database=none.sqlite"),
    "models show": lambda path: ("models", "show", f"{path}.onnx"),
}  # fmt: skip


def option_cases() -> Iterator[Case]:
    for name, arguments in OPTIONS.items():
        yield Case("options", name[:60], plain(*arguments))
    for place, path in PLACES.items():
        for option, command in (OUTPUTS | INPUTS).items():
            if place == "folder" and option in ("site --out", "findings --out", "landscape --out"):
                continue  # what is meant
            made = option == "site --out" and place in ("in no folder", "not UTF-8")  # made
            build = _with_places(command(path))
            codes = (0,) if made else (0, 2) if place == "of nobody" else (2,)  # root may
            yield Case("places", f"{option}: {place}", build, codes=codes)


def _with_places(arguments: Arguments):
    def build(folder: Path) -> Arguments:
        from tests.hostile_files.cases.material import database

        (folder / "s.sqlite").write_bytes(database())
        (folder / "file").write_bytes(images())
        (folder / "folder").mkdir()
        (folder / "folder" / "mine.txt").write_text("mine")
        (folder / "locked").mkdir()
        (folder / "locked").chmod(0)
        return arguments

    return build


def all_texts() -> Iterator[Case]:
    """All of this module."""
    yield from name_cases()
    yield from text_cases()
    yield from option_cases()
