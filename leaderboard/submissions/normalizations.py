"""Means and standard deviations that public training code uses."""

from __future__ import annotations

ChannelValues = tuple[float, ...]

Normalization = tuple[ChannelValues, ChannelValues]
"""Mean and standard deviation, one number for all channels or one per channel."""

NONE: Normalization = ((0.0,), (1.0,))

COMMON_NORMALIZATIONS: dict[int, tuple[Normalization, ...]] = {
    3: (
        NONE,
        ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ((0.5,), (0.5,)),
        ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    ),
    1: (NONE, ((0.5,), (0.5,)), ((0.1307,), (0.3081,))),
}
"""The most common ones, by number of channels: none, CIFAR-10's, ImageNet's, to [-1, 1] and
CIFAR-100's; for gray images none, to [-1, 1] and MNIST's."""

USUAL_NORMALIZATIONS: dict[int, tuple[Normalization, ...]] = {
    3: (
        *COMMON_NORMALIZATIONS[3],
        ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
        ((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
        ((0.0,), (1 / 255,)),
    ),
    1: (*COMMON_NORMALIZATIONS[1], ((0.2860,), (0.3530,)), ((0.0,), (1 / 255,))),
}
"""In addition CIFAR-10's with the mean of the images' own deviations, SVHN's, Fashion-MNIST's, and
images from 0 to 255."""
