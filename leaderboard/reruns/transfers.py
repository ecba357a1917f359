"""Attacking a stored model with the adversarial images of related models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch

from benchmark.attacks.inputs import attack_by_transfer
from benchmark.counterexamples import ATTACKED, Counterexample, counterexample_of
from benchmark.datasets import Dataset
from benchmark.results import Outcomes
from benchmark.subject import subject_of
from benchmark.threats import InputThreat
from leaderboard.reruns.reproduction import require_same
from leaderboard.store import Entry
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError


@dataclass(frozen=True)
class Transferred:
    """What transfer found at one budget.

    Attributes:
        threat: the balls.
        claimed: number of examples that all stored results say to be robust.
        broken: how many of these fall here or fell at a smaller budget of the norm.
        example: those that fall here first; ``None`` if there are none.
    """

    threat: InputThreat
    claimed: int
    broken: int
    example: Counterexample | None


def transferred(
    entry: Entry,
    model: Classifier,
    data: Dataset,
    surrogates: Sequence[Classifier],
    *,
    device: str = "cpu",
) -> Iterator[Transferred]:
    """Attack by transfer at every budget on images of stored results, norm by norm, ascending.

    Args:
        entry: the stored results.
        model: their model.
        data: their examples.
        surrogates: related models.
        device: where to compute.

    Raises:
        InputError: no result is about attacks on images, a surrogate is the model itself or takes
            other images, or model and examples are not those of the results.
    """
    claims = _claims(entry)
    require_same(entry, model, data)
    for each in surrogates:
        if each.fingerprint == model.fingerprint:
            raise InputError(
                f"--surrogate {shown(each.card.name)} is the attacked model itself; name another"
            )
    where = entry.provenance
    with subject_of(*(model, data.images, data.labels), seed=where.seed, device=device) as subject:
        for _, threats in groupby(claims, key=lambda threat: threat.norm):
            broken = torch.zeros_like(subject.labels, dtype=torch.bool)
            for threat in threats:
                claimed = torch.from_numpy(claims[threat]).to(broken.device)
                found = attack_by_transfer(subject, threat, surrogates, claimed & ~broken)
                new = claimed & ~broken & subject.correct() & ~found.robust
                broken |= new
                example = None
                if new.any():
                    example = counterexample_of(
                        found,
                        subject.images,
                        fingerprint=where.fingerprint,
                        data_sha256=where.data_sha256,
                    )
                counts = int(claimed.sum()), int((claimed & broken).sum())
                yield Transferred(threat, *counts, example)


def _claims(entry: Entry) -> dict[InputThreat, Outcomes]:
    """Bool (N,) by threat on images: for which examples all stored results say robust.

    Raises:
        InputError: no result is about such a threat.
    """
    found: dict[InputThreat, Outcomes] = {}
    for result in entry.results.values():
        for name, kind in result.outcome_kinds.items():
            threat = kind.threat
            if kind.role in ATTACKED and isinstance(threat, InputThreat):
                bits = result.outcomes[name]
                found[threat] = found[threat] & bits if threat in found else bits
    if not found:
        raise InputError(
            f"no stored result of {shown(entry.card.name)} is about attacks on images; score it "
            "with the probe 'input' first"
        )
    return dict(sorted(found.items(), key=lambda item: (item[0].norm, float(item[0].eps))))
