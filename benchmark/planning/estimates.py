"""What a probe is expected to cost on a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmark.results import Cost


@dataclass(frozen=True)
class Estimate:
    """The expected cost of one probe on one model.

    Attributes:
        probe: name of the probe.
        seconds: expected wall time with the model loaded, on the device and with the threads of the
            process that estimated it; 0 if the probe does not apply.
        forwards: images expected to be passed forward.
        backwards: images expected to be passed backward.
        left_out: why the probe does not apply to the model and the examples, in one line; ``None``
            if it does.
        from_similar: whether the time is that of similar models, instead of the cost model's.
        taken_over: seconds of work that it takes over from other probes, by their names, and does
            itself if another worker runs them; not part of ``seconds``. Empty if not known.
    """

    probe: str
    seconds: float
    forwards: int
    backwards: int
    left_out: str | None = None
    from_similar: bool = False
    taken_over: Mapping[str, float] = field(default_factory=dict)

    @property
    def cost(self) -> Cost:
        """The estimate as a cost."""
        return Cost(seconds=self.seconds, forwards=self.forwards, backwards=self.backwards)
