"""The published corrupted images: files laid out like the real ones, and damaged ones."""

import io

import numpy as np
import pytest
import torch
from numpy.lib.format import open_memmap

from benchmark import evaluate, load_battery
from benchmark.corruptions import CORRUPTIONS, VALIDATION
from benchmark.datasets import root
from benchmark.datasets.cifar_c import IMAGES, PER_SEVERITY, PUBLISHED, CifarC
from benchmark.probes.corruptions import CorruptionsProbe
from models_zoo.errors import InputError

N = 6
NAMES = (*CORRUPTIONS, *VALIDATION)
LABELS = np.arange(PER_SEVERITY) * 7 % 10


def write(folder, name, place):
    """A file of the real size, of which only the first images of each severity take up space."""
    array = open_memmap(folder / f"{name}.npy", mode="w+", dtype=np.uint8, shape=IMAGES)
    for severity in range(5):
        for image in range(N):
            array[severity * PER_SEVERITY + image] = level(place, severity + 1, image)
    array.flush()


def level(place, severity, image):
    return (place * 11 + severity * 23 + image * 40) % 256


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of data sets with CIFAR-10-C."""
    base = tmp_path_factory.mktemp("data")
    folder = base / "CIFAR-10-C"
    folder.mkdir()
    for place, name in enumerate(NAMES):
        write(folder, name, place)
    np.save(folder / "labels.npy", np.tile(LABELS, 5).astype(np.uint8))
    return base


@pytest.fixture(autouse=True)
def own_root(monkeypatch, tmp_path):
    monkeypatch.setattr(root, "_named", None)
    monkeypatch.setenv("NONSINGULAR_DATA", str(tmp_path / "nothing"))


class Level(torch.nn.Module):
    """Takes the tenth of the brightness as the class."""

    def forward(self, images):
        tenth = (images.mean((1, 2, 3)) * 9.999).long()
        return torch.nn.functional.one_hot(tenth, 10).float()


def examples(labels=LABELS):
    images = torch.zeros(N, 3, 32, 32)
    images[:, :, :16] = 1
    return images, torch.from_numpy(np.asarray(labels)[:N]).long()


def test_the_battery_reads_the_rows_of_each_severity(data):
    root.use_root(data)
    images, labels = examples()
    report = evaluate(Level(), images, labels, "cifar10-c-v1", ["corruptions"], batch_size=4)
    result = report.results["corruptions"]
    for place, name in enumerate(NAMES):
        for severity in range(1, 6):
            levels = np.array([level(place, severity, image) for image in range(N)])
            right = (levels / 255 * 9.999).astype(int) == LABELS[:N]
            assert np.array_equal(result.outcomes[f"{name}@{severity}"], right)
    assert result.protocol["images"] == "CIFAR-10-C"
    assert len(str(result.protocol["SHA-256 of the images"])) == 64
    assert len(CorruptionsProbe.thumbnails_of(result)) == len(result.thumbnails) == 95


def test_rows_of_one_severity_are_channels_first(data):
    files = CifarC(PUBLISHED["cifar10-c"], data)
    files.require(list(NAMES))
    found = files.images("fog", 3, 2, 3)
    assert found.shape == (3, 3, 32, 32)
    assert found[:, 0, 0, 0].tolist() == [level(NAMES.index("fog"), 3, i) for i in (2, 3, 4)]


def refused(labels=LABELS):
    images, found = examples(labels)
    with pytest.raises(InputError) as error:
        evaluate(Level(), images, found, "cifar10-c-v1", ["corruptions"])
    assert "\n" not in str(error.value)
    return str(error.value)


def test_without_files_it_says_where_they_must_be(tmp_path):
    said = refused()
    assert f"CIFAR-10-C is not (whole) in {tmp_path / 'nothing'}" in said
    assert "zenodo.org/records/2535967" in said
    assert "--data-root" in said


def test_other_examples_are_refused(data):
    root.use_root(data)
    assert "are not the first test images of cifar10" in refused(LABELS[1:])


def archive(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def array(values, **options):
    file = io.BytesIO()
    np.save(file, values, **options)
    return file.getvalue()


def declared(shape, dtype="'|u1'", data=b""):
    """A file whose header says more than it holds."""
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


BAD = {
    "objects": (array(np.array([{}], object), allow_pickle=True), "holds Python objects"),
    "too few": (array(np.zeros((10, 32, 32, 3), np.uint8)), "holds uint8 (10, 32, 32, 3)"),
    "floats": (declared(IMAGES, "'<f4'"), "holds float32"),
    "shorter": (declared(IMAGES, data=b"x"), "has 1 bytes of data instead of 153,600,000"),
    "huge": (declared((10**12, 32, 32, 3)), "holds uint8 (1000000000000, 32, 32, 3)"),
    "long header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "header of 4,294,967,295 bytes"),
    "no array": (b"hello" * 100, "is not a NumPy array"),
    "code": (declared("__import__('os').getpid()"), "cannot be read"),
    "archive": (archive(x=np.zeros(3)), "is not a NumPy array"),
    "empty": (b"", "is not a NumPy array"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_damaged_file_is_refused_in_one_line(data, tmp_path, kind):
    content, reason = BAD[kind]
    folder = tmp_path / "CIFAR-10-C"
    folder.mkdir()
    for path in (data / "CIFAR-10-C").iterdir():
        if path.name != "snow.npy":
            (folder / path.name).symlink_to(path)
    (folder / "snow.npy").write_bytes(content)
    root.use_root(tmp_path)
    said = refused()
    assert "snow.npy" in said
    assert reason in said


def test_damaged_labels_are_refused(data, tmp_path):
    folder = tmp_path / "CIFAR-10-C"
    folder.mkdir()
    for path in (data / "CIFAR-10-C").iterdir():
        if path.name != "labels.npy":
            (folder / path.name).symlink_to(path)
    np.save(folder / "labels.npy", LABELS)
    root.use_root(tmp_path)
    assert "labels.npy holds int64 (10000,)" in refused()


def test_both_batteries_are_about_published_files():
    for name, published in PUBLISHED.items():
        battery = load_battery(f"{name}-v1")
        assert battery.dataset == published.dataset
        assert battery.probes["corruptions"].model_dump()["images"] == name
