"""Requirements of attacks, tested on a few images before an attack runs.

Each function returns a text on what is missing, or ``None``.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from benchmark.outputs import logits_of
from benchmark.roles import Coverage
from benchmark.subject import Subject
from models_zoo.errors import InputError, reason_of
from models_zoo.functional_call import functional_call

PERTURBABLE_DTYPES = (torch.float32, torch.float64)
"""Types of weights in which small perturbations can be represented and measured."""

MIN_ATTACKABLE_SHARE = 0.5
"""Share of the operands of linear maps below which a single attack refuses to run."""

MAX_NAMED_TENSORS = 3
"""Maximum number of unperturbed tensors that a message names."""

ATTACKABLE_WEIGHTS = (
    "Make the weights of every layer parameters of the module, or buffers, that are used in each "
    "forward pass and through which gradients flow"
)
"""Advice for weights that attacks cannot reach."""

WEIGHTS_ADVICE = (
    f"{ATTACKABLE_WEIGHTS}; until then accuracies under attacks on weights are too high."
)

MAX_IMAGES = 8
"""Maximum number of images on which gradients of the weights are tested."""


def missing_image_gradients(subject: Subject) -> str | None:
    """A text if no gradient flows from the logits to the images."""
    return subject.once("missing image gradients", lambda: _missing_image_gradients(subject))


def missing_weights(subject: Subject) -> str | None:
    """A text if the weights cannot be perturbed, or no gradient flows to them."""
    return subject.once("missing weights", lambda: _missing_weights(subject))


def require_image_gradients(subject: Subject) -> None:
    """Refuse a model without gradients.

    Raises:
        InputError: no gradient flows from its logits to its images.
    """
    _refuse(missing_image_gradients(subject))


def require_weights(subject: Subject) -> None:
    """Refuse a model whose weights cannot be attacked.

    Raises:
        InputError: they cannot be perturbed, or no gradient flows to them.
    """
    _refuse(missing_weights(subject))


def require_weights_under_attack(subject: Subject, rule: str) -> None:
    """Refuse a model most of whose weights an attack could not perturb.

    Raises:
        InputError: the rule perturbs less than :data:`MIN_ATTACKABLE_SHARE` of the operands of
            linear maps.
    """
    found = subject.coverage(rule)
    if (
        isinstance(found, Coverage)
        and found.share is not None
        and found.share < MIN_ATTACKABLE_SHARE
    ):
        raise InputError(
            f"weight rule {rule!r} would perturb only {found}, and robustness would look too high."
            f"{tensors_out_of_reach(found)} {ATTACKABLE_WEIGHTS}"
        )


def tensors_out_of_reach(found: Coverage) -> str:
    """A sentence on unperturbed tensors, starting with a space; empty if there are none."""
    if not found.missed:
        return ""
    named = ", ".join(found.missed[:MAX_NAMED_TENSORS])
    further = len(found.missed) - MAX_NAMED_TENSORS
    more = f" and {further} more" if further > 0 else ""
    zero_gradient = (
        " The gradient of some is zero though the logits depend on them."
        if found.zero_gradient
        else ""
    )
    return f" Not perturbed: {named}{more}.{zero_gradient}"


def _refuse(problem: str | None) -> None:
    if problem is not None:
        raise InputError(problem)


def _missing_image_gradients(subject: Subject) -> str | None:
    if subject.kind == "tokens":
        return "the inputs are token ids, to which no gradient flows"
    images = subject.images[:1].clone().requires_grad_(True)
    problem = _no_gradient(subject, images, {}, [images])
    if problem in (
        None,
        ZERO_GRADIENTS,
    ):  # a constant function may be attacked: it is as robust as it looks
        return None
    return (
        f"no gradient flows from the model's logits to its images ({problem}); gradient-based "
        f"attacks would fail and the model would look robust: {_cure(problem)}, or attack it with "
        "access='scores'"
    )


def _missing_weights(subject: Subject) -> str | None:
    for name, parameter in subject.model.named_parameters():
        if parameter.is_complex():
            return (
                f"the model's parameter {name!r} is complex, which no space of perturbations "
                "supports; keep its real and imaginary parts as one real parameter and call "
                "torch.view_as_complex in forward"
            )
        if parameter.is_floating_point() and parameter.dtype not in PERTURBABLE_DTYPES:
            return (
                f"the model's parameter {name!r} is {str(parameter.dtype).removeprefix('torch.')}, "
                "in which a small perturbation cannot be measured; call model.float()"
            )
    if isinstance(subject.model, torch.jit.ScriptModule):
        return (
            "the weights of a TorchScript module cannot be replaced for a single call; pass the "
            "module it was made from"
        )
    try:
        own = subject.weights_that_move("all")
    except InputError as error:
        return str(error)
    weights = {
        name: tensor.detach().clone().requires_grad_(True)
        for name, tensor in own.items()
        if tensor.is_floating_point()
    }
    problem = _no_gradient(
        subject, subject.images[:MAX_IMAGES].clone(), weights, list(weights.values())
    )
    if problem is None:
        return None
    return (
        f"no gradient flows from the model's logits to its weights ({problem}); attacks on them "
        f"would fail and the model would look robust: {_cure(problem)}"
    )


ZERO_GRADIENTS = "they are exactly zero on every image tried"

CHECKPOINTS = ("torch.utils.checkpoint", "torch._functorch.checkpoint")
"""Names in PyTorch's errors for activations that are recomputed in the backward pass."""


def _cure(problem: str) -> str:
    """A hint for a model through which no gradient flows."""
    if any(name in problem for name in CHECKPOINTS):
        return (
            "its activations are checkpointed; switch torch.utils.checkpoint off in its forward, "
            "as with timm's model.set_grad_checkpointing(False)"
        )
    if problem == ZERO_GRADIENTS:
        return "let it return logits, neither rounded nor turned into decisions"
    return "remove torch.no_grad(), .detach() and the like from its forward"


def _no_gradient(
    subject: Subject, images: Tensor, weights: dict[str, Tensor], inputs: list[Tensor]
) -> str | None:
    """The problem with the gradient from the logits to ``inputs``; the cost is not counted."""
    own = images.clone() if images.requires_grad else images
    try:
        with torch.enable_grad(), warnings.catch_warnings(action="ignore"):
            output = (
                functional_call(subject.model, weights, (own,)) if weights else subject.model(own)
            )
            logits = logits_of(output, images.dtype)
            # The sum of probabilities is constant, so every class gets a different weight.
            # A model that squeezes its output drops the dimension of a single image.
            value = (logits * torch.linspace(1, 2, logits.shape[-1], device=logits.device)).sum()
        if not value.requires_grad:
            return "they have none"
        with warnings.catch_warnings(action="ignore"):
            gradients = torch.autograd.grad(value, inputs, allow_unused=True)
    except Exception as error:  # from the model's code or operations without a derivative
        return reason_of(error)
    found = [each for each in gradients if each is not None]
    if not found:
        return "they depend on none of them"
    return None if any(bool((each != 0).any()) for each in found) else ZERO_GRADIENTS
