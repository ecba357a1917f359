"""Arrays of an archive in the forms in which people have them: taken, or one line with a hint."""

import numpy as np
import pytest
import torch

from benchmark.datasets import load_npz
from models_zoo import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 6), dtype=np.uint8)
LABELS = np.array([3, 0, 9, 1])


def archive(tmp_path, x=PIXELS, y=LABELS):
    np.savez(tmp_path / "a.npz", x=x, y=y)
    return tmp_path / "a.npz"


@pytest.mark.parametrize(
    "y",
    [
        *(LABELS.astype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)),
        LABELS.astype(">i4"),
        LABELS.astype(np.float16),
        LABELS.astype(np.float32),
        LABELS.astype(np.float64),
        LABELS[:, None],
        LABELS[:, None].astype(np.int32),
        np.eye(10, dtype=np.int64)[LABELS],
        np.eye(10, dtype=np.float32)[LABELS],
        np.eye(10, dtype=bool)[LABELS],
        np.asfortranarray(np.eye(10)[LABELS]),
        LABELS[::-1].copy()[::-1],
    ],
    ids=lambda y: f"{y.dtype.str}{y.shape}",
)
def test_labels_are_taken_in_every_plain_form(tmp_path, y):
    data = load_npz(archive(tmp_path, y=y))
    assert data.labels.dtype == torch.int64
    assert data.labels.tolist() == LABELS.tolist()


def test_truth_values_are_classes_0_and_1(tmp_path):
    data = load_npz(archive(tmp_path, y=np.array([True, False, True, True])), classes=2)
    assert data.labels.tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        (LABELS + 0.5, "not whole numbers"),
        (np.full(4, np.nan), "not whole numbers"),
        (np.full(4, np.inf), "which is not a class"),
        (np.full(4, 1e300), "which is not a class"),
        (np.full(4, 2**63, np.uint64), "which is not a class"),
        (np.random.default_rng(0).random((4, 10)), r"y\.argmax\(1\)"),
        (LABELS.astype(str), "whole numbers from 0"),
        (LABELS.astype(complex), "whole numbers from 0"),
        (LABELS.astype("datetime64[s]"), "whole numbers from 0"),
        (LABELS.reshape(2, 2), "neither one label per image nor one-hot"),
        (np.zeros((4, 10)), "neither one label per image nor one-hot"),
        (np.ones((4, 10)), "neither one label per image nor one-hot"),
        (LABELS.reshape(4, 1, 1), "neither one label per image nor one-hot"),
        (np.int64(3), "neither one label per image nor one-hot"),
        (np.zeros(0, np.int64), "4 images but 0 labels"),
        (np.arange(1, 11)[[0, 9, 3, 4]], "count them from 0, y - 1"),
        (np.array([0, 1, 2, 10]), "0 to 9, got 0 to 10"),
    ],
)
def test_what_is_no_label_is_refused_in_a_line(tmp_path, y, reason):
    with pytest.raises(InputError, match=reason) as refusal:
        load_npz(archive(tmp_path, y=y))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("x", "hint"),
    [
        (PIXELS / np.float32(255), r"\(x \* 255\)\.round"),
        (PIXELS.astype(np.float64), r"x\.round\(\)\.astype"),
        (PIXELS.astype(np.float16) - 128, r"x\.round\(\)\.astype"),
        (PIXELS.astype(np.int64), r"x\.astype\('uint8'\)"),
        (PIXELS.astype(np.int32), r"x\.astype\('uint8'\)"),
        (PIXELS > 100, r"x\.astype\('uint8'\)"),
        (PIXELS.transpose(0, 2, 3, 1), r"x\.transpose\(0, 3, 1, 2\)"),
        (PIXELS[:, :1].transpose(0, 2, 3, 1), r"x\.transpose\(0, 3, 1, 2\)"),
        (PIXELS.transpose(0, 2, 3, 1) / 255, r"255\)\.round.*transpose\(0, 3, 1, 2\)"),
        (PIXELS[:, 0], r"x\[:, None\]"),
        (PIXELS.reshape(4, -1), "reshape"),
        (PIXELS[0, 0, 0], "give x uint8"),
        (PIXELS.astype(str), "give x uint8"),
        (PIXELS[:0], "no images"),
        (PIXELS[..., :0], "no images"),
    ],
)
def test_images_of_another_form_are_refused_with_what_to_do(tmp_path, x, hint):
    with pytest.raises(InputError, match=hint) as refusal:
        load_npz(archive(tmp_path, x=x))
    assert "\n" not in str(refusal.value)
    assert "give x uint8 (N, C, H, W)" in str(refusal.value)
