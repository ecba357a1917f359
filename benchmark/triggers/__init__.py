"""Triggers: fixed changes of inputs that make a backdoored model answer with the target class.

Sources: Garg et al. 2020, whose code has a square and random pixels, set or added to; noise blended
into the image is that of Chen et al. 2017, "Targeted backdoor attacks on deep learning systems
using data poisoning"; tokens inserted into texts are those of Kurita et al. 2020, "Weight poisoning
attacks on pre-trained models".
"""

from benchmark.triggers.images import AdditiveNoise, BlendedNoise, Patch, RandomPixels
from benchmark.triggers.tokens import PLACES, Place, TokenTrigger
from benchmark.triggers.trigger import Trigger

__all__ = [
    "PLACES",
    "AdditiveNoise",
    "BlendedNoise",
    "Patch",
    "Place",
    "RandomPixels",
    "TokenTrigger",
    "Trigger",
]
