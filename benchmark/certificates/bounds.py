"""Certified joint bounds: examples that no perturbation of images and weights can break."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from benchmark.certificates.affine import least_margins
from benchmark.certificates.enclosure import Enclosure, around, norms, within
from benchmark.certificates.moving import (
    DisplacementBound,
    MovingWeight,
    UncertifiableError,
    displacement_bounds,
)
from benchmark.certificates.traversal import KnownNorm, Traversal
from benchmark.certificates.unknown import Unknown
from benchmark.randomness import largest_logit
from benchmark.spaces import InputBall, WeightBall
from benchmark.spaces.inside import MAX_LINF_SLACK, RELATIVE_SLACK
from benchmark.subject import Subject
from models_zoo.functional_call import functional_call

MAX_LAYERS_TO_COLLAPSE_AT = 8
"""Largest number of linear layers at each of which collapsing is tried. Deeper networks collapse
their boxes at the image only, or never, and budgets at which none of the first
:data:`N_TRIAL_EXAMPLES` examples is proven are skipped: usually none at all is."""

N_TRIAL_EXAMPLES = 16
"""Number of examples of a deep network that are tried first at each budget."""

MAX_RELATIVE_DEVIATION = 1e-3
"""Largest deviation of the center from the model's own logits, relative to the largest logit."""


class Certifier:
    """Bounds for one model and one kind of input ball.

    The model runs on enclosures in place of images, see :mod:`benchmark.certificates.unknown`.
    Several traversals are tried, which differ in the layer where the box is merged into the ball;
    an example is certified if one of them proves it.

    Args:
        subject: model, with its own weights, and examples.
        norm: norm of the input balls, ``"linf"``, ``"l2"`` or ``"l1"``.

    Raises:
        UncertifiableError: the model has an operation without a known bound.

    """

    def __init__(self, subject: Subject, norm: str) -> None:
        self.subject, self.norm = subject, norm
        self._norms: dict[Hashable, KnownNorm] = {}
        self.layers = self._count_layers()

    def _count_layers(self) -> int:
        """Number of linear layers; checks that the model's unperturbed logits are reproduced."""
        some = self.subject.head(min(self.subject.batch_size, 2 * N_TRIAL_EXAMPLES))
        traversal = Traversal(norms=self._norms)
        answer = self._run(around(some.images, "linf", 0.0), {}, traversal).enclosure
        logits = some.logits().double()
        apart = torch.inf if answer.center.shape != logits.shape else answer.center - logits
        apart = torch.as_tensor(apart).to(logits)
        # A class whose logit is a huge constant must not hide what the others are off by.
        near = MAX_RELATIVE_DEVIATION * (1 + logits.abs().clamp_min(largest_logit(logits)))
        # Without budgets the ball is what rounding can change, for which float32 has to account.
        if not bool((apart.abs() <= near).all() and (norms(apart) <= answer.ball).all()):
            raise UncertifiableError(
                "the bounds of this model do not contain its own answers: it does not compute "
                "the same thing each time it is called, not by its layers alone, or not in float32"
            )
        return traversal.layers

    def certified(self, eps: float, ball: WeightBall | None, among: Tensor | None = None) -> Tensor:
        """Bool (N,): correct for all images within ``eps`` and all weights in ``ball`` together.

        Args:
            eps: radius of the input balls, input units.
            ball: around the model's own weights; ``None`` if they are not perturbed.
            among: bool (N,), examples to try; by default all.

        Raises:
            UncertifiableError: there is no known bound for the perturbed weights.
        """
        subject = self.subject
        InputBall(subject.images[:1], self.norm, eps)  # refuses an unknown norm or radius
        proven = torch.zeros_like(subject.labels, dtype=torch.bool)
        tried = subject.correct() if among is None else subject.correct() & among
        if eps == 0 and (ball is None or ball.radius == 0):
            return tried
        moves = {} if ball is None or ball.radius == 0 else displacement_bounds(ball)
        rows = tried.nonzero().squeeze(1)
        trial = min(
            N_TRIAL_EXAMPLES if self.layers > MAX_LAYERS_TO_COLLAPSE_AT else 0, subject.batch_size
        )
        rest = torch.split(rows[trial:], subject.batch_size)
        for part in (rows[:trial], *rest):
            proven[part] = self._prove(subject.take(part), eps, moves)
            if self.layers > MAX_LAYERS_TO_COLLAPSE_AT and not proven.any():
                break
        return proven

    def _prove(self, some: Subject, eps: float, moves: dict[str, DisplacementBound]) -> Tensor:
        """The outcomes of one batch; each traversal runs on the examples not proven yet."""
        proven = torch.zeros_like(some.labels, dtype=torch.bool)
        radius = eps + max(MAX_LINF_SLACK, RELATIVE_SLACK[self.norm] * eps) if eps else 0.0
        for start, collapse in self._traversals(eps):
            left = (~proven).nonzero().squeeze(1)
            if not len(left):
                break
            rest = some.take(left)
            images = (within if start == "ball" else around)(rest.images, self.norm, radius)
            outcome = self._run(images, moves, Traversal(collapse, self._norms))
            proven[left] = _margins(outcome, rest.labels) > 0
        return proven

    def _traversals(self, eps: float) -> list[tuple[str, int | None]]:
        """Where the box is collapsed into the ball: at the image, before a layer, or never."""
        if eps == 0:
            return [("box", None)]
        between = range(1, self.layers) if self.layers <= MAX_LAYERS_TO_COLLAPSE_AT else ()
        return [("ball", None), *(("box", k) for k in between), ("box", None)]

    @torch.no_grad()
    def _run(
        self, images: Enclosure, moves: dict[str, DisplacementBound], traversal: Traversal
    ) -> Unknown:
        model = self.subject.model
        own = dict(model.named_parameters())
        marked: dict[str, Tensor] = {
            n: MovingWeight.of(own[n], bound) for n, bound in moves.items()
        }
        self.subject.passes.forwards += len(images.center)
        try:
            answer = functional_call(model, marked, (Unknown(images, traversal),))
        except UncertifiableError:
            raise
        except Exception as error:  # The model's own code cannot handle the object.
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UncertifiableError(f"this network cannot be bounded: {reason}") from error
        if not isinstance(answer, Unknown) or answer.ndim != 2:
            raise UncertifiableError("this network's logits do not come out of its images alone")
        return answer


