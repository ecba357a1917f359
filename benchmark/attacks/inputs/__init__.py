"""The input attack: a cascade of searches inside balls around images.

``attack_subject`` builds an :class:`AttackState` and hands it, with the searches of an effort, to a
:class:`Scheduler`. The scheduler decides which search runs on which examples and is the only one to
change the state; a :class:`Search` proposes images, and everything it proposes is verified.
"""

from benchmark.attacks.inputs.cascade import (
    InputAttack,
    InputAttackResult,
    attack_by_transfer,
    attack_subject,
    attacks_by_budget,
    outcomes_by_budget,
)
from benchmark.attacks.inputs.efforts import (
    EFFORTS,
    Access,
    Effort,
    register_effort,
    searches_of,
)

__all__ = [
    "EFFORTS",
    "Access",
    "Effort",
    "InputAttack",
    "InputAttackResult",
    "attack_by_transfer",
    "attack_subject",
    "attacks_by_budget",
    "outcomes_by_budget",
    "register_effort",
    "searches_of",
]
