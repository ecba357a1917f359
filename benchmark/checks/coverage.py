"""Do attacks on weights move the weights?"""

from __future__ import annotations

from benchmark.results import Flag
from benchmark.roles import Coverage
from benchmark.subject import Subject
from models_zoo.errors import InputError

MIN_MOVED_SHARE = 0.99
"""Share of the numbers that feed linear maps below which the flag is raised."""

MIN_ATTACKABLE_SHARE = 0.5
"""Share below which a single attack refuses to run."""

MAX_NAMED_TENSORS = 3
"""Number of tensors that do not move which are named."""

ADVICE = (
    "Make the weights of every layer parameters of the module, or buffers, that are used anew in "
    "each forward pass and through which gradients flow; until then accuracies under attacks on "
    "weights are too high."
)


def weights_under_attack(subject: Subject, rule: str = "no-normalization") -> Flag:
    """Share of the numbers that feed linear maps that a rule lets an adversary move.

    Args:
        subject: model and examples.
        rule: a name of :data:`benchmark.spaces.RULES`.
    """
    found = subject.coverage(rule)
    share = found.share if isinstance(found, Coverage) else None
    return Flag(
        name="weights_under_attack",
        title="Weights are out of reach of attacks on weights",
        raised=share is not None and share < MIN_MOVED_SHARE,
        figure=share,
        saw=f"Which weights are under attack could not be determined: {found.rstrip('.')}."
        if isinstance(found, str)
        else f"Rule {rule} moves {found}.{_missing(found)} Less than {MIN_MOVED_SHARE:.0%} "
        "raises the flag.",
        advice=ADVICE,
    )


def require_weights_under_attack(subject: Subject, rule: str) -> None:
    """Refuse a model most of whose weights an attack could not move.

    Raises:
        InputError: less than :data:`MIN_ATTACKABLE_SHARE` of the numbers that feed linear maps
            move.
    """
    found = subject.coverage(rule)
    if (
        isinstance(found, Coverage)
        and found.share is not None
        and found.share < MIN_ATTACKABLE_SHARE
    ):
        raise InputError(
            f"weight rule {rule!r} would move only {found}, and robustness would look too high."
            f"{_missing(found)} {ADVICE.partition('; ')[0]}"
        )


def _missing(found: Coverage) -> str:
    if not found.missed:
        return ""
    named = ", ".join(found.missed[:MAX_NAMED_TENSORS])
    further = len(found.missed) - MAX_NAMED_TENSORS
    more = f" and {further} more" if further > 0 else ""
    blind = " The gradient of some is zero though the logits depend on them." if found.blind else ""
    return f" Not moved: {named}{more}.{blind}"
