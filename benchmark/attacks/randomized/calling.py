"""The attack on random models as one function."""

from __future__ import annotations

from torch import nn

from benchmark.arguments import Array, Number, budget_of, norm_of
from benchmark.attacks.attack import RunOptions
from benchmark.attacks.randomized.attack import RandomizedAttack, RandomizedResult
from benchmark.batches import Examples
from benchmark.subject import Progress
from benchmark.threats import InputThreat


def attack_randomized(
    model: nn.Module,
    images: Examples,
    labels: Array | None = None,
    *,
    norm: str | float = "linf",
    eps: Number,
    effort: str = "standard",
    draws: int = 100,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
    examples: int | None = None,
    progress: bool | Progress | None = None,
) -> RandomizedResult:
    """Perturb each image so that a model that draws random numbers misclassifies it most often.

    Gradients are averaged over draws (expectation over transformation, Athalye et al. 2018). Scores
    are expectations over fresh draws, which the attack has not seen. A deterministic model is
    classified once, and the result is that of the input attack.

    Args:
        model: from images in [0, 1] to logits; it is not changed. If it has a method
            ``surrogate(images)``, gradients are those of its logits (BPDA).
        images: float (N, C, H, W) in [0, 1]; or a data set, a loader or batches.
        labels: int (N,); left out if ``images`` has them.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``; ``2``, ``np.inf`` and the like mean the same.
        eps: radius in input units, such as ``8 / 255`` or ``"8/255"``.
        effort: ``"quick"`` or ``"standard"``.
        draws: fresh draws at which clean and perturbed images are classified, the same for both.
        seed: root of every random draw. A model that draws from a generator of its own cannot be
            seeded, and ``randomness.controlled`` is then false.
        device: where to compute.
        batch_size: images passed through the model at once.
        examples: maximum number of examples, the first ones; by default all.
        progress: ``True`` for a display, or a function that is called with short texts.

    Returns:
        ``images`` (N, C, H, W) inside the ball and [0, 1]; ``right``, bool (draws, N), whether each
        draw classifies them correctly, its mean ``expected_robust``, and ``robust`` (N,), bool,
        whether most draws do. ``right_clean``, ``expected_clean`` and ``robust_clean`` are the same
        without perturbation: the noise floor. ``pilot`` and ``randomness`` say how many draws a
        gradient was averaged over, and how the model draws.

    Raises:
        InputError: arguments that do not fit together.
    """
    threat = InputThreat(norm_of(norm), budget_of("eps", eps))
    attack = RandomizedAttack(threat, effort, draws)
    return attack(model, images, labels, RunOptions(seed, device, batch_size, progress, examples))
