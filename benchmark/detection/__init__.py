"""Detection of adversarial images: MagNet, detectors of mutual information, and their rates."""

from benchmark.detection.adaptive import defeat_in_ball, defence_violation
from benchmark.detection.clean_images import CleanImages, clean_images, require_image_set
from benchmark.detection.defence import (
    Detectors,
    Examined,
    Generators,
    Training,
    trained_generators,
)
from benchmark.detection.rates import rate_at
from benchmark.detection.thresholds import (
    Thresholds,
    combined,
    rejected,
    require_images,
    total_rate_thresholds,
)

__all__ = [
    "CleanImages",
    "Detectors",
    "Examined",
    "Generators",
    "Thresholds",
    "Training",
    "clean_images",
    "combined",
    "defeat_in_ball",
    "defence_violation",
    "rate_at",
    "rejected",
    "require_image_set",
    "require_images",
    "total_rate_thresholds",
    "trained_generators",
]
