"""What the scores of the probe mean."""

from __future__ import annotations

from benchmark.detection.defence import (
    MAX_SOFTMAX,
    MI,
    MI_RECONSTRUCTION,
    MI_VAE,
    RECONSTRUCTION,
    divergence_name,
)
from benchmark.probes.probe import share
from benchmark.results import ScoreSpec

AREAS = {
    MAX_SOFTMAX: ("auroc_max_softmax", "of the largest softmax probability, a baseline"),
    divergence_name(1): ("auroc_jsd_t1", "of the divergence at temperature 1, a baseline"),
    divergence_name(10): ("auroc_jsd_t10", "of the divergence at temperature 10"),
    divergence_name(40): ("auroc_jsd_t40", "of the divergence at temperature 40"),
    RECONSTRUCTION[0]: (
        "auroc_reconstruction_1",
        "of the squared reconstruction error of autoencoder I",
    ),
    RECONSTRUCTION[1]: (
        "auroc_reconstruction_2",
        "of the absolute reconstruction error of autoencoder II",
    ),
    MI: ("auroc_mi", "of the MI detector (our estimator) with PPCA by class"),
    MI_VAE: ("auroc_mi_vae", "of the MI detector (our estimator) with a conditional VAE"),
    MI_RECONSTRUCTION: (
        "auroc_mi_autoencoder",
        "of the MI detector conditional on an autoencoder, an ablation that is expected to fail",
    ),
}
"""Name and description of the area of each detector; those of other temperatures are in the
charts alone."""


def _gain(label: str, description: str, *, headline: bool = False, shares: bool) -> ScoreSpec:
    return ScoreSpec(
        label=label,
        description=description,
        unit="share",
        higher_is_better=True,
        headline=headline,
        interval="paired means" if shares else "paired",
    )


def _area(label: str, of: str) -> ScoreSpec:
    return ScoreSpec(
        label=f"AUROC {label}",
        description=f"Area under the ROC curve {of}: successful C&W and EAD images against the "
        "clean test images, on average over attacks and confidences.",
        unit="share",
        higher_is_better=True,
        interval="areas",
    )


SCORES = {
    "magnet_detection": share(
        "Detected (MagNet)",
        "Share of successful C&W and EAD images of all confidences that MagNet rejects, per "
        "attacked example and then on average, at the battery's total false-positive rate on clean "
        "validation images (1% unless it says otherwise). The attacks do not know the defence.",
        headline=True,
        interval="bounded",
    ),
    "mi_gain": _gain(
        "MI gain",
        "Increase of that share by the MI detector (our estimator), with thresholds at the same "
        "total false-positive rate and over the same images.",
        headline=True,
        shares=True,
    ),
    "adaptive_success": share(
        "Adaptive success",
        "Share of correctly classified examples for which an attack that knows the detectors and "
        "the reformer finds an image inside the linf ball that passes MagNet with the MI detector "
        "and whose reconstruction is misclassified.",
        headline=True,
        up=False,
    ),
    "oblivious_success": share(
        "Oblivious success",
        "The same share for the linf attack on the classifier alone.",
        up=False,
    ),
    "magnet_adaptive_success": share(
        "Adaptive success (MagNet)",
        "The same share for an attack that knows MagNet, without the MI detector.",
        up=False,
    ),
    "magnet_oblivious_success": share(
        "Oblivious success (MagNet)",
        "The same share for the linf attack on the classifier alone, without the MI detector.",
        up=False,
    ),
    "mi_detection": share(
        "Detected (MagNet + MI)",
        "The share of detected C&W and EAD images with the MI detector.",
        interval="bounded",
    ),
    "linf_detection": share(
        "Detected (linf)",
        "Share of the successful images of the linf attack that MagNet rejects.",
    ),
    "linf_mi_detection": share("Detected (linf, + MI)", "The same share with the MI detector."),
    "linf_mi_gain": _gain(
        "MI gain (linf)",
        "Increase of that share by the MI detector, at the same total false-positive rate.",
        shares=False,
    ),
    "linf_auroc": ScoreSpec(
        label="AUROC MagNet (linf)",
        description="Area under the ROC curve of MagNet's detectors together, by the largest rank "
        "among clean validation scores: successful images of the linf attack against the clean "
        "test images.",
        unit="share",
        higher_is_better=True,
        interval="areas",
    ),
    "false_positive_rate": share(
        "False positives",
        "Share of clean test images that MagNet rejects; the thresholds were set on validation "
        "images.",
        up=False,
    ),
    "mi_false_positive_rate": share(
        "False positives (+ MI)", "The same share with the MI detector.", up=False
    ),
    "clean_accuracy": share(
        "Clean, defended",
        "Share of clean test images that MagNet passes and whose reconstruction is classified "
        "correctly.",
    ),
    "mi_clean_accuracy": share("Clean, defended (+ MI)", "The same share with the MI detector."),
    "adaptive_l2_success": share(
        "Adaptive success, any size",
        "Share of correctly classified examples for which the C&W attack on the whole defence with "
        "the MI detector finds an image of any size.",
        up=False,
    ),
    "adaptive_l2": ScoreSpec(
        label="Adaptive l2",
        description="Median l2 length of the perturbations that defeat the whole defence; infinite "
        "if fewer than half of the examples are defeated.",
        unit="radius",
        higher_is_better=True,
        interval="median",
    ),
    "oblivious_l2": ScoreSpec(
        label="C&W l2",
        description="Median l2 length of the C&W perturbations at the smallest confidence, on the "
        "classifier alone; infinite if fewer than half are misclassified.",
        unit="radius",
        higher_is_better=True,
        interval="median",
    ),
    **{name: _area(detector, of) for detector, (name, of) in AREAS.items()},
}
"""By name, in the order of pages."""
