"""Image files of every kind: right pixels, or one line with the file's name."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from benchmark.datasets import images as decoding
from benchmark.datasets.images import read_image
from models_zoo import InputError
from models_zoo.preprocessing import Preprocessing

PREPARATION = Preprocessing(resize=16, crop=12)


def chunk(kind, content):
    whole = kind + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


def png(width, height, *more, data=b""):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), *more, chunk(b"IDAT", data), chunk(b"IEND", b"")]
    )


def save(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def sixteen(value):
    return save(Image.fromarray(np.full((20, 24), value, np.uint16)))


def palette():
    image = Image.new("P", (24, 20), 3)
    image.putpalette([0, 0, 0] * 3 + [10, 20, 30])
    return image


FRAMES = [Image.new("RGB", (24, 20), colour) for colour in ((9, 8, 7), (200, 200, 200))]
ORIENTED = Image.Exif()
ORIENTED[0x0112] = 6

SEEN = {
    "rgb": (save(Image.new("RGB", (24, 20), (10, 20, 30))), (10, 20, 30)),
    "grey": (save(Image.new("L", (24, 20), 51)), (51, 51, 51)),
    "bilevel": (save(Image.new("1", (24, 20), 1)), (255, 255, 255)),
    "grey with alpha": (save(Image.new("LA", (24, 20), (51, 0))), (51, 51, 51)),
    "alpha": (save(Image.new("RGBA", (24, 20), (10, 20, 30, 0))), (10, 20, 30)),
    "palette": (save(palette()), (10, 20, 30)),
    "16 bit, bright": (sixteen(51 * 257), (51, 51, 51)),
    "16 bit, dark": (sixteen(200), (0, 0, 0)),
    "16 bit, white": (sixteen(65535), (255, 255, 255)),
    "cmyk": (save(Image.new("CMYK", (24, 20), (255, 0, 0, 0)), "JPEG", quality=100), (0, 255, 255)),
    "cmyk, dark": (save(Image.new("CMYK", (24, 20), (0, 0, 0, 204)), "JPEG"), (51, 51, 51)),
    "grey jpeg": (save(Image.new("L", (24, 20), 51), "JPEG", quality=100), (51, 51, 51)),
    "progressive": (save(Image.new("RGB", (24, 20), 0), "JPEG", progressive=True), (0, 0, 0)),
    "animated": (save(FRAMES[0], save_all=True, append_images=FRAMES[1:]), (9, 8, 7)),
    "several pictures": (
        save(Image.new("L", (24, 20), 51), "MPO", save_all=True, append_images=FRAMES, quality=99),
        (51, 51, 51),
    ),
    "one pixel": (save(Image.new("RGB", (1, 1), (10, 20, 30))), (10, 20, 30)),
    "oriented": (
        save(Image.new("RGB", (24, 20), (10, 20, 30)), exif=ORIENTED.tobytes()),
        (10, 20, 30),
    ),
}


@pytest.mark.parametrize("kind", SEEN)
def test_every_mode_is_read_as_its_colours(tmp_path, kind):
    content, colour = SEEN[kind]
    (tmp_path / "a.JPEG").write_bytes(content)
    pixels = read_image(tmp_path / "a.JPEG", PREPARATION)
    assert (pixels.shape, pixels.dtype) == ((3, 12, 12), torch.uint8)
    assert (pixels.int() - torch.tensor(colour).view(3, 1, 1)).abs().max() <= 1


RGB = save(Image.fromarray(np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8)))
JPEG = save(Image.open(io.BytesIO(RGB)), "JPEG")

REFUSED = {
    "nothing": b"",
    "text": b"not an image",
    "page": b"<html>404</html>",
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "zeros": bytes(5000),
    "half a png": RGB[: len(RGB) // 2],
    "half a jpeg": JPEG[: len(JPEG) // 2],
    "header only": JPEG[:20],
    "gif": save(FRAMES[0], "GIF"),
    "bmp": save(FRAMES[0], "BMP"),
    "tiff": save(FRAMES[0], "TIFF"),
    "postscript": save(FRAMES[0], "EPS"),
    "bomb": png(60_000, 60_000, data=zlib.compress(bytes(1000))),
    "large": png(12_000, 12_000, data=zlib.compress(bytes(1000))),
    "strip": save(Image.new("L", (500_000, 1))),
    "text bomb": png(2, 2, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(90_000_000)))),
    "broken data": png(2, 2, data=b"no zlib stream"),
    "broken checksum": RGB[:40] + b"\xff" + RGB[41:],
    "no pixels": png(0, 0),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_whole_image_is_refused_by_its_name(tmp_path, kind):
    (tmp_path / "a.JPEG").write_bytes(REFUSED[kind])
    with pytest.raises(InputError, match=r"a\.JPEG is not a readable JPEG or PNG") as refusal:
        read_image(tmp_path / "a.JPEG", PREPARATION)
    assert "\n" not in str(refusal.value)


def test_a_process_that_allows_truncated_images_does_not_get_grey_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    for kind in ("half a jpeg", "bomb"):
        (tmp_path / "a.JPEG").write_bytes(REFUSED[kind])
        with pytest.raises(InputError):
            read_image(tmp_path / "a.JPEG", PREPARATION)
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_limit_of_the_process_is_said_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    (tmp_path / "a.png").write_bytes(RGB)
    with pytest.raises(InputError, match="exceeds limit"):
        read_image(tmp_path / "a.png", PREPARATION)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"b\.png is not a readable"):
        read_image(tmp_path / "b.png", PREPARATION)


@pytest.mark.parametrize("squash", [False, True])
def test_a_squashed_image_is_whole(tmp_path, squash):
    image = Image.new("RGB", (40, 20))
    image.paste((255, 255, 255), (0, 0, 4, 20))  # cropped away where the sides keep their ratio
    image.save(tmp_path / "a.png")
    preparation = Preprocessing(resize=20, crop=20, squash=squash, interpolation="nearest")
    assert bool(read_image(tmp_path / "a.png", preparation).any()) == squash


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box"])
def test_pixels_are_pillow_s_own_resizing(tmp_path, interpolation):
    (tmp_path / "a.png").write_bytes(RGB)
    method = Image.Resampling[interpolation.upper()]
    with Image.open(tmp_path / "a.png") as image:
        expected = np.asarray(image.convert("RGB").resize((33, 33), method))[4:29, 4:29]
    preparation = Preprocessing(resize=33, crop=25, interpolation=interpolation)
    found = read_image(tmp_path / "a.png", preparation).permute(1, 2, 0).numpy()
    assert np.array_equal(found, expected)
    assert decoding.MAX_PIXELS >= 10_000_000
