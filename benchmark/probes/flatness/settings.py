"""Settings of the flatness probe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmark.budgets import Budget
from benchmark.probes.flatness.measures import MeasureBudget
from benchmark.probes.settings import ProbeSettings
from benchmark.spaces.weights import Geometry
from benchmark.threats import WeightThreat


class FlatnessSettings(ProbeSettings):
    """Radii and effort; the defaults are the paper's, except for the worst-case ascent.

    Attributes:
        eps: linf input budget of the robust loss.
        average_radius: radius xi of the average-case scores.
        average_radii: further radii of the average-case curves.
        worst_radius: radius xi of the worst-case scores.
        worst_radii: further radii of the worst-case curves.
        geometry: geometry of the weight ball.
        rule: which tensors are perturbed.
        input_steps: number of PGD steps of the robust loss: half of them from a random start that
            is the same for all weights, and in the worst case a quarter in the end, from the worst
            images that were found.
        draws: number of random perturbations of the average case.
        restarts: number of ascents per radius in the worst case.
        epochs: number of passes over the examples of an ascent from the unperturbed weights; half
            of it where an ascent comes from another radius, and for the clean loss.
        minibatch: number of images per weight step of the worst case; by default all of them. With
            128, 20 epochs and 10 restarts it is the paper's protocol.
        examples: maximum number of examples, the first ones (1,000 in the paper).
        measure_examples: number of these examples used for the other measures of flatness; 0 leaves
            these measures out.
        lanczos_steps: maximum number of products with a Hessian, for its largest eigenvalue.
        trace_draws: number of random vectors for the trace of a Hessian.
        sam_rho: length of SAM's step.
        asam_rho: length of ASAM's step.
    """

    headline_settings = ("eps", "average_radius", "worst_radius")

    eps: Budget
    average_radius: Budget = Budget(0.5)
    average_radii: tuple[Budget, ...] = tuple(map(Budget, (0.1, 0.25, 0.5, 1.0)))
    worst_radius: Budget = Budget(0.003)
    worst_radii: tuple[Budget, ...] = tuple(
        map(Budget, (0.00075, 0.001, 0.002, 0.003, 0.004, 0.005))
    )
    geometry: Geometry = "relative-l2"
    rule: Literal["no-normalization", "kernels", "all"] = "no-normalization"
    input_steps: int = Field(default=20, ge=1)
    draws: int = Field(default=10, ge=2)
    restarts: int = Field(default=2, ge=1)
    epochs: int = Field(default=20, ge=1)
    minibatch: int | None = Field(default=None, ge=1)
    examples: int = Field(default=1000, ge=1)
    measure_examples: int = Field(default=200, ge=0)
    lanczos_steps: int = Field(default=40, ge=1)
    trace_draws: int = Field(default=10, ge=2)
    sam_rho: float = Field(default=0.05, ge=0)
    asam_rho: float = Field(default=0.5, ge=0)

    @property
    def attack_steps(self) -> int:
        """PGD steps from each start."""
        return (self.input_steps + 1) // 2

    def threat(self, radius: float) -> WeightThreat:
        """The weight ball of a radius."""
        return WeightThreat(self.geometry, Budget.of(radius), self.rule)

    @property
    def measures(self) -> MeasureBudget:
        """The effort of the other measures."""
        return MeasureBudget(
            self.rule, self.lanczos_steps, self.trace_draws, self.sam_rho, self.asam_rho
        )
