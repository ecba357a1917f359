"""The minimal-norm attacks of Adversarial Library (adv-lib), loaded from a checkout.

Source: https://github.com/jeromerony/adversarial-library (Rony & Ben Ayed), BSD-3-Clause. It is
run beside the suite to compare, and is no part of it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from benchmark.spaces.inside import ORDERS, distances
from models_zoo.errors import InputError, reason_of
from models_zoo.prediction import predicted_classes

ADDRESS = "https://github.com/jeromerony/adversarial-library"

STEPS = 100
"""Steps of FMN, and of DDN (its default). The default of PDPGD is 500, and that of APGD 100 in each
of 20 rounds of bisection."""

LARGEST_SHARE = {"linf": 0.5, "l2": 0.5, "l1": 0.25}
"""First radius of the bisection around APGD, as a share of the length of the box's diagonal."""

Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class PeerResult:
    """What one attack found, classified and measured again.

    Attributes:
        distances: float64 (N,), 0 where the clean image is misclassified, infinite where the
            returned image is classified correctly or lies outside [0, 1].
        forwards: images passed forward.
        backwards: images passed backward.
        seconds: wall time.
    """

    distances: Tensor
    forwards: int
    backwards: int
    seconds: float


class _Counted(nn.Module):
    """A model that counts the images passed through it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.forwards, self.backwards = model, 0, 0

    def forward(self, images: Tensor) -> Tensor:
        self.forwards += len(images)
        logits: Tensor = self.model(images)
        if logits.requires_grad:
            logits.register_hook(self._count)
        return logits

    def _count(self, gradient: Tensor) -> None:
        self.backwards += len(gradient)


def load(folder: Path | None) -> str:
    """Make a checkout of adv-lib importable.

    Args:
        folder: of the checkout.

    Returns:
        Its version, with the commit if the folder is a git checkout.

    Raises:
        InputError: no folder was given, it is not a checkout of adv-lib, or a package that adv-lib
            needs is missing.
    """
    if folder is None or not (folder / "adv_lib").is_dir():
        given = "no folder was given" if folder is None else f"{folder} has no folder adv_lib"
        raise InputError(f"{given}: git clone {ADDRESS}, and pass its folder as --peer")
    # It imports Visdom for plots, which are not drawn here.
    sys.modules.setdefault("visdom", ModuleType("visdom"))
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        version: str = import_module("adv_lib").__version__
        import_module("adv_lib.attacks")
    except ImportError as error:
        raise InputError(f"adv-lib cannot be imported: {reason_of(error)}; install it") from error
    found = subprocess.run(  # noqa: S603
        ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{version} ({found.stdout.strip()})" if found.returncode == 0 else version


def attacks(norm: str, images: Tensor) -> dict[str, Attack]:
    """The attacks for a norm by name, DDN for l2 only; :func:`load` comes first.

    Args:
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        images: (N, C, H, W), whose size determines the first radius of APGD's bisection.
    """
    order, size = ORDERS[norm], images[0].numel()
    diagonal = {"linf": 1.0, "l2": size**0.5, "l1": float(size)}[norm]
    library = import_module("adv_lib.attacks")
    bisected = import_module("adv_lib.attacks.auto_pgd").minimal_apgd
    found: dict[str, Attack] = {
        "FMN": lambda model, x, y: library.fmn(model, x, y, norm=order, steps=STEPS),
        "PDPGD": lambda model, x, y: library.pdpgd(model, x, y, norm=order),
        "APGD": lambda model, x, y: bisected(
            model, x, y, norm=order, max_eps=LARGEST_SHARE[norm] * diagonal
        ),
    }
    if norm == "l2":  # unquantized, as the others are
        found["DDN"] = lambda model, x, y: library.ddn(model, x, y, steps=STEPS, levels=None)
    return found


def run(
    attack: Attack, model: nn.Module, images: Tensor, labels: Tensor, norm: str, batch_size: int
) -> PeerResult:
    """Run an attack, and classify and measure what it returns again.

    Args:
        attack: of :func:`attacks`.
        model: in eval mode, parameter gradients off.
        images: (N, C, H, W).
        labels: (N,).
        norm: of the distances.
        batch_size: images passed through the model at once.
    """
    counted = _Counted(model)
    torch.manual_seed(0)
    start = time.perf_counter()
    found = torch.cat(
        [
            attack(counted, some, classes).detach()
            for some, classes in zip(
                images.split(batch_size), labels.split(batch_size), strict=True
            )
        ]
    )
    seconds = time.perf_counter() - start
    with torch.no_grad():
        clean = torch.cat([model(some) for some in images.split(batch_size)])
        logits = torch.cat([model(some) for some in found.split(batch_size)])
    lengths = distances(found, images, norm)
    inside = ((found >= 0) & (found <= 1)).flatten(1).all(1)
    proven = inside & (predicted_classes(logits) != labels)
    lengths = torch.where(proven, lengths, torch.inf)
    lengths = torch.where(predicted_classes(clean) == labels, lengths, 0.0)
    return PeerResult(lengths, counted.forwards, counted.backwards, seconds)
