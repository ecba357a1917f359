"""A file is read once, into memory of our own, and only where it is a file that can be read."""

import hashlib
import os
import threading
import time
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

from leaderboard.submissions.workspace import keep, read_submission
from models_zoo import InputError, load_file, load_model, read_weights, sha256_file
from models_zoo.checkpoint import content
from models_zoo.checkpoint.content import FILE_LIMIT, read_file
from models_zoo.checkpoint.writing import write_bytes

DESCRIBED: dict[str, Any] = {"architecture": "mlp", "dataset": "digits", "input_shape": (1, 8, 8)}


def weights(name="mlp-standard"):
    return dict(load_model(f"digits/{name}").network.state_dict())


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
@pytest.mark.parametrize("change", ["rewrite", "truncate", "remove"])
def test_a_file_that_changes_after_it_was_read_changes_no_model(tmp_path, kind, change):
    path, first, second = tmp_path / "net.bin", weights(), weights("mlp-pgd-at")

    def write(tensors):
        if kind == "safetensors":
            path.write_bytes(save(tensors))
        else:
            torch.save(tensors, path, _use_new_zipfile_serialization=kind == "zip")

    write(first)
    model = load_file(path, **DESCRIBED)
    before = model.fingerprint
    if change == "rewrite":
        write(second)
    elif change == "truncate":
        os.truncate(path, 10)
    else:
        path.unlink()
    assert model.fingerprint == before
    assert all(torch.equal(model.network.state_dict()[key], first[key]) for key in first)


def test_hash_weights_and_kept_copy_are_of_one_reading(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file(weights(), path)
    one = path.read_bytes()
    read = read_submission(path)
    save_file(weights("mlp-pgd-at"), path)
    model = load_file(read, **DESCRIBED)
    kept = keep(read, tmp_path / "workspace")
    assert kept.read_bytes() == one
    assert model.card.sha256 == hashlib.sha256(one).hexdigest() == sha256_file(kept)
    assert torch.equal(model.network.state_dict()["linear1.bias"], weights()["linear1.bias"])


def test_a_kept_copy_that_was_damaged_is_written_anew(tmp_path):
    save_file(weights(), tmp_path / "net.safetensors")
    read = read_submission(tmp_path / "net.safetensors")
    kept = keep(read, tmp_path / "workspace")
    kept.write_bytes(b"damaged")
    assert keep(read, tmp_path / "workspace").read_bytes() == read.data


@pytest.mark.parametrize("change", ["grow", "shrink", "rewrite"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, change):
    path = tmp_path / "net.safetensors"
    save_file(weights(), path)
    size, reading = path.stat().st_size, content._read_whole

    def meanwhile(descriptor, expected):
        if change == "rewrite":
            time.sleep(0.02)
            with path.open("r+b") as stream:
                stream.write(b"x")
        else:
            os.truncate(path, size + 100 if change == "grow" else size - 100)
        return reading(descriptor, expected)

    monkeypatch.setattr(content, "_read_whole", meanwhile)
    with pytest.raises(InputError, match="changed while it was read; wait"):
        read_weights(path)


def special(folder, kind):
    path = folder / "net.pt"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(folder / "other.pt")
        (folder / "other.pt").symlink_to(path)
    elif kind == "dangling":
        path.symlink_to(folder / "none")
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "terminal":
        path.symlink_to("/dev/tty")
    elif kind == "long name":
        return folder / ("n" * 300 + ".pt")
    elif kind == "long path":
        return folder / "/".join(["folder"] * 1000) / "net.pt"
    elif kind == "null":
        return folder / "net\0.pt"
    elif kind == "below a file":
        path.write_bytes(b"x")
        return path / "net.pt"
    elif kind == "not UTF-8":
        return folder / os.fsdecode(b"\xff\xfe.pt")
    elif kind == "hostile":
        return folder / "\x1b[2Jnet\n.pt"
    return path


KINDS: tuple[str, ...] = (
    "pipe",
    "loop",
    "dangling",
    "folder",
    "device",
    "terminal",
    "long name",
    "long path",
)
KINDS += ("null", "below a file", "not UTF-8", "hostile", "missing")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_readable_file_is_refused_at_once(tmp_path, kind):
    path = special(tmp_path, kind)
    raised = []

    def try_all():
        for read in (read_weights, sha256_file, lambda p: load_file(p, **DESCRIBED), read_file):
            try:
                read(path)
            except InputError as error:
                raised.append(str(error))

    thread = threading.Thread(target=try_all, daemon=True)  # a pipe could be waited on for ever
    thread.start()
    thread.join(20)
    assert len(raised) == 4
    assert all(text.isprintable() and len(text) < 600 for text in raised)


def test_a_name_that_is_not_utf_8_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.safetensors")
    path.write_bytes(save(weights()))
    assert load_file(path, **DESCRIBED).card.name == "\\udcff"


@pytest.mark.parametrize(
    "limit", ["100", "1kB", "1 KiB", "2kib", "0.5GB", "-1", "0", "many", "1TB"]
)
def test_the_limit_is_set_in_the_environment_and_must_be_a_size(tmp_path, monkeypatch, limit):
    save_file(weights(), tmp_path / "net.safetensors")
    monkeypatch.setenv(FILE_LIMIT, limit)
    fits = limit in ("100", "1kB", "1 KiB", "2kib")
    with pytest.raises(InputError, match="more than the" if fits else "is not a size"):
        read_weights(tmp_path / "net.safetensors")
    monkeypatch.setenv(FILE_LIMIT, "1MB")
    assert read_weights(tmp_path / "net.safetensors")


@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022, 0o002])
def test_what_is_written_has_the_rights_that_the_user_gives_new_files(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_bytes(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~mask
