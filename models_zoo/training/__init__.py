"""Training the zoo's own checkpoints: one loop, and a short recipe per method."""

from models_zoo.training import (
    at_awp,
    clean_awp,
    label_smoothing,
    mart,
    nonsingular,
    pgd_at,
    random_weight_noise,
    standard,
    trades,
    trades_awp,
)
from models_zoo.training.loop import train
from models_zoo.training.progress import Epoch
from models_zoo.training.recipe import USUAL_EPS, Recipe, Settings, list_recipes, load_recipe

RECIPES = (
    at_awp,
    clean_awp,
    label_smoothing,
    mart,
    nonsingular,
    pgd_at,
    random_weight_noise,
    standard,
    trades,
    trades_awp,
)
"""The modules whose import registers the built-in recipes."""

__all__ = [
    "RECIPES",
    "USUAL_EPS",
    "Epoch",
    "Recipe",
    "Settings",
    "list_recipes",
    "load_recipe",
    "train",
]
