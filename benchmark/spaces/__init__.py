"""Spaces: the sets of perturbations that an adversary may choose from."""

from benchmark.spaces.inputs import InputBall
from benchmark.spaces.product import ProductSpace
from benchmark.spaces.region import Region
from benchmark.spaces.selection import RULES, by_layer, select_weights
from benchmark.spaces.space import IMAGES, Point, Space
from benchmark.spaces.weights import GEOMETRIES, WeightBall

__all__ = [
    "GEOMETRIES",
    "IMAGES",
    "RULES",
    "InputBall",
    "Point",
    "ProductSpace",
    "Region",
    "Space",
    "WeightBall",
    "by_layer",
    "select_weights",
]
