"""Detectors of low pointwise mutual information between an image and a condition (our estimators).

With a generator ``q(x | c)`` of images and the weights ``pi`` of conditions,

    i(x; c) = log q(x | c) - log sum_c' pi_c' q(x | c')

and an image is suspicious where ``i`` is small. Hsu, Lu, Chen & Yu 2018, "On the utility of
conditional generation based mutual information for characterizing adversarial subspaces",
approximate mutual information by conditional generation. Only their abstract was available, so
these are estimators of this suite and no reproduction.

- :func:`by_label`: the condition is the class that the protected classifier predicts for the image
  as it is, all classes have the same weight, and so ``i`` is at most ``ln K``. Likelihoods of many
  pixels saturate it, so their logarithms are divided by a temperature.
- :func:`by_reconstruction`: the condition is the latent code of an autoencoder,
  ``q(x | z) = N(x; AE(x), sigma^2 I)``, with a mixture over reconstructions of training images. Off
  the manifold of the data the mixture decreases faster than the density around the
  reconstruction, so that ``i`` *increases* for adversarial images: it is kept as an ablation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def by_label(log_likelihood: Tensor, predicted: Tensor, temperature: float = 1.0) -> Tensor:
    """``i(x; c)`` (N,) of the predicted class, at most ``ln K``, float64, in nats.

    Args:
        log_likelihood: ``log q(x | c)`` (N, K).
        predicted: the class (N,) that the classifier predicts for the image itself; -1, which an
            output that is not finite has, counts as the least likely class.
        temperature: divisor of the logarithms.
    """
    tempered = log_likelihood.double() / temperature
    own = tempered.gather(1, predicted.clamp_min(0)[:, None]).squeeze(1)
    own = torch.where(predicted < 0, tempered.amin(1), own)
    return own - tempered.logsumexp(1) + math.log(tempered.shape[1])


def by_reconstruction(
    images: Tensor, reconstructed: Tensor, mixture: Tensor, variance: float
) -> Tensor:
    """``i(x; z)`` (N,) of an autoencoder's code, float64, in nats.

    Args:
        images: (N, C, H, W).
        reconstructed: ``AE(x)``, of the same shape.
        mixture: reconstructions of training images (M, C, H, W).
        variance: ``sigma^2``, the mean squared error per pixel on clean validation images.
    """
    flat, centers = images.flatten(1).double(), mixture.flatten(1).double()
    own = (flat - reconstructed.flatten(1).double()).square().sum(1)
    # |x - r|^2 as a product, since N x M x D differences would not fit into memory.
    squares = flat.square().sum(1, keepdim=True) + centers.square().sum(1) - 2 * flat @ centers.T
    marginal = (-squares.clamp_min(0) / (2 * variance)).logsumexp(1) - math.log(len(centers))
    return -own / (2 * variance) - marginal
