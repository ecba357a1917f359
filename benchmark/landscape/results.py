"""The parts of a landscape."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from benchmark.results import Score

LossKind = Literal["robust", "clean"]

LOSS_NAMES: dict[LossKind, str] = {"robust": "adversarial loss", "clean": "clean loss"}
"""Names of the losses of :class:`LossCurves` and :class:`LossGrid`, by attribute."""


class LossCurves(BaseModel):
    """Mean losses along random directions.

    Attributes:
        alphas: where along a direction, ascending, 0 among them.
        robust: adversarial cross-entropy in nats, ``robust[k][i]`` of direction k at ``alphas[i]``.
        clean: clean cross-entropy, the same way.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    alphas: list[float]
    robust: list[list[float]]
    clean: list[list[float]]


class LossGrid(BaseModel):
    """Mean losses in the plane of two random directions.

    Attributes:
        alphas: along either direction, ascending, 0 among them.
        robust: adversarial cross-entropy in nats; ``robust[i][j]`` at ``alphas[i]`` along the
            second direction and ``alphas[j]`` along the first.
        clean: clean cross-entropy, the same way.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    alphas: list[float]
    robust: list[list[float]]
    clean: list[list[float]]


class LandscapeIncrease(BaseModel):
    """The increase of a loss at a distance from the weights.

    Attributes:
        loss: which loss, see :data:`LOSS_NAMES`.
        distance: ``|alpha|``, in norms of the filters.
        increase: ``g(alpha) - g(0)`` in nats, the mean over both signs of alpha and all directions;
            the interval is over directions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    loss: LossKind
    distance: float
    increase: Score


class DecisionSurface(BaseModel):
    """How clearly an image and those in a plane around it are classified correctly.

    Attributes:
        example: index of the image among the examples.
        label: its class.
        predicted: the class it is given.
        offsets: along either direction, in input units, ascending, 0 among them.
        margin: ``S = z_label - max of the other logits``; ``margin[i][j]`` at ``offsets[i]`` along
            the random signs and ``offsets[j]`` along the sign of the gradient. Negative where the
            class is wrong.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    example: int
    label: int
    predicted: int
    offsets: list[float]
    margin: list[list[float]]
