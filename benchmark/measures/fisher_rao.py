"""The Fisher-Rao norm: the length of the weights in the metric of the loss.

Source: Liang, Poggio, Rakhlin, Stokes 2019, "Fisher-Rao metric, geometry, and complexity of neural
networks", AISTATS.
"""

from __future__ import annotations

import math

from benchmark.measures.second_order import directional_derivatives
from benchmark.results import Score
from benchmark.statistics import exact
from benchmark.subject import Subject


def fisher_rao_norm(subject: Subject) -> Score:
    """``sqrt(mean over n of <w, grad_w loss_n>^2)``, over every parameter.

    For a ReLU network with L layers of weights, without biases and normalization layers, this
    equals the closed form ``L * sqrt(mean of (<softmax(z), z> - z_y)^2)``. With biases or
    normalization that form is another number, which depends on how layers are counted; the
    definition does not need the depth, and treats running statistics as constants. It is invariant
    to moving scale between ReLU layers.

    Args:
        subject: model and examples.

    Returns:
        The norm, without an interval: a few examples dominate the mean square. Of
        samples of 150 of the bundled models' examples, Student's interval holds the truth for 69%,
        and that of :func:`benchmark.statistics.mean_loss` for 75%.

    Raises:
        NoSecondDerivativeError: a part of the model cannot be differentiated twice.
        InputError: the model has no parameters.
    """
    weights = subject.weights_that_move("all")
    derivatives = directional_derivatives(subject, weights, weights)
    square = float(derivatives.double().square().cpu().numpy().mean())
    return exact(math.sqrt(square), len(derivatives))
