"""How the names of models outside the zoo begin or end."""

from __future__ import annotations

FOREIGN = ("file", "hf-hub", "robustbench", "timm", "torchvision")
"""Prefixes before the colon in the names of models outside the zoo."""

FILES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".tar", ".onnx", ".pt2")
"""Suffixes of files that need no ``file:`` prefix."""
