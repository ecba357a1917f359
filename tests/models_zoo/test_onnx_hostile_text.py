"""An ONNX file runs none of its author's code, whatever text is in whichever place of it."""

from pathlib import Path

import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from models_zoo import InputError, load_model
from models_zoo.sources.generated_code import check_code
from tests.hostile_files.graph_texts import (
    CALL,
    FIXED,
    PAYLOADS,
    full,
    places,
    plain,
    replaced,
    texts,
)


@pytest.fixture
def loading(tmp_path, monkeypatch):
    """Loads a model in an empty folder; fails where anything was left in it."""
    monkeypatch.chdir(tmp_path)

    def load(model):
        Path("net.onnx").write_bytes(model.SerializeToString())
        answer = attempt()
        assert [each.name for each in tmp_path.iterdir()] == ["net.onnx"]
        if isinstance(answer, str):
            assert answer.isprintable()
            assert len(answer) < 600
        return answer

    def attempt():
        try:
            return load_model("net.onnx")
        except InputError as error:
            return str(error)

    return load


FREE = sorted({*texts(plain)} - FIXED)
"""Texts that an author chooses."""

WORDS = [each for each in PAYLOADS if each]
IMAGES = torch.ones(1, 1, 8, 8)


@pytest.mark.parametrize("turn", range(len(WORDS)))
def test_a_text_of_a_network_that_loads_is_never_code(loading, turn):
    """Every payload in every place: as many places at once as there are payloads, in turn."""
    (logits,) = ReferenceEvaluator(plain()).run(None, {"images": IMAGES.numpy()})
    expected = torch.from_numpy(logits)
    payloads = WORDS[turn:] + WORDS[:turn]
    for first in range(0, len(FREE), len(WORDS)):
        chosen = dict(zip(FREE[first : first + len(WORDS)], payloads, strict=False))
        model = loading(replaced(plain, chosen))
        torch.testing.assert_close(model(IMAGES), expected, msg=str(chosen))
        assert all("(" not in name for name, _ in model.named_parameters())


@pytest.mark.parametrize("old", texts(plain))
def test_an_empty_text_of_a_network_is_never_code(loading, old):
    loading(replaced(plain, {old: ""}))


@pytest.mark.parametrize("old", sorted(FIXED & {*texts(plain)}))
def test_a_text_of_the_format_is_never_code(loading, old):
    for payload in PAYLOADS:
        loading(replaced(plain, {old: payload}))


@pytest.mark.parametrize("old", sorted({*texts(full)} - {*texts(plain)}))
def test_a_text_of_what_is_refused_is_never_code(loading, old):
    for payload in PAYLOADS[:6]:
        assert isinstance(loading(replaced(full, {old: payload})), str)


def test_every_kind_of_text_of_the_format_is_tried():
    tried = {(message.DESCRIPTOR.name, field.name) for message, field, *_ in places(full())}
    seen, waiting = set(), [onnx.ModelProto.DESCRIPTOR]
    while waiting:
        kind = waiting.pop()
        for field in kind.fields:
            if field.message_type is not None and (kind, field) not in seen:
                waiting.append(field.message_type)
            elif field.message_type is None and field.type in (field.TYPE_STRING, field.TYPE_BYTES):
                seen.add((kind.name, field.name))
            if field.message_type is not None:
                seen.add((kind, field))
    left = {each for each in seen if isinstance(each[1], str)} - tried
    assert left == {("TensorProto", "raw_data")}


@pytest.mark.parametrize(
    "line",
    [
        f"a = {CALL}",
        f"a = self.a({CALL})",
        f'a = getattr(self, "a"),{CALL}',
        f"a = getattr(self, {CALL})",
        f"self.a = {CALL}",
        CALL,
        "import os",
        "a = self.__class__()",
        "a = images.__class__",
        "a = images.numpy()",
        "a = torch.load(images)",
        "a = torch.ops.add(images)",
        "a = images[self.a()]",
        "a = lambda: 0",
        "a = [b for b in images]",
        "a = f'{images}'",
        "a = 'text'",
        "getattr = self.a(images)",
        "torch = self.a(images)",
        "a = b",
        "a = self.a(*images)",
        "a = self.a(**images)",
        "a = b = self.a(images); import os",
        "return self.a(images)",
        "if images: pass",
        "def a(): pass",
        "a: self.a() = 0",
        'a = getattr(self, "__class__")()',
        "a = getattr",
        "a = (",
        "a = self.a(images)\0",
    ],
)
def test_generated_code_of_another_form_is_not_run(line):
    with pytest.raises(InputError):
        check_code([f"{line}\n"])


def test_generated_code_of_converted_networks_is_run():
    lines = [
        "# COUNTER: 0\n",
        'a = getattr(self.layers, "0").conv(images);  images = None\n',
        "b = self.initializers.t0\n",
        "c = torch.add(a, b)\nd = c.reshape(-1, 4)\n",
        "e = self.split(d, axis = (1, 2.5, None));  d = None\nf = e[1]\n",
        "return f",
    ]
    assert check_code(lines) == lines


@pytest.mark.parametrize(
    "command",
    [
        ("models", "show", "net.onnx"),
        ("bench", "--checkpoint", "net.onnx", "--battery", "digits-v1", "--probe", "clean"),
        ("submit", "net.onnx", "--name", "mine", "--dataset", "digits", "--probe", "clean"),
        ("check", "net.onnx"),
    ],
    ids=lambda words: words[0],
)
def test_no_command_runs_what_is_in_a_name(tmp_path, monkeypatch, command):
    from typer.testing import CliRunner

    from leaderboard.cli import app

    monkeypatch.chdir(tmp_path)
    for payload in PAYLOADS[:2]:
        model = plain()
        for message, field, index, text in places(model):
            if text in FIXED:
                continue
            new = f"{payload}{text}" if payload.endswith("training") else f"{text}{payload}"
            if field.is_repeated:
                getattr(message, field.name)[index] = new
            else:
                setattr(message, field.name, new)
        Path("net.onnx").write_bytes(model.SerializeToString())
        CliRunner().invoke(app, list(command))
        assert not Path("ran").exists()
