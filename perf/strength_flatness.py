"""How much worst-case flatness gains from ten times the steps, at the batteries' settings."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.batteries import battery_for
from benchmark.datasets import Dataset
from benchmark.measures.flatness import worst_flatness
from benchmark.measures.robust_loss import RobustLoss
from benchmark.probes.flatness import FlatnessSettings
from benchmark.subject import subject_of
from models_zoo.classifier import Classifier

TIMES = 10


def flatness_strength(
    name: str, model: Classifier, data: Dataset, times: int = TIMES
) -> Iterator[tuple[str, float, float]]:
    """A label, the worst-case flatness at the battery's settings, and that with more steps.

    Every radius of the battery is climbed on its own, on the clean and on the robust loss.

    Args:
        name: of the model, for the label.
        model: what is asked; its card names the data set, and that the battery.
        data: the examples; as many as the battery's probe takes are used.
        times: how many times the steps.
    """
    table = battery_for(model.card.dataset).probes["flatness"].model_dump()
    settings = FlatnessSettings.model_validate(table)
    some = data.head(min(settings.examples, len(data)))
    with subject_of(model, some.images, some.labels) as subject:
        for radius in sorted({*settings.worst_radii, settings.worst_radius}):
            for loss in (RobustLoss(settings.eps, settings.input_steps), RobustLoss(0.0)):
                few, many = (
                    worst_flatness(
                        subject,
                        loss,
                        settings.budget.ball(subject, radius),
                        restarts=settings.restarts,
                        epochs=settings.epochs * factor,
                        minibatch=settings.minibatch,
                    )
                    for factor in (1, times)
                )
                kind = "robust" if loss.eps > 0 else "clean"
                yield (
                    f"{name} worst {kind} flatness, radius {radius:g}",
                    float(few.rise.loss),
                    float(many.rise.loss),
                )
