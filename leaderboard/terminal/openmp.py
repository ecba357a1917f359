"""A bound on how long OpenMP's threads wait actively.

Between two pieces of work the threads of an operation spin, so that the next piece starts at once.
Where another program needs the same cores, they spin while that program holds the thread they wait
for: an attack of 2 seconds on two idle cores took 46 next to a program that used both, and 7
with the bound. Alone it costs nothing measurable.
"""

from __future__ import annotations

from collections.abc import MutableMapping

BOUNDS = {
    "GOMP_SPINCOUNT": "10000",  # iterations; libgomp, which PyTorch's Linux builds bring
    "KMP_BLOCKTIME": "1",  # milliseconds; libomp and Intel's runtime
}
"""What is set, by environment variable."""

CHOICES = (*BOUNDS, "OMP_WAIT_POLICY")
"""Variables by which users choose themselves."""


def bound_spinning(environment: MutableMapping[str, str]) -> None:
    """Bound active waiting, unless the user has chosen otherwise.

    It has an effect on this process only before PyTorch is imported, and on processes started
    later in any case.

    Args:
        environment: of the process, changed in place.
    """
    if not any(name in environment for name in CHOICES):
        environment.update(BOUNDS)
