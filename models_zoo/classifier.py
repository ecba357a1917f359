"""A network that contains its normalization: its inputs are images in [0, 1], or token ids."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from models_zoo.card import Card


class Classifier(nn.Module):
    """A network from images in [0, 1], or token ids, to logits; in eval mode, gradients off.

    Args:
        network: from normalized images (N, C, H, W), or token ids (N, L), to logits (N, classes).
        card: what is known about it, including the normalization.
        notes: what a user should know about how it was read, such as which of several sets of
            weights in its file is used; one line each. Commands print them before they score.

    Attributes:
        card: the card it was built from.
        notes: as given.
        network: the wrapped network, whose parameters a weight attack perturbs.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, card: Card, notes: Sequence[str] = ()) -> None:
        super().__init__()
        self.card = card
        self.notes = tuple(notes)
        self.network = network
        self.register_buffer("mean", torch.tensor(card.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(card.std).view(1, -1, 1, 1), persistent=False)
        self.eval()
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images, float32 (N, C, H, W), or token ids, int64 (N, L)."""
        own = images if self.card.tokens else (images - self.mean) / self.std
        logits: Tensor = self.network(own)
        return logits

    @property
    def fingerprint(self) -> str:
        """SHA-256 of architecture, normalization and weights: the identity of the function.

        Unlike the hash of the file, it changes with the normalization, which is not in the file,
        and stays the same if the same weights are stored in another format.
        """
        text = f"{self.card.architecture}|{self.card.mean}|{self.card.std}|"
        return fingerprint(self.network, salt=text)


def fingerprint(module: nn.Module, salt: str = "") -> str:
    """SHA-256 of the names, types, shapes and bytes of a module's parameters and buffers.

    Args:
        module: any module; its state dict is read, nothing is changed.
        salt: text that is hashed first, for what the state dict does not contain.
    """
    digest = hashlib.sha256(salt.encode())
    for name, value in sorted(module.state_dict().items()):
        for part in _parts(value):
            if isinstance(part, Tensor):
                tensor = part.detach().cpu().contiguous()
                digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
                digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
            else:
                digest.update(f"{name}|{part!r}|".encode())
    return digest.hexdigest()


def _parts(value: object) -> Iterator[object]:
    """The tensors in an entry of a state dict; quantized layers keep several, packed."""
    if isinstance(value, Tensor) and value.is_quantized:
        yield value.dequantize()
    elif isinstance(value, tuple):
        for each in value:
            yield from _parts(each)
    else:
        yield value
