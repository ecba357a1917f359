"""The sparse backdoor as one function."""

from __future__ import annotations

from torch import nn

from benchmark.arguments import Array, budget_of
from benchmark.attacks.attack import RunOptions
from benchmark.attacks.backdoor import Patch, Trigger
from benchmark.attacks.sparse.attack import SparseBackdoorAttack, SparseBackdoorResult
from benchmark.attacks.sparse.learned_triggers import TriggerSearch
from benchmark.attacks.sparse.search import SparseEffort
from benchmark.batches import Examples
from benchmark.subject import Progress
from benchmark.threats import SPARSE_RULE, SparseBackdoorThreat


def inject_sparse_backdoor(
    model: nn.Module,
    images: Examples,
    labels: Array | None = None,
    *,
    changes: int = 1,
    storage: str = "float32-bits",
    target: int = 0,
    trigger: Trigger | TriggerSearch | None = None,
    other: Trigger | None = None,
    rule: str = SPARSE_RULE,
    effort: SparseEffort | None = None,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
    examples: int | None = None,
    progress: bool | Progress | None = None,
) -> SparseBackdoorResult:
    """Inject a backdoor by changing at most a few weights or bits, and measure it.

    Half of the examples are used for the search, a fifth for selecting, and the rest for measuring.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1], at least 4; or token ids of texts, int (N, L).
        labels: int (N,).
        changes: largest number of changed weights or flipped bits.
        storage: ``"float32-bits"``, ``"int8-bits"``, ``"weights"`` (any values within the largest
            of each tensor) or ``"weights-unbounded"`` (any finite values).
        target: the class that stamped images are to be classified as.
        trigger: what is stamped, any of :mod:`benchmark.triggers`; or a set of
            triggers from which one is optimized, :class:`benchmark.attacks.sparse.PixelSearch` or
            :class:`benchmark.attacks.sparse.NoiseSearch`; by default a bright 3 x 3 square in the
            lower right corner. Texts need a :class:`benchmark.triggers.TokenTrigger`.
        other: another trigger, which the search does not know, to compare with.
        rule: which of these weights may change, see :data:`benchmark.spaces.RULES`; by default all
            weights of linear maps and embeddings, and with ``"embedding-row"`` the rows of the
            trigger's tokens.
        effort: of the search.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        examples: maximum number of examples, the first ones; by default all.
        progress: ``True`` for a display, or a function that is called with short texts.

    Returns:
        ``weights`` and ``changes``, ``trigger``, ``success`` on stamped images of other classes,
        ``alone``, the same for the trigger with the untouched weights, ``other``, the same for the
        other trigger with these weights, ``gain`` over both, and ``robust`` and ``agreement`` on
        clean images.

    Raises:
        InputError: arguments that do not fit together.
    """
    threat = SparseBackdoorThreat(budget_of("changes", changes), storage, rule=rule)
    chosen = Patch() if trigger is None else trigger
    attack = SparseBackdoorAttack(threat, chosen, target, effort or SparseEffort(), other)
    return attack(model, images, labels, RunOptions(seed, device, batch_size, progress, examples))
