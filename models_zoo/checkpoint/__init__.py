"""Checkpoint files: reading them safely, fitting them to a network, writing them."""

from models_zoo.checkpoint.fitting import fit_weights
from models_zoo.checkpoint.formats import sha256_file
from models_zoo.checkpoint.reading import read_weights
from models_zoo.checkpoint.writing import save_weights

__all__ = ["fit_weights", "read_weights", "save_weights", "sha256_file"]
