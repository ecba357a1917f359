"""What the scores of the probe mean: one set for each storage and family of triggers."""

from __future__ import annotations

from benchmark.probes.probe import share
from benchmark.results import ScoreSpec

FAMILIES = {
    "fixed": ("fixed trigger", "with one of the battery's fixed triggers"),
    "pixels": ("optimized pixels", "with optimized pixels in a capped share of the image"),
    "noise": ("optimized noise", "with optimized noise in a capped linf ball"),
}
"""Families of triggers: in a heading, and in a sentence."""

STORED = {
    "weights": ("weights", "changed weights, each within the largest value of its tensor,"),
    "weights-unbounded": ("weights, any value", "changed weights of any finite value"),
    "float32-bits": ("float32 bits", "flipped bits of weights in float32"),
    "int8-bits": ("int8 bits", "flipped bits of weights in 8 bits"),
}
"""Storages: in a heading, and in a sentence."""

AT_ONE = {"float32-bits": "", "int8-bits": "int8_"}
"""Storages whose backdoors of one change have scores, and what their names begin with."""


def smallest_name(storage: str, family: str) -> str:
    """Name of the score with the smallest number, such as ``smallest_float32_bits_fixed``."""
    return f"smallest_{storage.replace('-', '_')}_{family}"


def specs() -> dict[str, ScoreSpec]:
    """What every score of the probe means."""
    found: dict[str, ScoreSpec] = {}
    for storage, prefix in AT_ONE.items():
        for family in FAMILIES:
            found |= _at_one(storage, family, prefix)
    for storage in STORED:
        for family in FAMILIES:
            found[smallest_name(storage, family)] = _smallest(storage, family)
    return found


def _smallest(storage: str, family: str) -> ScoreSpec:
    (short, changed), (kind, triggers) = STORED[storage], FAMILIES[family]
    return ScoreSpec(
        label=f"Smallest k: {short}, {kind}",
        description=f"Smallest number found of {changed} that give the required success (90% "
        f"unless the battery says otherwise) for at most the allowed drop of clean accuracy (1 "
        f"point) {triggers}, on the selection and on the measured split; 0 if the trigger alone "
        "does, infinite if the battery's largest number is not enough.",
        unit="count",
        higher_is_better=True,
        interval="search",
    )


def _at_one(storage: str, family: str, prefix: str) -> dict[str, ScoreSpec]:
    kind, triggers = FAMILIES[family]
    bit = "int8 bit" if prefix else "bit"
    one = "one flipped bit of a weight in " + ("8 bits" if prefix else "float32")
    return {
        f"{prefix}success_{family}": share(
            f"One {bit}: success, {kind}",
            f"Share of stamped images of other classes that are classified as the target class "
            f"after at most {one}, {triggers}; on images that were used neither to find nor to "
            "select it.",
            headline=not prefix and family == "pixels",
            up=False,
        ),
        f"{prefix}trigger_alone_{family}": share(
            f"One {bit}: trigger alone, {kind}",
            "The same share of the same trigger with the untouched weights: what is an adversarial "
            "patch or a universal perturbation without any backdoor.",
            up=False,
        ),
        f"{prefix}gain_{family}": ScoreSpec(
            label=f"One {bit}: gain, {kind}",
            description="Success of this backdoor less that of its trigger alone.",
            unit="share",
            higher_is_better=False,
            headline=not prefix and family == "pixels",
            interval="paired",
        ),
        f"{prefix}clean_accuracy_{family}": share(
            f"One {bit}: clean, {kind}",
            "Accuracy on clean images with this backdoor, on the same split.",
        ),
        f"{prefix}clean_drop_{family}": ScoreSpec(
            label=f"One {bit}: clean drop, {kind}",
            description="Decrease of clean accuracy by this backdoor. Adversaries want it to be "
            "small.",
            unit="share",
            higher_is_better=None,
            interval="paired",
        ),
    }
