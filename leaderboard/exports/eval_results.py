"""Hugging Face evaluation results: entries of a model repository's ``.eval_results/*.yaml``.

The Hub shows them on the model's page and on the leaderboard of the benchmark's data set, which has
to be registered there with an ``eval.yaml`` that lists its tasks
(https://huggingface.co/docs/hub/eval-results). A task here is named ``<battery>.<probe>.<score>``.
"""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.exports.headlines import Headline, headlines, raised_flags, xml_text
from leaderboard.exports.model_index import SOURCE, yaml_text
from leaderboard.formatting.texts import interval
from leaderboard.store import Entry
from models_zoo.errors import InputError


def eval_results(entries: Sequence[Entry], benchmark: str, source_url: str | None = None) -> str:
    """The text of a file for the folder ``.eval_results``: one entry per headline score.

    Only results on the data set's own test images are included. ``verifyToken`` is set by Hugging
    Face.

    Args:
        entries: all of one model.
        benchmark: the data set on the Hub that the results count for, ``owner/name``.
        source_url: where the results are published.

    Raises:
        InputError: the installed huggingface_hub does not know the format, or nothing was measured
            on test images.
    """
    try:
        from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
    except ImportError as error:
        raise InputError(
            "the format eval-results needs huggingface_hub 1.4 or newer; "
            "run: pip install --upgrade huggingface_hub"
        ) from error
    results = [
        EvalResultEntry(
            dataset_id=benchmark,
            task_id=xml_text(f"{entry.provenance.battery}.{headline.key}"),
            value=headline.score.value,
            date=entry.provenance.created,
            notes=_notes(entry, headline),
            source_url=source_url,
            source_name=SOURCE if source_url else None,
        )
        for entry in entries
        if not (entry.on_training_data or entry.on_own_data)
        for headline in headlines(entry.answers, entry.battery)
    ]
    if not results:
        raise InputError(
            f"{entries[0].card.name} has no headline score on test images of a battery's data set; "
            "run nonsingular bench without --split train, and with its own images in --data"
        )
    return yaml_text(eval_result_entries_to_yaml(results))


def _notes(entry: Entry, headline: Headline) -> str:
    """The settings that must agree for two values to be comparable, on one line."""
    where = entry.provenance
    notes = [
        f"{headline.title}, {headline.spec.unit or 'no unit'}",
        f"{where.examples} {where.split} {entry.card.inputs.noun}s (sha256 {where.data_sha256})",
        f"battery sha256 {where.battery_sha256}",
        f"seed {where.seed}",
    ]
    if ends := interval(headline.score, headline.spec.unit):
        notes.append(f"95% interval {ends}{'%' * (headline.spec.unit == 'share')}")
    if flags := raised_flags(entry):
        notes.append(f"raised flags: {', '.join(flags)}")
    return xml_text("; ".join(notes))
