"""What the scores of the probe mean."""

from __future__ import annotations

from benchmark.probes.probe import share
from benchmark.results import ScoreSpec

_PLAIN = "plain logistic concept vectors (CAV-logistic, single), mean over seeds"


def _deviation(label: str, of: str) -> ScoreSpec:
    return ScoreSpec(
        label=label,
        description=f"Standard deviation over seeds of {of} of plain logistic concept vectors.",
        unit="",
        higher_is_better=False,
        interval="deviation",
    )


def _gain(label: str, description: str, *, up: bool = True) -> ScoreSpec:
    return ScoreSpec(
        label=label, description=description, unit="share", higher_is_better=up, interval="draws"
    )


def _ratio(label: str, description: str) -> ScoreSpec:
    return ScoreSpec(
        label=label, description=description, unit="", higher_is_better=False, interval="deviation"
    )


SCORES = {
    "recall_at_fpr": share(
        "Concept recall",
        f"Share of test images with the concept that are retrieved by {_PLAIN}, with the threshold "
        "at which at most the battery's share of images without it (5% unless it says otherwise) "
        "are retrieved as well. A classifier that retrieves everything, or nothing, has 0.",
        headline=True,
        interval="draws",
    ),
    "recall_at_fpr_deviation": _deviation(
        "Spread of concept recall", "recall at the battery's false-positive rate"
    ),
    "auroc": ScoreSpec(
        label="AUROC",
        description="Probability that a test image with the concept has a larger margin than one "
        f"without, for {_PLAIN}.",
        unit="",
        higher_is_better=True,
        interval="draws",
    ),
    "cosine": ScoreSpec(
        label="Cosine",
        description="Mean cosine between plain logistic concept vectors of two seeds, which differ "
        "in their negatives only.",
        unit="",
        higher_is_better=True,
        interval="pairs",
    ),
    "acav_gain": _gain(
        "A-CAV gain",
        "Recall at the battery's false-positive rate of the adversarial concept vector with the "
        "largest eps (A-CAV, reconstruction, single) less that of the plain one, "
        "paired over seeds.",
    ),
    "gs_spread": _ratio(
        "Gram-Schmidt spread",
        "Standard deviation over seeds of recall at the battery's false-positive rate with "
        "Gram-Schmidt negatives and averaged vectors (reconstruction), divided by that of the "
        "plain single vector: below 1, it scatters less. Read it with their gain.",
    ),
    "gs_gain": _gain(
        "Gram-Schmidt gain",
        "Recall at the battery's false-positive rate with Gram-Schmidt negatives and averaged "
        "vectors (reconstruction) less that of the plain single vector, paired over seeds.",
    ),
    "recall": share(
        "Recall, own threshold",
        "Effectiveness as Soni et al. define it: share of test images with the concept that the "
        f"classifier retrieves with its own threshold, for {_PLAIN}. A classifier that retrieves "
        "everything has 1: read it with the false positives.",
        interval="draws",
    ),
    "false_positives": share(
        "False positives, own threshold",
        "Share of test images without the concept that the classifier retrieves with its own "
        f"threshold, for {_PLAIN}.",
        up=False,
        interval="draws",
    ),
    "recall_deviation": _deviation(
        "Spread of recall, own threshold", "recall with the classifier's own threshold"
    ),
    "acav_recall_gain": _gain(
        "A-CAV gain, own threshold",
        "Recall with the classifier's own threshold of the adversarial vector less that of the "
        "plain one, paired over seeds: the gain that the source reports.",
    ),
    "acav_false_positive_gain": _gain(
        "A-CAV false positives, own threshold",
        "False positives with the classifier's own threshold of the adversarial vector less those "
        "of the plain one, paired over seeds: what the gain in recall costs.",
        up=False,
    ),
    "gs_recall_spread": _ratio(
        "Gram-Schmidt spread, own threshold",
        "Standard deviation over seeds of recall with the classifier's own threshold, with "
        "Gram-Schmidt negatives and averaged vectors, divided by that of the plain single vector: "
        "the comparison that the source reports. 0 if everything is retrieved with every seed.",
    ),
    "averaged_spread": _ratio(
        "Spread, averaged",
        "Standard deviation over seeds of recall at the battery's false-positive rate of averaged "
        "plain vectors, divided by that of single ones.",
    ),
    "tcav": share(
        "TCAV",
        "Share of test images with the concept whose own class's logit increases along the concept "
        f"vector, for {_PLAIN}. For concepts that no class has, such as textures and faces, it is "
        "the share of all evaluated images.",
        interval="draws",
    ).model_copy(update={"higher_is_better": None}),
    "tcav_deviation": _deviation("Spread of TCAV", "the TCAV score"),
    "control_tcav": share(
        "TCAV, control",
        "The TCAV score of vectors between negatives (strokes, for loops) and other negatives, "
        "which have no concept: 50% is expected.",
        interval="draws",
    ).model_copy(update={"higher_is_better": None}),
    "control_auroc": ScoreSpec(
        label="AUROC, control",
        description="AUROC of vectors between negatives (strokes, for loops) and other negatives: "
        "0.5 is expected.",
        unit="",
        higher_is_better=None,
        interval="draws",
    ),
}
"""By name, in the order of pages, which fold all but the first six."""
