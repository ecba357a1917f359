"""Preprocessing of images of any size for a model, as in its authors' evaluation."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]


class Preprocessing(BaseModel):
    """Resizing and cropping, before the image is divided by 255 and passed to the model.

    It is not part of a threat model: perturbations are of the prepared images.

    Attributes:
        resize: pixels of the shorter side after resizing; the other keeps the aspect ratio.
        crop: side of the square cut out of the center, in pixels.
        interpolation: of the resizing, as Pillow computes it, always antialiased.
        squash: whether both sides are resized to ``resize``, whatever the aspect ratio.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    resize: int = Field(default=256, ge=1, le=10_000)
    crop: int = Field(default=224, ge=1, le=10_000)
    interpolation: Interpolation = "bilinear"
    squash: bool = False

    @classmethod
    def usual(cls, edge: int) -> Preprocessing:
        """ImageNet's for square images of a size: the shorter side 8 / 7 of the crop, bilinear."""
        return cls(resize=edge * 8 // 7, crop=edge)

    @property
    def text(self) -> str:
        """Such as ``shorter side resized to 256 (bilinear), centre 224 x 224 cropped``."""
        side = "both sides" if self.squash else "shorter side"
        return (
            f"{side} resized to {self.resize} ({self.interpolation}), "
            f"centre {self.crop} x {self.crop} cropped"
        )
