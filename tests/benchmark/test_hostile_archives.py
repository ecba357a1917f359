"""Files of images as attackers and accidents make them: refused in a line, or read right."""

import io
import random
import resource
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.datasets import load_npz
from models_zoo import InputError
from tests.hostile_files.archives import GOOD, REFUSED, X, Y, member, packed


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused_in_one_line_within_seconds(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.npz"
    REFUSED[name](path)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(InputError) as refusal:
        load_npz(path)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 700
    assert time.process_time() - start < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000
    assert [each.name for each in Path().iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "<i2", ">i2", "<i4", ">i4", "<u4", "<i8", ">i8", "<u8"]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_labels_of_every_integer_type_and_arrays_of_both_orders_are_read(tmp_path, dtype, order):
    content = packed(x=member(np.array(X, order=order)), y=member(Y.astype(dtype)))
    (tmp_path / "a.npz").write_bytes(content)
    data = load_npz(tmp_path / "a.npz")
    assert np.array_equal((data.images * 255).round().byte().numpy(), X)
    assert data.labels.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "labels",
    [Y.astype(np.float64), Y.astype(np.float16), Y[:, None], np.eye(10, dtype=np.uint8)[Y]],
    ids=["whole floats", "short floats", "a column", "one-hot"],
)
def test_whole_labels_of_other_plain_forms_are_read(tmp_path, labels):
    (tmp_path / "a.npz").write_bytes(packed(x=member(X), y=member(labels)))
    assert load_npz(tmp_path / "a.npz").labels.tolist() == Y.tolist()


def jpegs():
    for i, image in enumerate(X):
        buffer = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "JPEG", progressive=i == 1)
        yield buffer.getvalue()


FILES = list(jpegs())
PACK = {"offsets": member(np.cumsum([0, *map(len, FILES)])), "y": member(Y)}
PACKED = packed(jpeg=member(np.frombuffer(b"".join(FILES), np.uint8)), **PACK)


@pytest.mark.parametrize("kind", ["x and y", "jpeg", "bytes of a JPEG"])
def test_flipped_bits_are_refused_in_a_line_or_do_no_harm(tmp_path, kind):
    rng, path = random.Random(kind), tmp_path / "a.npz"  # noqa: S311
    for _ in range(300):
        content = bytearray({"x and y": GOOD, "jpeg": PACKED}.get(kind, b"".join(FILES)))
        for _ in range(rng.choice([1, 1, 4])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        if kind == "bytes of a JPEG":
            jpeg = member(np.frombuffer(bytes(content), np.uint8))
            content = bytearray(packed(jpeg=jpeg, **PACK))
        path.write_bytes(content)
        try:
            data = load_npz(path)
        except InputError as error:
            assert str(error).isprintable()  # noqa: PT017
        else:
            assert data.labels.tolist() == Y.tolist()
            assert data.images.shape == X.shape
