"""Data sets through torchvision, from tiny files laid out exactly as it expects the real ones."""

import hashlib
import pickle
import socket
import struct

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torchvision import datasets as torchvision_datasets

from benchmark.datasets import CLASSES, load_dataset
from benchmark.datasets.downloaded import LISTINGS
from models_zoo import InputError


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324 (torchvision's checksum)


def random_pixels(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def lay_cifar(root, monkeypatch, kind, labels_key, batches):
    """CIFAR's pickled batches; the checksums that torchvision holds become those of these files."""
    folder = root / kind.base_folder
    folder.mkdir()

    def lay(name, content):
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, md5(folder / name)]

    listed = {}
    for split in ("train", "test"):
        names = [name for name, _ in getattr(kind, f"{split}_list")]
        listed[split] = [
            lay(name, {"data": data, labels_key: labels})
            for name, (data, labels) in zip(names, batches[split], strict=True)
        ]
        monkeypatch.setattr(kind, f"{split}_list", listed[split])
    name, checksum = lay(kind.meta["filename"], {kind.meta["key"]: ["a", "b"]})
    monkeypatch.setattr(kind, "meta", kind.meta | {"filename": name, "md5": checksum})
    return folder


def lay_idx(root, kind, images, labels):
    folder = root / kind / "raw"
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        header = struct.pack(">iiii", 0x0803, *images.shape)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">ii", 0x0801, len(labels))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    return folder


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_args, **_options):
        raise OSError("no route to host")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_mnist_is_read_where_it_lies(shared_data):
    test = load_dataset("mnist", data_root=shared_data)
    assert (len(test), test.input_shape, test.classes) == (10_000, (1, 28, 28), 10)
    assert float(test.images.max()) == 1
    assert test.labels[:4].tolist() == [7, 2, 1, 0]


@pytest.mark.parametrize("split", ["train", "test"])
def test_cifar10_is_read_in_its_official_order(split, tmp_path, monkeypatch):
    pixels = random_pixels(12, 3 * 32 * 32)
    training = [(pixels[2 * i : 2 * i + 2], [i, i + 1]) for i in range(5)]
    batches = {"train": training, "test": [(pixels[10:], [3, 8])]}
    lay_cifar(tmp_path, monkeypatch, torchvision_datasets.CIFAR10, "labels", batches)
    data = load_dataset("cifar10", split, tmp_path)
    expected = pixels[:10] if split == "train" else pixels[10:]
    assert torch.equal(data.images * 255, torch.from_numpy(expected).view(-1, 3, 32, 32).float())
    labels = [0, 1, 1, 2, 2, 3, 3, 4, 4, 5] if split == "train" else [3, 8]
    assert (data.labels.tolist(), data.classes) == (labels, 10)


def test_cifar100_has_its_100_fine_labels(tmp_path, monkeypatch):
    pixels = random_pixels(4, 3 * 32 * 32)
    batches = {"train": [(pixels[:2], [99, 5])], "test": [(pixels[2:], [0, 98])]}
    lay_cifar(tmp_path, monkeypatch, torchvision_datasets.CIFAR100, "fine_labels", batches)
    train, test = (load_dataset("cifar100", split, tmp_path) for split in ("train", "test"))
    assert (train.labels.tolist(), test.labels.tolist()) == ([99, 5], [0, 98])
    assert (train.classes, test.name, test.split) == (100, "cifar100", "test")
    assert torch.equal(test.images.flatten(1) * 255, torch.from_numpy(pixels[2:]).float())


def test_fashion_mnist_is_read_from_its_own_folder(tmp_path):
    images, labels = random_pixels(3, 28, 28), np.array([9, 0, 4], np.uint8)
    lay_idx(tmp_path, "FashionMNIST", images, labels)
    test = load_dataset("fashion-mnist", data_root=tmp_path)
    assert torch.equal(test.images[:, 0] * 255, torch.from_numpy(images).float())
    assert (test.name, test.labels.tolist()) == ("fashion-mnist", [9, 0, 4])


@pytest.mark.parametrize("split", ["train", "test"])
def test_svhn_is_read_with_its_zero_as_class_0(split, tmp_path, monkeypatch):
    pixels = random_pixels(32, 32, 3, 3)
    file = tmp_path / f"{split}_32x32.mat"
    savemat(file, {"X": pixels, "y": np.array([[10], [1], [9]], np.uint8)})
    listed = dict(torchvision_datasets.SVHN.split_list)
    listed[split] = [*listed[split][:2], md5(file)]
    monkeypatch.setattr(torchvision_datasets.SVHN, "split_list", listed)
    data = load_dataset("svhn", split, tmp_path)
    assert data.labels.tolist() == [0, 1, 9]
    assert torch.equal(data.images[2, 1] * 255, torch.from_numpy(pixels[:, :, 1, 2]).float())


