"""The regional probe: perturbations of a part of the image, white-box and transferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmark.attacks.regional import RegionalAttack, attack_regions, draw_target_classes
from benchmark.attacks.regions import Kind, Shape
from benchmark.budgets import Budget
from benchmark.measures.regional import NORMS, Tally
from benchmark.probes.probe import Probe, as_outcomes, refusal, share
from benchmark.probes.regional.pictures import region_curves, region_line
from benchmark.probes.regional.settings import RegionalSettings
from benchmark.probes.regional.surrogates import load_surrogates, require_surrogates
from benchmark.results import Outcome, ProbeResult, Score, ScoreSpec
from benchmark.subject import Subject
from benchmark.threats import RegionThreat
from benchmark.work import PassMix, Work
from models_zoo.classifier import Classifier

PAPER_KINDS: tuple[Kind, ...] = ("centre", "frame", "random")
"""Kinds of regions in Ozbulak et al. 2020, over which transfer scores are pooled."""

SHARE_OF_STEPS = 0.66
"""Usual share of the steps that are taken, for estimates of the time left: 65% to 68% on networks
for digits, as broken images need no more."""

SHARE_PER_BATCH = 0.3
"""Usual mean size of a batch relative to the number of images and regions, which it begins with."""


def _success(label: str, where: str) -> ScoreSpec:
    description = (
        f"Share of attempts that fool the model, white-box, {where}; an attempt is one "
        "correctly classified image in one region of this kind."
    )
    return share(label, description, up=False, interval="clusters")


def _ratio(norm: str, what: str) -> ScoreSpec:
    return ScoreSpec(
        label=f"Centre / full {norm}",
        description=f"{what} of white-box examples in the centre squares, divided by that of the "
        "unrestricted attack on the same image; median over the pairs where both succeed, and n "
        "is their number.",
        unit="",
        higher_is_better=None,
        interval="whole set",
    )


class RegionalProbe(Probe[RegionalSettings]):
    """Sign-gradient steps inside a region (Ozbulak et al. 2020), white-box and transferred."""

    name = "regional"
    title = "Regional attack"
    pass_cost = 0.65
    mix = PassMix(images=0.8)
    step_cost = 1.15
    question = (
        "How often does perturbing only a part of the image suffice, white-box and by transfer?"
    )
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
            "Share of attempts in which examples from another model of the battery fool this one, "
            "over models and over centre, frame and random regions. This model is queried after "
            "every step and the first success counts, as in the paper.",
            up=False,
            interval="clusters",
        ),
        "transfer_rate_no_oracle": share(
            "Transfer, no oracle",
            "The same, but the search stops when it fools its source model, and this model is "
            "queried once.",
            up=False,
            interval="clusters",
        ),
        "transfer_rate_full": share(
            "Transfer, full image",
            "The transfer rate of the unrestricted attack, with queries after every step: the "
            "reference for the transfer rate.",
            up=False,
            interval="clusters",
        ),
        "centre_l0_ratio": _ratio("l0", "The share of changed pixels"),
        "centre_l2_ratio": _ratio("l2", "The l2 norm"),
        "centre_linf_ratio": _ratio("linf", "The linf norm"),
    }

    def applies(self, subject: Subject) -> str | None:
        """Requires images larger than every region, and surrogates that can be loaded."""
        settings = self.settings
        height, width = subject.images.shape[-2:]

        def check() -> None:
            for shape in settings.shapes():
                shape.pixels(height, width)
            require_surrogates(settings.peers)

        return refusal(check)

    def expected_work(self, subject: Subject) -> Work:
        """Three for each step of each model, and fewer where images are broken before the last."""
        settings = self.settings
        own = subject.model.card.name if isinstance(subject.model, Classifier) else None
        attempts = len(settings.shapes()) * min(settings.examples, len(subject))
        peers = sum(name != own for name in settings.peers)
        passes = SHARE_OF_STEPS * attempts * settings.steps * (2 + 3 * peers)
        return Work.in_batches(passes, min(SHARE_PER_BATCH * attempts, subject.batch_size))

    def surrogates(self, subject: Subject) -> list[Subject]:
        """The battery's surrogates."""
        return list(
            load_surrogates(subject.head(self.settings.examples), self.settings.peers)[0].values()
        )

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack in all regions with the model's own gradient, then with that of each surrogate."""
        settings = self.settings
        shapes, some = settings.shapes(), subject.head(settings.examples)
        surrogates, left_out = load_surrogates(some, settings.peers)
        target_classes = draw_target_classes(some)

        def attack(source: Subject | None) -> tuple[RegionalAttack, RegionalAttack]:
            return attack_regions(
                some,
                shapes,
                target_classes,
                source=source,
                steps=settings.steps,
                step=settings.step,
            )

        own = attack(None)[0]
        transferred = []
        for name, surrogate in surrogates.items():
            subject.progress(f"regional examples from {name}")
            transferred.append(attack(surrogate))
        tallies = {"white-box": Tally.of([own], some.images)}
        if transferred:
            tallies["transfer"] = Tally.of([oracle for oracle, _ in transferred], some.images)
            tallies["transfer, no oracle"] = Tally.of(
                [no_oracle for _, no_oracle in transferred], some.images
            )
        correct = some.correct()
        outcomes: dict[str, Outcome] = {}
        for place, shape in enumerate(shapes):
            threat = RegionThreat(shape.kind, Budget(shape.size))
            robust = correct & ~own.fooled[place]
            outcomes[f"white-box@{shape.name}"] = Outcome(as_outcomes(robust), "budget", threat)
            if transferred:
                fooled = sum(oracle.fooled[place] for oracle, _ in transferred) > 0
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
                "surrogates": list(surrogates),
                "surrogates left out": left_out,
            }
            | {
                f"region {shape.name}": region_line(tallies, place, shape, size)
                for place, shape in enumerate(shapes)
            },
        ).with_outcomes(outcomes)


def _scores(tallies: dict[str, Tally], shapes: Sequence[Shape]) -> dict[str, Score]:
    """The scores; kinds without regions and transfer without attempts have none."""

    def places(*kinds: Kind) -> list[int]:
        return [place for place, shape in enumerate(shapes) if shape.kind in kinds]

    own = tallies["white-box"]
    kinds: tuple[Kind, ...] = ("full", *PAPER_KINDS, "saliency")
    scores = {f"success_{kind}": own.rate(places(kind)) for kind in kinds}
    if "transfer" in tallies:
        scores["transfer_rate"] = tallies["transfer"].rate(places(*PAPER_KINDS))
        no_oracle = tallies["transfer, no oracle"]
        scores["transfer_rate_no_oracle"] = no_oracle.rate(places(*PAPER_KINDS))
        scores["transfer_rate_full"] = tallies["transfer"].rate(places("full"))
    scores |= {f"centre_{norm}_ratio": own.ratio(places("centre"), norm) for norm in NORMS}
    return {name: score for name, score in scores.items() if score is not None}
