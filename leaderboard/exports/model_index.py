"""A Hugging Face model-index: results in the front matter of a model card.

The keys are those of https://github.com/huggingface/hub-docs/blob/main/modelcard.md and are written
by huggingface_hub's own classes. ``verified`` and ``verifyToken`` are set by Hugging Face.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from huggingface_hub import EvalResult
from huggingface_hub.repocard_data import eval_results_to_model_index

from leaderboard.exports.headlines import (
    DATA_SETS,
    Headline,
    data_name,
    headlines,
    raised_flags,
    xml_text,
)
from leaderboard.store import Entry

SOURCE = "nonsingular leaderboard"

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # five times as fast, not in every build


def model_index(entries: Sequence[Entry], source_url: str | None = None) -> str:
    """The front matter of a model card, as YAML between two lines of ``---``.

    Values keep the unit of the store: shares are from 0 to 1.

    Args:
        entries: all of one model, at least one.
        source_url: where the results are published.
    """
    results = [each for entry in entries for each in _results(entry, source_url)]
    index = eval_results_to_model_index(xml_text(entries[0].card.name), results)
    return f"---\n{yaml_text({'model-index': index})}---\n"


def yaml_text(content: Any) -> str:
    """A document of YAML, keys in the order they are given."""
    text: str = yaml.dump(content, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=1000)
    return text


def _results(entry: Entry, source_url: str | None) -> list[EvalResult]:
    dataset = str(entry.battery.get("dataset", entry.card.dataset))
    hub_id = None if entry.on_own_data else DATA_SETS.get(dataset, (dataset, None))[1]
    return [
        EvalResult(
            task_type="image-classification",
            task_name="Image Classification",
            dataset_type=hub_id or ("own" if entry.on_own_data else xml_text(dataset)),
            dataset_name=xml_text(data_name(entry)),
            dataset_split=entry.provenance.split,
            metric_type="accuracy" if headline.is_clean_accuracy else headline.key,
            metric_name=f"{headline.title} ({xml_text(entry.provenance.battery)})",
            metric_value=headline.score.value,
            metric_args=_circumstances(entry, headline),
            source_name=SOURCE if source_url else None,
            source_url=source_url,
        )
        for headline in headlines(entry.answers, entry.battery)
    ]


def _circumstances(entry: Entry, headline: Headline) -> dict[str, Any]:
    """The settings that must agree for two values to be comparable."""
    where = entry.provenance
    found: dict[str, Any] = {
        "score": headline.key,
        "battery": xml_text(where.battery),
        "battery_sha256": where.battery_sha256,
        "data_sha256": where.data_sha256,
        "examples": where.examples,
        **({} if where.own_data is None else {"own_data": where.own_data}),
        "seed": where.seed,
    }
    if headline.score.interval:
        found["interval_95"] = [*headline.score.interval]
    if flags := raised_flags(entry):
        found["flags"] = [xml_text(flag) for flag in flags]
    return found
