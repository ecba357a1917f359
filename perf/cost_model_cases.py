"""Models on which the cost model was fitted, and those on which it is checked, with examples.

The numbers of examples differ on purpose: some of the work does not grow with them.
"""

from __future__ import annotations

FITTED = {
    "digits/mlp-standard": 60,
    "digits/mlp-pgd-at": 150,
    "digits/cnn-standard": 100,
    "digits/cnn-pgd-at": 60,
    "mnist/cnn-standard": 40,
    "mnist/cnn-pgd-at": 40,
    "cifar10/few-pgd-at-epoch20": 24,
    "cifar10/resnet2b-pgd-at": 24,
}
"""Models that the constants of the probes were chosen on."""

HELD_OUT = {
    "cifar10-cnn-a-adv": 80,
    "mnist/cnn-trades-awp": 30,
    "digits/mlp-trades": 100,
    "cifar10/resnet2b-standard": 30,
    "digits/mlp-label-smoothing": 60,
    "mnist/cnn-label-smoothing": 50,
    "cifar10/resnet2b-trades": 40,
    "digits/mlp-random-weight-noise": 40,
    "mnist/cnn-mart": 60,
    "digits/mlp-nonsingular": 200,
    "cifar10/few-pgd-at": 16,
    "cifar10-resnet20-standard": 32,
}
"""Models that no constant depends on; the first and the last have architectures of their own."""
