"""Every Eval Ever: one JSON object per model, by version 0.3.0 of the schema.

The schema is ``eval.schema.json`` of https://github.com/evaleval/every_eval_ever.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from benchmark.results import Score
from leaderboard.exports.headlines import (
    Headline,
    data_name,
    headlines,
    raised_flags,
    xml_text,
)
from leaderboard.store import Entry

SCHEMA_VERSION = "0.3.0"

_PUBLIC = ("bundled", "installed", "downloaded", "robustbench", "torchvision", "timm", "hf-hub")
_OF_OTHERS = ("robustbench", "torchvision", "timm", "hf-hub", "submitted")
"""Sources of models with public weights, and of models by third parties."""

_LIMITS: dict[str, tuple[float | str, float | str]] = {
    "share": (0, 1),
    "nats": (0, "Infinity"),
    "radius": (0, "Infinity"),
    "count": (0, "Infinity"),
}


def every_eval_ever(
    entries: Sequence[Entry], source_url: str | None = None, organization: str = "unknown"
) -> str:
    """All headline scores of a model as an object that follows the schema.

    The same results give the same text: its time is that of the newest result.

    Args:
        entries: all of one model, at least one.
        source_url: where the results are published.
        organization: whose results these are.
    """
    card = entries[0].card
    newest = max((entry.provenance for entry in entries), key=lambda where: where.created)
    moment = str(int(datetime.fromisoformat(newest.created).timestamp()))
    source = {"source_organization_url": source_url} if source_url else {}
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"nonsingular/{card.name}/{moment}",
        "evaluation_timestamp": newest.created,
        "retrieved_timestamp": moment,
        "source_metadata": {
            "source_name": "nonsingular leaderboard",
            "source_type": "evaluation_run",
            "source_organization_name": organization,
            **source,
            "evaluator_relationship": "third_party" if card.source in _OF_OTHERS else "other",
        },
        "eval_library": {
            "name": "nonsingular",
            "version": newest.versions.get("nonsingular", "unknown"),
            "additional_details": newest.versions,
        },
        "model_info": {
            "name": card.name,
            "id": card.name,
            "inference_engine": {"name": "torch", "version": newest.versions.get("torch", "")},
            "additional_details": {
                "deployment_type": "self_deployed",
                "model_availability": "open_weights" if card.source in _PUBLIC else "unknown",
                "architecture": card.architecture,
                "recipe": card.recipe,
                "fingerprint": newest.fingerprint,
            },
        },
        "evaluation_results": [result for entry in entries for result in _results(entry)],
    }
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return xml_text(text) + "\n"


def _results(entry: Entry) -> list[dict[str, Any]]:
    where = entry.provenance
    data = _source_data(entry)
    flags = raised_flags(entry)
    remarks = {"raised_flags": ", ".join(flags)} if flags else {}
    run = f"{where.battery_sha256}/{where.data_sha256}/{where.seed}"
    return [
        {
            "evaluation_result_id": f"{run}/{headline.key}",
            "evaluation_name": where.battery,
            "source_data": data,
            "evaluation_timestamp": entry.provenances.get(headline.probe, where).created,
            "metric_config": _metric(headline),
            "score_details": {
                "score": headline.score.value,
                "details": {
                    "battery_sha256": where.battery_sha256,
                    "seed": str(where.seed),
                    "device": where.device,
                    **remarks,
                },
                "uncertainty": _uncertainty(headline.score),
            },
        }
        for headline in headlines(entry.answers, entry.battery)
    ]


def _source_data(entry: Entry) -> dict[str, Any]:
    """The images, by hash, since they may not be those of the data set on the Hub."""
    where = entry.provenance
    return {
        "dataset_name": data_name(entry),
        "source_type": "other",
        "additional_details": {
            "split": where.split,
            "examples": str(where.examples),
            "sha256": where.data_sha256,
            **({} if where.own_data is None else {"own_data": str(where.own_data).lower()}),
        },
    }


def _metric(headline: Headline) -> dict[str, Any]:
    spec = headline.spec
    least, most = _LIMITS.get(spec.unit, ("-Infinity", "Infinity"))
    return {
        "evaluation_description": spec.description,
        "metric_id": "accuracy" if headline.is_clean_accuracy else f"nonsingular.{headline.key}",
        "metric_name": headline.title,
        "metric_kind": "accuracy" if "accuracy" in headline.key else headline.key,
        "metric_unit": "proportion" if spec.unit == "share" else spec.unit or "points",
        "lower_is_better": spec.higher_is_better is False,
        "score_type": "continuous",
        "min_score": least,
        "max_score": most,
    }


def _uncertainty(score: Score) -> dict[str, Any]:
    if score.interval is None:
        return {"num_samples": score.n}
    low, high = score.interval
    interval = {"lower": low, "upper": high, "confidence_level": 0.95}
    return {"num_samples": score.n, "confidence_interval": interval}