def _margins(answer: Unknown, labels: Tensor) -> Tensor:
    """(N,), lower bounds of the margins ``z_y - z_j`` of the output."""
    if answer.source is not None:
        return least_margins(*answer.source, labels)
    z = answer.enclosure
    low, high = z.center - z.box, z.center + z.box
    own = low.gather(1, labels[:, None]).squeeze(1)
    other = high.scatter(1, labels[:, None], -torch.inf).amax(1)
    least: Tensor = own - other - 2.0**0.5 * z.ball
    return least


def certifier_of(subject: Subject, norm: str) -> Certifier:
    """The certifier of a subject, created once: it caches the norms of all layers.

    Args:
        subject: model, with its own weights, and examples.
        norm: norm of the input balls.

    Raises:
        UncertifiableError: the model has an operation without a known bound.
    """
    return subject.once(("certifier", norm), lambda: Certifier(subject, norm))


def certify_surface(
    subject: Subject, norm: str, budgets: Sequence[float], balls: Sequence[WeightBall]
) -> list[list[Tensor]]:
    """Certified outcomes, bool (N,), over input budgets (rows) x weight balls (columns).

    What is not certified at smaller budgets is not tried at larger ones, so that the surface
    decreases along both axes.

    Args:
        subject: model and examples.
        norm: norm of the input balls.
        budgets: radii of the input balls, ascending.
        balls: around the model's own weights, ascending.

    Raises:
        UncertifiableError: the model does something that no bound is known for.
    """
    certifier = certifier_of(subject, norm)
    surface: list[list[Tensor]] = []
    for eps in budgets:
        row: list[Tensor] = []
        for j, ball in enumerate(balls):
            among = subject.correct()
            for smaller in (*row[-1:], *(above[j] for above in surface[-1:])):
                among = among & smaller
            row.append(certifier.certified(eps, ball, among))
            share = row[-1].float().mean()
            subject.progress(f"certified {eps:.4g} x {ball.radius:g}: {share:.1%}")
        surface.append(row)
    return surface
