"""ImageNet's folders: nothing is decoded that was not asked for."""

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.datasets import imagenet, load_dataset
from models_zoo import InputError

GREYS = {"n01440764": 40, "n01443537": 120, "n02099601": 200}


def lay(root, per_class=6, size=(300, 260)):
    """Class folders of plain grey images, a grey a class."""
    for name, grey in GREYS.items():
        folder = root / "imagenet" / "val" / name
        folder.mkdir(parents=True)
        for i in range(per_class):
            Image.new("RGB", size, (grey,) * 3).save(folder / f"{name}_{i}.JPEG", quality=95)
    return root


def test_a_head_is_spread_over_the_classes_and_labelled_by_wordnet_id(tmp_path):
    data = load_dataset("imagenet", data_root=lay(tmp_path), examples=9)
    assert data.images.shape == (9, 3, 224, 224)
    assert set(data.labels.tolist()) == {0, 1, 207}
    greys = torch.tensor([{0: 40, 1: 120, 207: 200}[label] for label in data.labels.tolist()])
    assert (data.images.mean((1, 2, 3)) * 255 - greys).abs().max() < 2


def test_a_shorter_head_is_the_start_of_a_longer_one_wherever_it_lies(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    longer = load_dataset("imagenet", data_root=lay(first))
    shorter = load_dataset("imagenet", data_root=lay(second), examples=7)
    assert longer.head(7).sha256 == shorter.sha256
    assert (len(longer), longer.classes) == (18, 1000)


def test_only_the_images_asked_for_are_opened(tmp_path):
    lay(tmp_path)
    chosen = imagenet._listing(tmp_path / "imagenet" / "val")
    for path, _ in chosen[4:]:
        path.write_bytes(b"broken")
    assert len(load_dataset("imagenet", data_root=tmp_path, examples=4)) == 4
    with pytest.raises(
        InputError, match=f"{chosen[4][0].name} is not a readable JPEG or PNG image"
    ):
        load_dataset("imagenet", data_root=tmp_path, examples=5)


def test_the_shorter_side_is_resized_to_256_and_the_centre_cropped(tmp_path):
    folder = tmp_path / "imagenet" / "train" / "n01440764"
    folder.mkdir(parents=True)
    pixels = np.zeros((512, 1024, 3), np.uint8)
    pixels[:, 288:736] = 255  # the middle 448 columns of 1024: after halving, the 224 that stay
    Image.fromarray(pixels).save(folder / "a.png")
    image = load_dataset("imagenet", "train", tmp_path).images[0]
    assert image.shape == (3, 224, 224)
    assert float(image[:, :, 2:-2].min()) == 1
    assert float(image.mean()) > 0.99


def test_grey_images_become_three_channels(tmp_path):
    folder = tmp_path / "imagenet" / "val" / "n01440764"
    folder.mkdir(parents=True)
    Image.new("L", (256, 256), 51).save(folder / "a.png")
    image = load_dataset("imagenet", data_root=tmp_path).images[0]
    assert torch.allclose(image, torch.full((3, 224, 224), 0.2))


def test_more_than_fit_are_not_taken_unasked(tmp_path, monkeypatch):
    monkeypatch.setattr(imagenet, "MAX_IMAGES", 17)
    with pytest.raises(InputError, match=r"has 18 images.*--examples"):
        load_dataset("imagenet", data_root=lay(tmp_path))
    with pytest.raises(InputError, match="asked for 19 examples of 'imagenet'; give 1 to 18"):
        load_dataset("imagenet", data_root=tmp_path, examples=19)


def test_where_images_go_is_said(tmp_path):
    with pytest.raises(InputError, match=r"imagenet/val and cannot be downloaded.*n01440764"):
        load_dataset("imagenet", data_root=tmp_path)
    (tmp_path / "imagenet" / "val" / "n01440764").mkdir(parents=True)
    with pytest.raises(InputError, match="hold no images"):
        load_dataset("imagenet", data_root=tmp_path)
