"""Which probes of a battery apply to a model and its examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.batteries import Battery
from benchmark.method_subjects import require_subjects_taken
from benchmark.probes import PROBES, Probe
from benchmark.random_models import require_takes_random_models
from benchmark.subject import Subject


def applicable(
    subject: Subject, battery: Battery, names: Sequence[str]
) -> dict[str, tuple[Probe[Any], str | None]]:
    """The probes with the reason why each is left out, determined before the first one runs.

    Raises:
        InputError: a probe does not take inputs of this kind, or takes training methods and this is
            a model or the reverse, or the model draws random numbers and a probe does not take such
            a model, or a package is not installed.
    """
    for name in names:
        PROBES[name].require_takes(subject.kind)
    require_installed(battery, names)
    require_subjects_taken(subject, battery, names)
    require_takes_random_models(subject, battery, names)
    probes = {name: PROBES[name](battery.probes[name], battery.probes) for name in names}
    return {name: (probe, probe.obstacle(subject)) for name, probe in probes.items()}


def require_installed(battery: Battery, names: Sequence[str]) -> None:
    """Check that the packages are installed that probes need beside those of the suite.

    Args:
        battery: the battery.
        names: probes of it.

    Raises:
        InputError: one is not.
    """
    for name in names:
        PROBES[name](battery.probes[name], battery.probes).require_installed()
