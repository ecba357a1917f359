"""What every probe finds in a few fixed cases, by the version of its algorithm.

``python tests/benchmark/golden/cases.py`` records the versions that have no entry yet, and with
``--again`` records every probe anew, for changes that rename outcomes or scores.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import benchmark
from benchmark.batteries import Battery
from benchmark.datasets import Dataset, load_dataset
from benchmark.datasets.frequencies import frequencies_of
from benchmark.datasets.tokenizer import SPECIAL
from benchmark.probes import PROBES
from benchmark.results import ProbeResult
from models_zoo import load_model

FILE = Path(__file__).parent / "digits.json"
MODEL = "digits/mlp-pgd-at"
N_EXAMPLES = 16

MAX_DIFFERING = 1
"""Examples per outcome that may differ, because processors round differently."""

RELATIVE_TOLERANCE = 0.02
"""Relative difference of scores that is allowed; shares may differ by one example as well."""

TABLES: dict[str, dict[str, Any]] = {
    "clean": {},
    "checks": {"eps": 0.2, "examples": 16, "steps": 5},
    "input": {
        "linf": [0.1, 0.2],
        "l2": [0.6],
        "headline_linf": 0.2,
        "headline_l2": 0.6,
        "effort": "quick",
    },
    "input-autoattack": {"eps": 0.25},
    "weight": {"radii": [0.03], "headline": 0.03, "steps": 4, "random_draws": 2},
    "joint": {
        "linf": [0.1],
        "radii": [0.03],
        "headline_linf": 0.1,
        "headline_radius": 0.03,
    },
    "backdoor": {
        "budgets": [0.8],
        "headline": 0.8,
        "triggers": [{"kind": "patch", "size": 3}],
        "steps": 20,
        "bisections": 1,
    },
    "flatness": {
        "eps": 0.1,
        "average_radii": [0.25],
        "worst_radii": [0.05],
        "draws": 2,
        "restarts": 1,
        "epochs": 1,
        "input_steps": 2,
        "measure_examples": 8,
    },
    "matched-flatness": {"confidences": [0.5]},
    "intrinsic": {"linf": [0.2], "headline": 0.2, "steps": 5, "restarts": 1},
    "bits": {
        "rates": [0.01],
        "headline_rate": 0.01,
        "patterns": 4,
        "flips": 4,
        "headline_flips": 2,
        "search_examples": 16,
        "top": 4,
        "draws": 2,
    },
    "backdoor-sparse": {
        "counts": [1, 2],
        "storages": ["weights-unbounded", "float32-bits"],
        "triggers": [{"kind": "patch", "size": 2}],
        "trigger_steps": 10,
        "starts": 1,
        "shortlist": 4,
        "deep_steps": 1,
    },
    "distance": {"linf": 0.5, "l2": 1.5, "headline_linf": 0.2, "precision": 0.1, "rungs": 5},
    "corruptions": {"resamples": 200},
    "concepts": {"images": 12, "directions": 12, "seeds": 4, "averaged": 2},
    "randomized": {"eps": 0.2, "effort": "quick", "draws": 20},
    "detection": {
        "eps": 0.2,
        "dataset": "digits",
        "train_images": 200,
        "validation_images": 500,
        "epochs": 30,
        "components": 5,
        "likelihood_temperature": 8,
        "confidences": [0, 2],
        "steps": 15,
        "searches": 2,
        "attacked": 8,
        "adaptive_steps": 10,
    },
    "regional": {
        "centre_edges": [5],
        "random_pixels": [25],
        "steps": 40,
        "step": "1/40",
        "examples": 8,
    },
}
"""Settings that cost little and leave some examples robust and others not."""

OF_TEXTS: dict[str, dict[str, Any]] = {
    "text-backdoor": {
        "budgets": [0.8],
        "headline": 0.8,
        "rules": ["all", "no-embedding"],
        "triggers": ["phrase"],
        "steps": 20,
        "bisections": 1,
        "draws": 2,
    },
    "text-backdoor-sparse": {
        "counts": [1, 2],
        "storages": ["weights-unbounded", "float32-bits"],
        "triggers": ["unseen"],
        "shortlist": 4,
        "deep_steps": 1,
        "first_look": 2,
    },
}
"""The same for probes that take token ids alone, with other examples and another model."""

OF_METHODS: dict[str, dict[str, Any]] = {
    "anomaly": {
        "pairs": [[0, 2]],
        "contaminations": [0.0, 0.1],
        "collapse_at": 0.1,
        "seeds": 2,
        "normals": 40,
        "hidden": 16,
        "epochs": 12,
    },
}
"""The same for probes that train a method, whose examples are of all classes."""

TEXT_MODEL = "movies/encoder-2-standard"
METHOD, N_FOR_METHODS = "digits/anomaly-aae-rejecting", 200

Recorded = dict[str, dict[str, Any]]
"""The outcomes of a probe as strings of 0 and 1, and its scores with n and unit, by name."""


def run(probes: Sequence[str] = (*TABLES, *OF_TEXTS, *OF_METHODS)) -> dict[str, Recorded]:
    """What probes find now, at one thread.

    Args:
        probes: which of :data:`TABLES`, :data:`OF_TEXTS` and :data:`OF_METHODS`.
    """
    of_images = [name for name in probes if name in TABLES]
    of_texts = [name for name in probes if name in OF_TEXTS]
    images = load_dataset("digits").head(N_EXAMPLES)
    found = found_by(of_images, TABLES, MODEL, images) if of_images else {}
    of_methods = [name for name in probes if name in OF_METHODS]
    if of_methods:
        whole = load_dataset("digits").head(N_FOR_METHODS)
        found |= found_by(of_methods, OF_METHODS, METHOD, whole)
    texts = movies_like(N_EXAMPLES)
    return found | (found_by(of_texts, OF_TEXTS, TEXT_MODEL, texts) if of_texts else {})


def found_by(
    probes: Sequence[str], tables: dict[str, dict[str, Any]], name: str, data: Dataset
) -> dict[str, Recorded]:
    """What some probes find on a model and examples, at one thread."""
    battery = Battery.model_validate(
        {
            "name": "golden-v1",
            "dataset": data.name,
            "description": "Every probe with little effort.",
            "default": tuple(tables),
            "probes": tables,
        }
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = load_model(name)
        report = benchmark.evaluate(model, data.images, data.labels, battery, probes, seed=0)
    finally:
        torch.set_num_threads(threads)
    return {name: recorded(report.results[name]) for name in probes}


def movies_like(count: int) -> Dataset:
    """Made-up texts of the words of ``movies`` for its models, labeled 0 and 1 in turn."""
    words = frequencies_of("movies").words
    generator = torch.Generator().manual_seed(2)
    ids = torch.randint(30, 3000, (count, 48), generator=generator)
    sizes = torch.randint(5, 40, (count, 1), generator=generator)
    ids[:, 0] = SPECIAL.index("<cls>")
    ids = torch.where(torch.arange(48) < sizes, ids, 0)
    return Dataset("movies", "test", ids, torch.arange(count) % 2, 2, words)


def recorded(result: ProbeResult) -> Recorded:
    """The part of an answer that belongs to its algorithm."""
    specs = PROBES[result.probe].scores
    return {
        "outcomes": {
            name: "".join(str(int(bit)) for bit in bits) for name, bits in result.outcomes.items()
        },
        "scores": {
            name: {"value": score.value, "n": score.n, "unit": specs[name].unit}
            for name, score in result.scores.items()
        },
    }


def load() -> dict[str, dict[str, Recorded]]:
    """Entries by probe and by version, as text."""
    entries: dict[str, dict[str, Recorded]] = json.loads(FILE.read_text("utf-8"))
    return entries


def problem(probe: str, found: Recorded, entries: dict[str, dict[str, Recorded]]) -> str | None:
    """Why what a probe found does not belong to the version it has; ``None`` where it does.

    Args:
        probe: its name.
        found: what it found now.
        entries: what each version found, as :func:`load` gives them.
    """
    version = str(PROBES[probe].algorithm)
    if version not in entries.get(probe, {}):
        return (
            f"algorithm {version} of the probe {probe} has no entry in {FILE.name}: record it with "
            "`python tests/benchmark/golden/cases.py`, and commit the file with the change"
        )
    found_differences = differences(found, entries[probe][version])
    if not found_differences:
        return None
    return (
        f"the probe {probe} gives other numbers than its algorithm {version}: "
        f"{'; '.join(found_differences)}. If that is meant, raise `algorithm` of its class and "
        "record the new version with `python tests/benchmark/golden/cases.py`"
    )


def differences(found: Recorded, stored: Recorded) -> list[str]:
    """Outcomes and scores that differ by more than processors do."""
    lines = [
        f"{part} {sorted(found[part])} in place of {sorted(stored[part])}"
        for part in ("outcomes", "scores")
        if set(found[part]) != set(stored[part])
    ]
    for name in found["outcomes"].keys() & stored["outcomes"].keys():
        now, then = found["outcomes"][name], stored["outcomes"][name]
        differing = sum(a != b for a, b in zip(now, then, strict=False))
        if len(now) != len(then) or differing > MAX_DIFFERING:
            lines.append(f"outcome {name} {now} in place of {then}")
    for name in found["scores"].keys() & stored["scores"].keys():
        now, then = found["scores"][name], stored["scores"][name]
        if now["n"] != then["n"] or not _alike(now["value"], then["value"], then):
            lines.append(f"score {name} {now['value']:.6g} in place of {then['value']:.6g}")
    return sorted(lines)


def _alike(now: float, then: float, score: dict[str, Any]) -> bool:
    if math.isnan(now) or math.isnan(then):
        return math.isnan(now) and math.isnan(then)
    one_example = MAX_DIFFERING / N_EXAMPLES if score["unit"] == "share" else 0.0
    if math.isinf(now) or math.isinf(then):
        return now == then
    return abs(now - then) <= one_example + RELATIVE_TOLERANCE * abs(then) + 1e-6


def record(*, again: bool = False) -> list[str]:
    """Record what the probes find now, and return the names of those that were recorded.

    Args:
        again: also where the version has an entry.
    """
    entries = load() if FILE.exists() else {}
    missing = [
        name
        for name in (*TABLES, *OF_TEXTS, *OF_METHODS)
        if again or str(PROBES[name].algorithm) not in entries.get(name, {})
    ]
    for name, found in (run(missing) if missing else {}).items():
        entries.setdefault(name, {})[str(PROBES[name].algorithm)] = found
    FILE.write_text(json.dumps(entries, indent=1) + "\n", "utf-8")
    return missing


if __name__ == "__main__":
    print("recorded:", ", ".join(record(again="--again" in sys.argv)) or "nothing is missing")
