"""How little of an image must change, and whether such examples carry over between models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmark.attacks.regional import RegionalAttack, attack_regions, draw_aims
from benchmark.attacks.regions import Kind, Shape
from benchmark.budgets import Budget
from benchmark.measures.regional import NORMS, Tally
from benchmark.probes.probe import Probe, as_outcomes, refusal, share
from benchmark.probes.regional.pictures import region_curves, region_line
from benchmark.probes.regional.settings import RegionalSettings
from benchmark.probes.regional.surrogates import load_peers, require_peers
from benchmark.results import Outcome, ProbeResult, Score, ScoreSpec
from benchmark.subject import Subject
from benchmark.threats import RegionThreat

PAPER: tuple[Kind, ...] = ("centre", "frame", "random")
"""Kinds of regions in Ozbulak et al. 2020; the transfer scores are over these."""


def _success(label: str, where: str) -> ScoreSpec:
    description = (
        f"Share of attempts that fool the model, white-box, {where}; an attempt is one "
        "correctly classified image in one region of this kind."
    )
    return share(label, description, up=False)


def _ratio(norm: str, what: str) -> ScoreSpec:
    return ScoreSpec(
        label=f"Centre / full {norm}",
        description=f"{what} of white-box examples in the centre squares, divided by that of the "
        "unrestricted attack on the same image; median over the pairs where both succeed, and n "
        "is their number.",
        unit="",
        higher_is_better=None,
    )


class RegionalProbe(Probe[RegionalSettings]):
    """Cross-entropy-sign steps inside a region (Ozbulak et al. 2020), white-box and transferred."""

    name = "regional"
    title = "Regional attack"
    question = "How often is a change of only a part of the image enough, also one made elsewhere?"
    uses_image_gradients = True
    perturbs = frozenset({"images"})
    scores = {
        "success_full": _success("White-box, full", "with no restriction: the reference"),
        "success_centre": _success("White-box, centre", "changing only a square in the centre"),
        "success_frame": _success("White-box, frame", "changing only a frame along the edges"),
        "success_random": _success("White-box, random", "changing only randomly chosen pixels"),
        "success_saliency": _success(
            "White-box, saliency",
            "changing only the pixels with the largest gradient (this project's extension)",
        ),
        "transfer_rate": share(
            "Transfer",
            "Share of attempts in which examples made on another model of the battery fool this "
            "one; over models and over centre, frame and random regions. This model is asked "
            "after every step and the first success counts, as in the paper.",
            up=False,
        ),
        "transfer_rate_no_oracle": share(
            "Transfer, no oracle",
            "The same, but the search stops when it fools the model it is made on, and this model "
            "is asked once.",
            up=False,
        ),
        "transfer_rate_full": share(
            "Transfer, full image",
            "The transfer rate of the unrestricted attack, asking after every step: the "
            "reference for the transfer rate.",
            up=False,
        ),
        "centre_l0_ratio": _ratio("l0", "The share of changed pixels"),
        "centre_l2_ratio": _ratio("l2", "The l2 norm"),
        "centre_linf_ratio": _ratio("linf", "The linf norm"),
    }

    def applies(self, subject: Subject) -> str | None:
        """Images in which every region leaves pixels unchanged, and peers that can be loaded."""
        settings = self.settings
        height, width = subject.images.shape[-2:]

        def check() -> None:
            for shape in settings.shapes():
                shape.pixels(height, width)
            require_peers(settings.peers)

        return refusal(check)

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack in all regions with the model's own gradient, then with each peer's."""
        settings = self.settings
        shapes, some = settings.shapes(), subject.head(settings.examples)
        peers, left_out = load_peers(some, settings.peers)
        aims = draw_aims(some)

        def attack(generator: Subject | None) -> tuple[RegionalAttack, RegionalAttack]:
            return attack_regions(
                some, shapes, aims, generator=generator, steps=settings.steps, step=settings.step
            )

        own = attack(None)[0]
        carried = []
        for name, peer in peers.items():
            subject.progress(f"regional examples made on {name}")
            carried.append(attack(peer))
        tallies = {"white-box": Tally.of([own], some.images)}
        if carried:
            tallies["transfer"] = Tally.of([oracle for oracle, _ in carried], some.images)
            tallies["transfer, no oracle"] = Tally.of([blind for _, blind in carried], some.images)
        correct = some.correct()
        outcomes: dict[str, Outcome] = {}
        for place, shape in enumerate(shapes):
            threat = RegionThreat(shape.kind, Budget(shape.size))
            robust = correct & ~own.fooled[place]
            outcomes[f"white-box@{shape.name}"] = Outcome(as_outcomes(robust), "budget", threat)
            if carried:
                fooled = sum(oracle.fooled[place] for oracle, _ in carried) > 0
                threat = replace(threat, transferred=True)
                robust = correct & ~fooled
                outcomes[f"transfer@{shape.name}"] = Outcome(as_outcomes(robust), "budget", threat)
        size = (some.images.shape[-2], some.images.shape[-1])
        return ProbeResult(
            probe=self.name,
            scores=_scores(tallies, shapes),
            curves=region_curves(tallies, shapes, size),
            protocol={
                "steps": settings.steps,
                "step": float(settings.step),
                "examples": len(some),
                "examples made on": list(peers),
                "peers left out": left_out,
            }
            | {
                f"region {shape.name}": region_line(tallies, place, shape, size)
                for place, shape in enumerate(shapes)
            },
        ).with_outcomes(outcomes)


def _scores(tallies: dict[str, Tally], shapes: Sequence[Shape]) -> dict[str, Score]:
    """What can be said: kinds without regions and transfer without attempts have no score."""

    def places(*kinds: Kind) -> list[int]:
        return [place for place, shape in enumerate(shapes) if shape.kind in kinds]

    own = tallies["white-box"]
    kinds: tuple[Kind, ...] = ("full", *PAPER, "saliency")
    scores = {f"success_{kind}": own.rate(places(kind)) for kind in kinds}
    if "transfer" in tallies:
        scores["transfer_rate"] = tallies["transfer"].rate(places(*PAPER))
        blind = tallies["transfer, no oracle"]
        scores["transfer_rate_no_oracle"] = blind.rate(places(*PAPER))
        scores["transfer_rate_full"] = tallies["transfer"].rate(places("full"))
    scores |= {f"centre_{norm}_ratio": own.ratio(places("centre"), norm) for norm in NORMS}
    return {name: score for name, score in scores.items() if score is not None}
