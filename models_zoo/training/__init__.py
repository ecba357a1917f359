"""Training the zoo's own checkpoints: one loop, a short recipe a method."""

from models_zoo.training import pgd_at, standard
from models_zoo.training.loop import train
from models_zoo.training.progress import Epoch
from models_zoo.training.recipe import USUAL_EPS, Recipe, Settings, list_recipes, load_recipe

RECIPES = (standard, pgd_at)
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
