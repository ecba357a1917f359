"""Data sets by name and examples from files."""

import os

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from benchmark.datasets import Dataset, load_dataset, load_npz
from models_zoo import InputError


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


def archive(tmp_path, x=None, y=None):
    return write(
        tmp_path / "a.npz",
        x=np.zeros((4, 3, 5, 6), np.uint8) if x is None else x,
        y=np.arange(4) if y is None else y,
    )


def test_digits_are_split_in_1197_and_600_that_share_nothing():
    train, test = load_dataset("digits", "train"), load_dataset("digits")
    assert (len(train), len(test)) == (1197, 600)
    assert train.input_shape == test.input_shape == (1, 8, 8)
    seen = {image.numpy().tobytes() for image in train.images}
    assert not [image for image in test.images if image.numpy().tobytes() in seen]


def test_digits_are_the_same_every_time_and_stratified():
    test = load_dataset("digits")
    assert test.sha256 == load_dataset("digits").sha256
    assert test.sha256 != load_dataset("digits", "train").sha256
    assert set(test.labels.bincount().tolist()) <= {58, 59, 60, 61, 62}


@pytest.mark.parametrize("split", ["train", "test"])
def test_digits_are_those_that_scikit_learn_reads_and_splits(split):
    digits = load_digits()
    parts = train_test_split(
        digits.images, digits.target, test_size=600, stratify=digits.target, random_state=0
    )
    images, labels = parts[split == "test" :: 2]
    found = load_dataset("digits", split)
    assert torch.equal(found.images, torch.from_numpy(images / 16.0).float().unsqueeze(1))
    assert found.labels.tolist() == labels.tolist()


def test_digits_are_loaded_without_importing_scikit_learn(forks):
    code = (
        "import sys; from benchmark.datasets import load_dataset; load_dataset('digits');"
        "print({'sklearn', 'scipy.stats', 'torch._dynamo'} & sys.modules.keys())"
    )
    assert forks.run(code=code).stdout == "set()\n"


def test_any_head_of_digits_holds_every_class():
    assert len(load_dataset("digits").head(60).labels.unique()) == 10


@pytest.mark.parametrize("n", [0, -1, 601])
def test_a_head_of_an_impossible_size_is_refused(n):
    with pytest.raises(InputError, match="give 1 to 600"):
        load_dataset("digits").head(n)


def test_the_hash_depends_on_images_labels_and_shape():
    images, labels = torch.zeros(4, 1, 2, 2), torch.tensor([0, 1, 2, 3])
    base = Dataset("a", "test", images, labels, 10)
    changed = images.clone()
    changed[3, 0, 1, 1] = 0.5
    others = [
        Dataset("a", "test", changed, labels, 10),
        Dataset("a", "test", images, labels.flip(0), 10),
        Dataset("a", "test", images.reshape(4, 1, 1, 4), labels, 10),
        base.head(3),
    ]
    assert base.sha256 == Dataset("b", "train", images.clone(), labels.clone(), 7).sha256
    assert len({base.sha256, *(other.sha256 for other in others)}) == 5


@pytest.mark.parametrize(
    ("images", "labels", "reason"),
    [
        (torch.zeros(2, 8, 8), torch.zeros(2).long(), r"float32 \(N, C, H, W\)"),
        (torch.zeros(2, 1, 2, 2).double(), torch.zeros(2).long(), "float64"),
        (torch.zeros(0, 1, 2, 2), torch.zeros(0).long(), "not empty"),
        (torch.zeros(2, 1, 2, 2), torch.zeros(3).long(), "one for each of 2"),
        (torch.zeros(2, 1, 2, 2), torch.zeros(2), "int64"),
        (torch.full((2, 1, 2, 2), 1.5), torch.zeros(2).long(), r"\[0, 1\]"),
        (torch.full((2, 1, 2, 2), torch.nan), torch.zeros(2).long(), r"\[0, 1\]"),
        (torch.zeros(2, 1, 2, 2), torch.tensor([0, 3]), "0 to 2"),
        (torch.zeros(2, 1, 2, 2), torch.tensor([-1, 0]), "0 to 2"),
    ],
)
def test_a_data_set_is_checked_when_made(images, labels, reason):
    with pytest.raises(InputError, match=reason):
        Dataset("a", "test", images, labels, 3)


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(InputError, match="did you mean 'digits'"):
        load_dataset("digit")
    with pytest.raises(InputError, match="unknown split 'validation'"):
        load_dataset("digits", "validation")


def test_an_npz_is_read_as_values_of_255(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 6), dtype=np.uint8)
    data = load_npz(archive(tmp_path, x=x), name="mine")
    assert (data.name, data.split, data.input_shape) == ("mine", "file", (3, 5, 6))
    assert torch.equal(data.images, torch.from_numpy(x).float() / 255)
    assert data.labels.tolist() == [0, 1, 2, 3]


def test_the_shared_cifar10_images_are_read(shared_data):
    data = load_npz(shared_data / "cifar10" / "test_846.npz", name="cifar10")
    assert (len(data), data.input_shape) == (846, (3, 32, 32))
    assert data.labels[:4].tolist() == [3, 8, 8, 0]


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.zeros((4, 3, 5, 6), np.float32), None, "'x' is float32"),
        (np.zeros((4, 5, 6), np.uint8), None, r"'x' is uint8 with shape \(4, 5, 6\)"),
        (np.zeros((4, 5, 6, 3), np.uint8), None, r"\(N, H, W, C\): give \(N, C, H, W\)"),
        (None, np.arange(3), "4 images but 3 labels"),
        (None, np.array([0, 1, 2, 10]), "0 to 9, got 0 to 10"),
        (None, np.array([-1, 1, 2, 3]), "0 to 9, got -1 to 3"),
        (np.zeros((0, 3, 5, 6), np.uint8), np.zeros(0, np.int64), "no images"),
        (np.zeros((4, 3, 0, 6), np.uint8), None, "no images"),
    ],
)
def test_arrays_that_are_not_as_stated_are_refused(tmp_path, x, y, reason):
    with pytest.raises(InputError, match=reason):
        load_npz(archive(tmp_path, x, y))


def test_object_arrays_are_refused_and_not_unpickled(tmp_path):
    witness = tmp_path / "witness"

    class Creates:
        def __reduce__(self):
            return os.system, (f"touch {witness}",)

    y = np.empty(4, dtype=object)
    y[0] = Creates()
    with pytest.raises(InputError, match="not a readable"):
        load_npz(archive(tmp_path, y=y))
    assert not witness.exists()


def test_what_is_not_such_an_archive_is_said(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_npz(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(InputError, match="not a readable"):
        load_npz(tmp_path / "text.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(InputError, match="single array"):
        load_npz(tmp_path / "single.npy")
    with pytest.raises(InputError, match=r"lacks 'y' \(it has x, z\)"):
        load_npz(write(tmp_path / "b.npz", x=np.zeros(1), z=np.zeros(1)))
    content = archive(tmp_path).read_bytes()
    (tmp_path / "a.npz").write_bytes(content[:-30])
    with pytest.raises(InputError, match="not a readable"):
        load_npz(tmp_path / "a.npz")
