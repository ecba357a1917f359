"""The backdoor: a trigger and a target class injected by a small change of the weights.

Source: Garg, Kumar, Goel, Liang 2020, "Can adversarial weight perturbations inject neural
backdoors": composite loss on clean and triggered inputs, Adam on mini-batches, projected after
every step.

Differences from the authors' code: batch norm is frozen (drifting statistics are outside the threat
model), the relative ball is ``|v| <= eps * |w|`` for both signs of ``w``, inputs of the target
class do not count as successes, the iterate is selected on other inputs than those it is measured
on, and on clean inputs the objective is the divergence from the original model's softened
predictions instead of the cross-entropy to their labels: with labels a few hundred inputs are soon
memorized, and the accuracy on others drops by ten points and more.
"""

from benchmark.attacks.backdoor.budgets import AtBudget, BackdoorByBudget
from benchmark.attacks.backdoor.combinations import ChosenBackdoor, inject_all, require_injectable
from benchmark.attacks.backdoor.injection import Backdoor, Injection, InjectionEffort
from benchmark.attacks.backdoor.outcome import BackdoorOutcome, WeightChange
from benchmark.attacks.backdoor.selection import Goal, Trial
from benchmark.attacks.backdoor.splits import Splits, split
from benchmark.triggers import AdditiveNoise, BlendedNoise, Patch, RandomPixels, Trigger

__all__ = [
    "AdditiveNoise",
    "AtBudget",
    "Backdoor",
    "BackdoorByBudget",
    "BackdoorOutcome",
    "BlendedNoise",
    "ChosenBackdoor",
    "Goal",
    "Injection",
    "InjectionEffort",
    "Patch",
    "RandomPixels",
    "Splits",
    "Trial",
    "Trigger",
    "WeightChange",
    "inject_all",
    "require_injectable",
    "split",
]
