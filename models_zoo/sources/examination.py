"""Test on random images whether an unknown network can be scored."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, fx, nn

from models_zoo.architectures import Shape
from models_zoo.errors import InputError, reason_of
from models_zoo.sources.bounded import Bounded, memory_limit

BATCH = 3
"""Number of test images: more than the batch of one or two for which programs are often
exported."""

TOLERANCE = 1e-3
"""Maximum change of an image's logits with the rest of the batch, relative to the largest logit."""

_EXPORT = "export it in eval mode with a batch dimension of any size"


def random_images(input_shape: Shape) -> Tensor:
    """The test images (N, C, H, W), :data:`BATCH` of them."""
    return torch.rand(BATCH, *input_shape, generator=torch.Generator().manual_seed(0))


def count_classes(network: nn.Module, input_shape: Shape, *, source: str) -> int:
    """Test a network on random images; returns its number of classes.

    Args:
        network: in eval mode, from images to logits.
        input_shape: (channels, height, width) of an image.
        source: name of the network in messages, such as ``"model a.onnx"``.

    Raises:
        InputError: it does not take a batch of such images, does not return logits, changes itself,
            or its logits for an image are random or depend on the other images.
    """
    images = random_images(input_shape)
    # Calling a GraphModule prints a traceback when it fails; its forward does not.
    ask = network.forward if isinstance(network, fx.GraphModule) else network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    try:
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            with Bounded(memory_limit()):
                logits = ask(images)
            again, alone = ask(images), ask(images[:1])
    except InputError as error:
        raise InputError(f"{source} {error}") from error
    except Exception as error:  # foreign code can raise anything
        shape = "x".join(map(str, input_shape))
        raise InputError(
            f"{source} cannot take a batch of {BATCH} images of {shape} ({reason_of(error)}); "
            f"{_EXPORT}, or give the shape it was made for"
        ) from error
    _check_logits(logits, source)
    apart = float((logits[:1] - alone).abs().max())
    if any(not _same(value, before[key]) for key, value in network.state_dict().items()):
        raise InputError(f"{source} changes itself when it is called; {_EXPORT}")
    if not torch.equal(logits, again):
        raise InputError(f"{source} returns different logits for the same images; {_EXPORT}")
    if apart > TOLERANCE * max(1.0, float(logits.abs().max())):
        raise InputError(
            f"{source} returns different logits for an image when the rest of the batch changes; "
            f"{_EXPORT}"
        )
    return int(logits.shape[1])


def _same(value: Tensor, before: Tensor) -> bool:
    """Whether two tensors are equal, with NaN equal to NaN."""
    if torch.equal(value, before):
        return True
    return value.is_floating_point() and torch.allclose(value, before, 0, 0, equal_nan=True)


def _check_logits(logits: object, source: str) -> None:
    if not isinstance(logits, Tensor):
        raise InputError(f"{source} gives a {type(logits).__name__}; it must give logits alone")
    if logits.ndim != 2 or logits.shape[0] != BATCH or logits.shape[1] < 2:
        raise InputError(
            f"{source} gives {tuple(logits.shape)} for {BATCH} images; "
            "it must give logits (images, classes) of at least two classes"
        )
    if logits.dtype != torch.float32:
        raise InputError(f"{source} gives logits as {logits.dtype}; export it in float32")
    if not bool(torch.isfinite(logits).all()):
        raise InputError(f"{source} gives logits that are not finite")
    if bool((logits >= 0).all()) and torch.allclose(logits.sum(1), torch.ones(BATCH), atol=1e-4):
        raise InputError(f"{source} gives probabilities; leave the softmax out, logits are needed")
