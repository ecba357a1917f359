"""Checkpoint files: reading them safely, fitting them to a network, writing them."""

from models_zoo.checkpoint.content import FileBytes, read_file, sha256_file
from models_zoo.checkpoint.fitting import fit_weights
from models_zoo.checkpoint.reading import Checkpoint, read_checkpoint, read_weights
from models_zoo.checkpoint.writing import save_weights

__all__ = [
    "Checkpoint",
    "FileBytes",
    "fit_weights",
    "read_checkpoint",
    "read_file",
    "read_weights",
    "save_weights",
    "sha256_file",
]
