"""A network in memory as the bytes of an ONNX file."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from models_zoo.errors import InputError, reason_of
from nonsingular.extras import required

OPSET = 18
"""Version of the operators, which the importer knows."""


def onnx_bytes(network: nn.Module, images: Tensor) -> bytes:
    """The graph of a network that takes batches of any size.

    Args:
        network: from images to logits, in eval mode.
        images: at least two examples (N, C, H, W), with which it is traced.

    Raises:
        InputError: ``nonsingular[onnx]`` is not installed, or the network cannot be exported.
    """
    for package in ("onnx", "onnxscript", "onnx2torch"):
        required(package, "a network that is no known architecture", extra="onnx")
    with tempfile.TemporaryDirectory() as folder, _quietly():
        path = Path(folder) / "network.onnx"
        try:
            torch.onnx.export(
                network,
                (images[:2],),
                path,
                dynamo=True,
                opset_version=OPSET,
                input_names=["images"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                external_data=False,
                verbose=False,
            )
        except Exception as error:  # the exporter raises errors of many kinds
            raise InputError(
                "the model is refused: it is no known architecture, and cannot be exported as an "
                f"ONNX graph ({reason_of(error)}); give architecture if it has one"
            ) from error
        return path.read_bytes()


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporter's warnings and logs: what it makes is compared with the network."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(disabled)
