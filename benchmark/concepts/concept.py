"""Concepts: where the images that have one, their negatives and the test images come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate

from benchmark.concepts.images import Shape, loops, strokes
from benchmark.concepts.photographs import labeled_faces, photograph

ConceptName = Literal["loops", "brick", "grass", "gravel", "faces"]

TILE = 128
"""Side of the tiles of a texture, in pixels; every other one is for testing."""

TEST_CROPS = 128
"""Largest number of test images with the texture, and of those without."""

MAX_FACES = 80
"""Faces of 100 that vectors may be trained on; the others are for testing."""

CROP_SIDES = (32, 128)
"""Smallest and largest side of the crops beside faces, in pixels, before they are resized."""

CROPPED = ("coffee.png", "motorcycle_left.png")
"""Photographs without a face."""


@dataclass(frozen=True)
class LabeledImages:
    """Test images of a concept of which no data set has labels.

    Attributes:
        images: float32 (N, C, H, W) in [0, 1].
        has: bool (N,), which have the concept.
    """

    images: Tensor
    has: Tensor


class Concept(ABC):
    """A concept: its images, images without it, and test images.

    Attributes:
        negatives_are: what its negatives are, in one or two words.
        pictures: names of the rows of its images and its negatives on pages.
        by_class: whether test images with the concept are those of some classes of the data set.
            Those of others are the concept's own.
        files: photographs that its images are from, see :mod:`benchmark.concepts.photographs`.
    """

    negatives_are: ClassVar[str] = "negatives"
    pictures: ClassVar[tuple[str, str]] = ("images_of_the_concept", "negatives")
    by_class: ClassVar[bool] = False
    files: ClassVar[tuple[str, ...]] = ()

    def obstacle(self, count: int, shape: Shape) -> str | None:
        """The reason why it has too few images, or none of a shape, in one line.

        Args:
            count: number of images that vectors are trained on.
            shape: of an image.
        """
        return None

    @abstractmethod
    def images(self, count: int, shape: Shape, generator: Generator) -> Tensor:
        """Images of the concept that vectors are trained on, float32 (count, C, H, W) in [0, 1]."""

    @abstractmethod
    def negatives(self, count: int, shape: Shape, generator: Generator) -> Tensor:
        """Images without the concept, float32 (count, C, H, W) in [0, 1]."""

    def test_images(self, count: int, shape: Shape) -> LabeledImages | None:
        """The concept's own test images, none of whose pixels is in an image for training.

        Args:
            count: number of images that vectors are trained on.
            shape: of an image.

        Returns:
            ``None`` for a concept that the data set's classes have.
        """
        return None


class Loops(Concept):
    """Drawn loops, against drawn strokes, in test images of the classes that have one."""

    negatives_are = "strokes"
    pictures = ("drawn_images_of_the_concept", "drawn_negatives")
    by_class = True

    def images(self, count: int, shape: Shape, generator: Generator) -> Tensor:
        """Soft ellipses."""
        return loops(count, shape, generator)

    def negatives(self, count: int, shape: Shape, generator: Generator) -> Tensor:
        """Soft straight lines."""
        return strokes(count, shape, generator)


TEXTURES = ("brick", "grass", "gravel")


@dataclass(frozen=True)
class Texture(Concept):
    """Crops of a photograph of one texture, against crops of the two others.

    The photographs, of 512 x 512 pixels, are cut into tiles like a chessboard. Crops do not cross
    tiles: those of dark tiles are for training, and those of light ones for testing. Crops have the
    size of the model's images, so that the texture has the same scale whatever the model.

    Attributes:
        name: one of :data:`TEXTURES`.
    """

    name: str
    files: ClassVar[tuple[str, ...]] = tuple(f"{name}.png" for name in TEXTURES)

    @property
    def others(self) -> tuple[str, ...]:
        """The textures of the negatives."""
        return tuple(each for each in TEXTURES if each != self.name)

    def obstacle(self, count: int, shape: Shape) -> str | None:
        """Crops must fit in a tile."""
        if max(shape[1:]) <= TILE:
            return None
        return (
            f"textures have crops of at most {TILE} x {TILE} pixels, and the images have "
            f"{shape[1]} x {shape[2]}; use the concept faces"
        )

    @cached_property
    def _tiles(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Tiles (n, TILE, TILE) for training and for testing, by texture."""
        return {name: _tiles_of(photograph(f"{name}.png")) for name in TEXTURES}

    def images(self, count: int, shape: Shape, generator: Generator) -> Tensor:
        """Crops of the texture at random places."""
        return _in_channels(_crops(self._tiles[self.name][0], count, shape, generator), shape)

    def negatives(self, count: int, shape: Shape, generator: Generator) -> Tensor:
        """Crops of the two others at random places, as many of each."""
        tiles = torch.stack([self._tiles[name][0] for name in self.others], dim=1)
        return _in_channels(_crops(tiles.flatten(0, 1), count, shape, generator), shape)

    def test_images(self, count: int, shape: Shape) -> LabeledImages:
        """Crops side by side, which do not overlap, evenly spread if there are too many."""
        parts = [_grid(self._tiles[self.name][1], shape, TEST_CROPS)]
        parts += [
            _grid(self._tiles[name][1], shape, TEST_CROPS // len(self.others))
            for name in self.others
        ]
        images = torch.cat(parts)
        return LabeledImages(_in_channels(images, shape), torch.arange(len(images)) < len(parts[0]))


class Faces(Concept):
    """Faces of 100 photographs, against crops of photographs without a face.

    Test images are the faces that are not among the first ones, which vectors are trained on, and
    all background images of the same data set, of which none is trained on.
    """

    files = ("lfw_subset.npy", *CROPPED)

    def obstacle(self, count: int, shape: Shape) -> str | None:
        """Some faces must be left for testing."""
        if count <= MAX_FACES:
            return None
        return (
            f"concepts.images is {count}, and some of the 100 faces must be left for testing; use "
            f"at most {MAX_FACES}"
        )

    @cached_property
    def _faces(self) -> tuple[Tensor, Tensor]:
        return labeled_faces()

    @cached_property
    def _photographs(self) -> list[Tensor]:
        return [photograph(name) for name in CROPPED]

    def images(self, count: int, shape: Shape, generator: Generator) -> Tensor:
        """The first faces, in the order of the file, which is random."""
        return _in_channels(_resized(self._faces[0][:count], shape), shape)

    def negatives(self, count: int, shape: Shape, generator: Generator) -> Tensor:
        """Square crops of random place and size."""
        low, high = CROP_SIDES
        sides = torch.randint(low, high + 1, (count,), generator=generator).tolist()
        found = []
        for number, side in enumerate(sides):
            whole = self._photographs[number % len(CROPPED)]
            crop = _crops(whole[None], 1, (1, side, side), generator)
            found.append(_resized(crop, shape))
        return _in_channels(torch.cat(found), shape)

    def test_images(self, count: int, shape: Shape) -> LabeledImages:
        """The other faces, and the background."""
        faces, background = self._faces
        images = torch.cat([faces[count:], background])
        has = torch.arange(len(images)) < len(faces) - count
        return LabeledImages(_in_channels(_resized(images, shape), shape), has)


def concept_of(name: ConceptName) -> Concept:
    """A concept by its name."""
    if name == "loops":
        return Loops()
    return Faces() if name == "faces" else Texture(name)


def _tiles_of(whole: Tensor) -> tuple[Tensor, Tensor]:
    """The dark and the light tiles of a photograph (H, W), (n, TILE, TILE) each."""
    tiles = whole.unfold(0, TILE, TILE).unfold(1, TILE, TILE)
    rows, columns = tiles.shape[:2]
    dark = (torch.arange(rows)[:, None] + torch.arange(columns)) % 2 == 0
    return tiles[dark], tiles[~dark]


def _crops(tiles: Tensor, count: int, shape: Shape, generator: Generator) -> Tensor:
    """Crops (count, h, w) at random places of tiles (n, H, W), of one tile after the other."""
    _, height, width = shape
    tops, lefts = (
        torch.randint(whole - part + 1, (count,), generator=generator).tolist()
        for whole, part in zip(tiles.shape[1:], (height, width), strict=True)
    )
    return torch.stack(
        [
            tiles[number % len(tiles), y : y + height, x : x + width]
            for number, (y, x) in enumerate(zip(tops, lefts, strict=True))
        ]
    )


def _grid(tiles: Tensor, shape: Shape, most: int) -> Tensor:
    """Crops (n, h, w) of tiles that lie side by side, evenly chosen if there are too many."""
    _, height, width = shape
    every = tiles.unfold(1, height, height).unfold(2, width, width).flatten(0, 2)
    chosen = torch.linspace(0, len(every) - 1, min(most, len(every))).round().long()
    return every[chosen]


def _resized(images: Tensor, shape: Shape) -> Tensor:
    """Images (n, h, w) in the size of a shape."""
    found = interpolate(
        images[:, None], shape[1:], mode="bilinear", align_corners=False, antialias=True
    )
    return found[:, 0].clamp(0, 1)


def _in_channels(images: Tensor, shape: Shape) -> Tensor:
    """Gray images (n, h, w) as (n, C, h, w), with the same values in all channels."""
    return images[:, None].repeat(1, shape[0], 1, 1)
