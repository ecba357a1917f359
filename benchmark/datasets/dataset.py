"""Labeled images or texts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.inputs import Images, Inputs, Tokens, words_sha256


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labeled images, or texts as token ids, of one split, validated on construction.

    Attributes:
        name: the data set, such as ``"digits"``.
        split: ``"train"``, ``"test"``, or ``"file"`` for examples from a file.
        images: float32 (N, C, H, W) in [0, 1], N at least 1; or the token ids of texts, int64 (N,
            L), from 0 to below the number of ``words``.
        labels: int64 (N,), from 0 to ``classes - 1``.
        classes: number of classes.
        words: of texts, the word of each token id; empty for images.

    Raises:
        InputError: a shape, type or value is not as stated.
    """

    name: str
    split: str
    images: Tensor
    labels: Tensor
    classes: int
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if self.words:
            self._require_ids()
        elif images.ndim != 4 or images.dtype != torch.float32 or images.numel() == 0:
            raise self._broken(
                f"images must be float32 (N, C, H, W) and not empty, "
                f"got {images.dtype} {tuple(images.shape)}"
            )
        if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
            raise self._broken(
                f"labels must be int64, one for each of {len(images)} {self._examples}, "
                f"got {labels.dtype} {tuple(labels.shape)}"
            )
        low, high = float(images.min()), float(images.max())
        if not self.words and not (low >= 0 and high <= 1):
            raise self._broken(f"images must lie in [0, 1], got values from {low} to {high}")
        first, last = int(labels.min()), int(labels.max())
        if first < 0 or last >= self.classes:
            raise self._broken(
                f"labels must be from 0 to {self.classes - 1}, got {first} to {last}"
            )

    def _require_ids(self) -> None:
        ids = self.images
        if ids.ndim != 2 or ids.dtype != torch.int64 or ids.numel() == 0:
            raise self._broken(
                f"token ids must be int64 (N, L) and not empty, got {ids.dtype} {tuple(ids.shape)}"
            )
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= len(self.words):
            raise self._broken(
                f"token ids must be from 0 to {len(self.words) - 1}, the last word of the "
                f"vocabulary, got {low} to {high}"
            )

    @property
    def _examples(self) -> str:
        return "texts" if self.words else "images"

    def _broken(self, reason: str) -> InputError:
        return InputError(f"data set {self.name!r}: {reason}")

    def __repr__(self) -> str:
        """Name, split, sizes and classes, on one line."""
        return (
            f"Dataset({shown(self.name)}, {self.split!r}, examples={len(self)}, "
            f"shape={self.input_shape}, classes={self.classes})"
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """An image (C, H, W) or text (L,), and its label; so a ``DataLoader`` takes the data."""
        return self.images[index], self.labels[index]

    @property
    def inputs(self) -> Inputs:
        """What a model of these examples takes."""
        if self.words:
            return Tokens(
                length=self.images.shape[1],
                vocabulary=len(self.words),
                words_sha256=words_sha256(self.words),
            )
        channels, height, width = self.images.shape[1:]
        return Images(shape=(channels, height, width))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, height, width) of an image, or (length,) of a text."""
        return tuple(self.images.shape[1:])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image, for what takes images only.

        Raises:
            InputError: these are texts.
        """
        inputs = self.inputs
        if isinstance(inputs, Tokens):
            raise self._broken("images are needed here, and these are texts (token ids)")
        return inputs.shape

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over the shapes and bytes of images and labels."""
        return examples_sha256(self.images, self.labels)

    def head(self, n: int) -> Dataset:
        """The first ``n`` examples.

        Raises:
            InputError: ``n`` is not between 1 and the number of examples.
        """
        if not 1 <= n <= len(self):
            raise InputError(f"asked for {n} examples of {self.name!r}; give 1 to {len(self)}")
        return replace(self, images=self.images[:n], labels=self.labels[:n])


def examples_sha256(images: Tensor, labels: Tensor) -> str:
    """SHA-256 over the shapes and bytes of images (N, C, H, W) or texts (N, L), and labels."""
    digest = hashlib.sha256()
    for tensor in (images, labels):
        digest.update(f"{tuple(tensor.shape)}|".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