@pytest.mark.parametrize("name", sorted(LISTINGS))
def test_where_nothing_can_be_downloaded_the_message_says_what_was_tried_and_where_files_go(
    name, tmp_path, monkeypatch, no_network, capsys
):
    monkeypatch.setenv("NONSINGULAR_DATA", str(tmp_path))
    with pytest.raises(InputError) as refusal:
        load_dataset(name)
    message = str(refusal.value)
    for part in (repr(name), "no route to host", "http", LISTINGS[name].files, "--data-root"):
        assert part in message
    assert f"into {tmp_path}" in message
    assert "\n" not in message
    assert capsys.readouterr().out == ""


def test_a_damaged_file_is_not_read(tmp_path, monkeypatch, no_network):
    batches = {"train": [(random_pixels(2, 3072), [1, 2])], "test": [(random_pixels(1, 3072), [1])]}
    folder = lay_cifar(tmp_path, monkeypatch, torchvision_datasets.CIFAR100, "fine_labels", batches)
    assert len(load_dataset("cifar100", data_root=tmp_path)) == 1
    content = bytearray((folder / "test").read_bytes())
    content[100] ^= 1
    (folder / "test").write_bytes(content)
    with pytest.raises(InputError, match="is not \\(whole\\) in"):
        load_dataset("cifar100", data_root=tmp_path)


def test_a_truncated_idx_file_is_said(tmp_path, no_network):
    folder = lay_idx(tmp_path, "MNIST", random_pixels(3, 28, 28), np.zeros(3, np.uint8))
    file = folder / "t10k-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"'mnist' in .* cannot be read \(.*remove them"):
        load_dataset("mnist", data_root=tmp_path)


def test_the_head_of_any_data_set_can_be_asked_for(tmp_path):
    lay_idx(tmp_path, "MNIST", random_pixels(3, 28, 28), np.array([7, 2, 1], np.uint8))
    assert load_dataset("mnist", data_root=tmp_path, examples=2).labels.tolist() == [7, 2]
    assert len(load_dataset("digits", examples=5)) == 5
    with pytest.raises(InputError, match="give 1 to 3"):
        load_dataset("mnist", data_root=tmp_path, examples=4)


def test_the_classes_by_name_are_those_of_the_listings():
    listed = {name: listing.classes for name, listing in LISTINGS.items()}
    assert listed | {"digits": 10, "imagenet": 1000, "movies": 2, "spam": 2} == CLASSES


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


CIFAR = ("data_batch_1", "data_batch_2", "test_batch", "batches.meta")
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte")
LAYOUTS = {
    "half an archive": ("cifar10", {"cifar-10-python.tar.gz": b"\x1f\x8b half"}),
    "batches in the root": ("cifar10", dict.fromkeys(CIFAR, b"x")),
    "damaged batches": ("cifar10", {f"cifar-10-batches-py/{name}": b"junk" for name in CIFAR}),
    "a folder too deep": ("cifar10", {f"a/cifar-10-batches-py/{name}": b"x" for name in CIFAR}),
    "a file for a folder": ("cifar100", {"cifar-100-python": b"x"}),
    "the other data set": ("cifar100", {f"cifar-10-batches-py/{name}": b"x" for name in CIFAR}),
    "idx files in the root": ("mnist", dict.fromkeys(IDX, b"x")),
    "idx files that are none": ("mnist", {f"MNIST/raw/{name}": b"no idx" for name in IDX}),
    "half a gz": ("mnist", {f"MNIST/raw/{IDX[0]}.gz": b"\x1f\x8b"}),
    "empty files": ("fashion-mnist", {f"FashionMNIST/raw/{name}": b"" for name in IDX}),
    "a web page": ("svhn", {"test_32x32.mat": b"<html>404</html>"}),
    "half a mat": ("svhn", {"test_32x32.mat": b"MATLAB 5.0 MAT-file"}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_wrong_and_half_layouts_are_said_in_a_line_with_what_goes_where(
    tmp_path, no_network, layout
):
    name, files = LAYOUTS[layout]
    for path, content in files.items():
        write(tmp_path / path, content)
    with pytest.raises(InputError) as refusal:
        load_dataset(name, data_root=tmp_path)
    message = str(refusal.value)
    assert f"put {LISTINGS[name].files} into {tmp_path}" in message
    assert "--data-root" in message
    assert "\n" not in message


def test_a_root_that_is_a_file_is_said_in_a_line(tmp_path, no_network):
    write(tmp_path / "root", b"")
    for name in ("cifar10", "mnist", "svhn", "imagenet"):
        with pytest.raises(InputError, match="root") as refusal:
            load_dataset(name, data_root=tmp_path / "root")
        assert "\n" not in str(refusal.value)
