"""Check of whether attacks on weights perturb the weights."""

from __future__ import annotations

from benchmark.requirements import WEIGHTS_ADVICE, tensors_out_of_reach
from benchmark.results import Flag
from benchmark.roles import Coverage
from benchmark.subject import Subject

MIN_MOVED_SHARE = 0.99
"""Share of the operands of linear maps below which the flag is raised."""


def weights_under_attack(subject: Subject, rule: str = "no-normalization") -> Flag:
    """Check the share of the operands of linear maps that a rule lets an adversary perturb.

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
        else f"Rule {rule} perturbs {found}.{tensors_out_of_reach(found)} Less than "
        f"{MIN_MOVED_SHARE:.0%} raises the flag.",
        advice=WEIGHTS_ADVICE,
    )
