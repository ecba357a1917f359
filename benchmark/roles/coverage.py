"""The share of the operands of a model's linear maps that is under attack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from benchmark.outputs import logits_of
from benchmark.roles.tracing import Trace, undisturbed
from models_zoo.functional_call import functional_call

TRIAL_MOVE = 0.5
"""Length of the trial displacement of tensors with zero gradient, relative to their norm."""

MAX_TRIAL_MOVES = 64
"""Maximum number of tensors that are displaced one by one."""


@dataclass(frozen=True)
class Coverage:
    """The operands of a model's linear maps, and how many of them an adversary perturbs.

    Attributes:
        numbers: number of entries that activations are multiplied with, or looked up from.
        reached: number of these that are perturbed and have a gradient.
        moved: number of perturbed entries, whatever they are used for.
        missed: texts on unperturbed tensors, largest first.
        zero_gradient: names of tensors that change the logits, but whose gradient is zero.
    """

    numbers: int
    reached: int
    moved: int
    missed: tuple[str, ...] = ()
    zero_gradient: tuple[str, ...] = ()

    @property
    def share(self) -> float | None:
        """Share of the entries that are under attack; ``None`` if there are none."""
        return self.reached / self.numbers if self.numbers else None

    def __str__(self) -> str:
        """The share and both numbers, as a text."""
        if self.share is None:
            return "no number that feeds a linear map"
        percent = f"{self.share:.1%}" if self.reached < self.numbers else "100%"
        return f"{self.reached:,} of {self.numbers:,} numbers that feed linear maps ({percent})"


def covered(trace: Trace, chosen: Mapping[str, Tensor], zero_gradient: frozenset[str]) -> Coverage:
    """Compare the perturbed tensors with the operands of linear maps.

    An operand computed from several tensors, such as a kernel with a scale and a mask, counts as
    many entries as can vary independently; those that the perturbed tensors can change are under
    attack.

    Args:
        trace: the operands of linear maps.
        chosen: the perturbed tensors, by name.
        zero_gradient: names of those without a gradient.
    """
    numbers = reached = 0
    missed: dict[tuple[str, str, tuple[int, ...]], int] = {}
    for operand in trace.operands:
        leaves = [(trace.leaves[leaf], count) for leaf, count in operand.counts]
        own = min(operand.numbers, sum(count for _, count in leaves))
        moving = sum(
            n for leaf, n in leaves if leaf.name in chosen and leaf.name not in zero_gradient
        )
        numbers, reached = numbers + own, reached + min(own, moving)
        if moving < own:
            leaf, _ = max(
                (
                    each
                    for each in leaves
                    if each[0].name not in chosen or each[0].name in zero_gradient
                ),
                key=lambda each: each[1],
            )
            key = (leaf.kind, leaf.name, leaf.shape)
            missed[key] = missed.get(key, 0) + own - moving
    order = sorted(missed, key=lambda key: -missed[key])
    return Coverage(
        numbers=numbers,
        reached=reached,
        moved=sum(tensor.numel() for tensor in chosen.values()),
        missed=tuple(_described(*key) for key in order),
        zero_gradient=tuple(name for name in chosen if name in zero_gradient),
    )


def _described(kind: str, name: str, shape: tuple[int, ...]) -> str:
    size = " x ".join(map(str, shape)) or "1"
    return f"{kind} {name[-60:]!r} ({size})" if name else f"{kind} ({size})"


def unseen(
    model: nn.Module, images: Tensor, chosen: Mapping[str, Tensor], generator: Generator
) -> frozenset[str]:
    """Names of tensors with zero gradient that change the logits when they are displaced.

    This happens if a weight is rounded, cast to integers or detached.

    Args:
        model: any module.
        images: a few images.
        chosen: the perturbed tensors, by name.
        generator: of the directions.
    """
    with torch.inference_mode(False), torch.enable_grad(), undisturbed():
        asked = {name: tensor.detach().clone().requires_grad_() for name, tensor in chosen.items()}
        output = functional_call(model, dict(asked), (images.detach().clone(),))
        logits = logits_of(output, images.dtype)
        mix = torch.randn(logits.shape, generator=generator).to(logits)
        dark = dict(chosen)
        if logits.requires_grad:
            gradients = torch.autograd.grad(
                (logits * mix).sum(), list(asked.values()), allow_unused=True
            )
            shown = zip(chosen.items(), gradients, strict=True)
            dark = {n: w for (n, w), gradient in shown if gradient is None or not gradient.any()}
    dark = {name: tensor for name, tensor in dark.items() if tensor.any()}
    before = _logits(model, chosen, images)
    if not dark or not torch.equal(before, _logits(model, chosen, images)):
        return frozenset()  # the logits of a random model show nothing
    moved = {name: _moved_alone(tensor, generator) for name, tensor in dark.items()}

    def counts(names: list[str]) -> bool:
        after = _logits(model, {**chosen, **{name: moved[name] for name in names}}, images)
        return not torch.equal(after, before)

    if not counts(list(dark)):
        return frozenset()
    if len(dark) > MAX_TRIAL_MOVES:
        return frozenset(dark)
    return frozenset(name for name in dark if counts([name]))


def _moved_alone(tensor: Tensor, generator: Generator) -> Tensor:
    direction = torch.randn(tensor.shape, generator=generator).to(tensor)
    length: Tensor = torch.linalg.vector_norm(tensor) / torch.linalg.vector_norm(direction)
    return tensor + TRIAL_MOVE * length * direction


def _logits(model: nn.Module, weights: Mapping[str, Tensor], images: Tensor) -> Tensor:
    with torch.no_grad(), undisturbed():
        torch.manual_seed(0)
        return logits_of(functional_call(model, dict(weights), (images.clone(),)), images.dtype)
