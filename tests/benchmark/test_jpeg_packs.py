"""Images packed as JPEG files in an .npz."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.datasets import load_npz
from models_zoo import InputError


def encoded(value, size=(6, 5), mode="RGB"):
    content = io.BytesIO()
    colour = value if mode == "L" else (value,) * 3
    Image.new(mode, size, colour).save(content, "JPEG", quality=95)
    return content.getvalue()


def pack(path, files, **changes):
    arrays = {
        "jpeg": np.frombuffer(b"".join(files), np.uint8),
        "offsets": np.cumsum([0, *map(len, files)]),
        "y": np.arange(len(files)),
    }
    arrays |= changes
    kept: dict = {key: value for key, value in arrays.items() if value is not None}
    np.savez(path, **kept)
    return path


FILES = [encoded(0), encoded(100), encoded(255)]


def test_a_pack_is_read_like_any_other_archive(tmp_path):
    data = load_npz(pack(tmp_path / "a.npz", FILES), name="mine")
    assert (data.name, data.split, data.input_shape) == ("mine", "file", (3, 5, 6))
    assert data.labels.tolist() == [0, 1, 2]
    greys = data.images.mean((1, 2, 3)) * 255
    assert torch.allclose(greys, torch.tensor([0.0, 100.0, 255.0]), atol=1)


def test_grey_images_keep_one_channel(tmp_path):
    files = [encoded(0, mode="L"), encoded(200, mode="L")]
    assert load_npz(pack(tmp_path / "a.npz", files)).input_shape == (1, 5, 6)


def test_the_shared_pack_shows_the_lossless_images(shared_data, tmp_path):
    """The pack is shuffled: three lossless training images are found by their nearest pixels."""
    with np.load(shared_data / "cifar10" / "train_50000_jpeg.npz", allow_pickle=False) as archive:
        content, cuts, labels = (archive[name] for name in ("jpeg", "offsets", "y"))
    assert (len(cuts), cuts[-1]) == (50_001, len(content))
    assert np.bincount(labels).tolist() == [5000] * 10
    rows = [*range(2000), 43986, 43780, 15262]  # where they are, among all of the pack
    files = [content[cuts[row] : cuts[row + 1]].tobytes() for row in rows]
    packed = load_npz(pack(tmp_path / "some.npz", files, y=labels[rows]))
    assert packed.images.shape == (2003, 3, 32, 32)
    lossless = load_npz(shared_data / "cifar10" / "train_4660.npz").head(3)
    thumbnails = torch.nn.functional.avg_pool2d(packed.images, 8).flatten(1)
    wanted = torch.nn.functional.avg_pool2d(lossless.images, 8).flatten(1)
    nearest = torch.cdist(wanted, thumbnails).argmin(1)
    assert (packed.images[nearest] - lossless.images).abs().mean() < 0.05
    assert torch.equal(packed.labels[nearest], lossless.labels)


JOINED = b"".join(FILES)
CUTS = np.cumsum([0, *map(len, FILES)])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"jpeg": None}, r"lacks 'jpeg' \(it has offsets, y\); give jpeg uint8"),
        ({"offsets": None}, "lacks 'offsets'"),
        ({"y": None}, "lacks 'y'"),
        ({"y": np.arange(2)}, "3 images but 2 labels"),
        ({"y": np.array([0, 1, 10])}, "0 to 9, got 0 to 10"),
        ({"y": np.arange(3.0) + 0.5}, "'y' is float64"),
        ({"offsets": CUTS.astype(np.int32)}, "'offsets' is int32"),
        ({"offsets": CUTS.reshape(2, 2)}, r"'offsets' is int64 with shape \(2, 2\)"),
        ({"offsets": CUTS[:1]}, "no images"),
        ({"offsets": CUTS + 1}, f"from 0 to the {len(JOINED)} bytes of 'jpeg', got 1 to"),
        ({"offsets": CUTS[:-1]}, f"got 0 to {CUTS[-2]}"),
        ({"offsets": CUTS[[0, 2, 1, 3]]}, "must ascend, got .* at image 1"),
        ({"offsets": CUTS[[0, 1, 1, 3]]}, "must ascend, got .* at image 1"),
        ({"offsets": CUTS - np.array([0, 9, 0, 0])}, r"image 0 \(bytes 0 to .*is not a readable"),
        ({"jpeg": np.frombuffer(JOINED, np.int8)}, "'jpeg' is int8"),
    ],
)
def test_broken_packs_are_refused(tmp_path, changes, reason):
    with pytest.raises(InputError, match=reason):
        load_npz(pack(tmp_path / "a.npz", FILES, **changes))


def test_broken_bytes_are_named_with_their_image(tmp_path):
    files = [FILES[0], b"not a JPEG", FILES[2]]
    with pytest.raises(InputError, match=r"image 1 \(bytes .*begins with b'not a JP'") as refusal:
        load_npz(pack(tmp_path / "a.npz", files))
    assert "\n" not in str(refusal.value)


def test_images_of_several_shapes_are_refused(tmp_path):
    files = [FILES[0], encoded(0, size=(5, 5))]
    with pytest.raises(InputError, match=r"image 1 has shape \(3, 5, 5\), the first one"):
        load_npz(pack(tmp_path / "a.npz", files))
