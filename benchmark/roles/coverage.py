"""The share of the operands of a model's linear maps that is under attack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from benchmark.outputs import logits_of
from benchmark.roles.tracing import Trace, undisturbed
from models_zoo.functional_call import functional_call

NUDGE = 0.5
"""Length of the trial move of tensors with zero gradient, relative to their norm."""

TRIED = 64
"""Maximum number of them that are moved one by one."""


@dataclass(frozen=True)
class Coverage:
    """Numbers that feed linear maps, and how many of them an adversary moves.

    Attributes:
        numbers: numbers that activations are multiplied with, or looked up from.
        reached: how many of them move, and show in the gradient that they do.
        moved: numbers that move, whatever they are used for.
        missed: what does not move, largest first, in words.
        blind: names of tensors that change the logits, but whose gradient is zero.
    """

    numbers: int
    reached: int
    moved: int
    missed: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()

    @property
    def share(self) -> float | None:
        """Share of the numbers that are under attack; ``None`` where none feed a linear map."""
        return self.reached / self.numbers if self.numbers else None

    def __str__(self) -> str:
        """The share with its numbers."""
        if self.share is None:
            return "no number that feeds a linear map"
        percent = f"{self.share:.1%}" if self.reached < self.numbers else "100%"
        return f"{self.reached:,} of {self.numbers:,} numbers that feed linear maps ({percent})"


def covered(trace: Trace, chosen: Mapping[str, Tensor], blind: frozenset[str]) -> Coverage:
    """Compare the tensors that move with those that feed linear maps.

    An operand computed from several tensors, such as a kernel with a scale and a mask, has as many
    numbers as it can take independently; those that the moving tensors can change are under attack.

    Args:
        trace: what feeds linear maps.
        chosen: what moves, by name.
        blind: of these, what an attack does not see.
    """
    numbers = reached = 0
    missed: dict[tuple[str, str, tuple[int, ...]], int] = {}
    for operand in trace.operands:
        leaves = [(trace.leaves[leaf], count) for leaf, count in operand.counts]
        own = min(operand.numbers, sum(count for _, count in leaves))
        moving = sum(n for leaf, n in leaves if leaf.name in chosen and leaf.name not in blind)
        numbers, reached = numbers + own, reached + min(own, moving)
        if moving < own:
            leaf, _ = max(
                (each for each in leaves if each[0].name not in chosen or each[0].name in blind),
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
        blind=tuple(name for name in chosen if name in blind),
    )


def _described(kind: str, name: str, shape: tuple[int, ...]) -> str:
    size = " x ".join(map(str, shape)) or "1"
    return f"{kind} {name[-60:]!r} ({size})" if name else f"{kind} ({size})"


def unseen(
    model: nn.Module, images: Tensor, chosen: Mapping[str, Tensor], generator: Generator
) -> frozenset[str]:
    """Names of tensors that change the logits when they are moved, though their gradient is zero.

    So it is where a weight is rounded, cast to integers or detached on its way.

    Args:
        model: any module.
        images: a few.
        chosen: what moves, by name.
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
        return frozenset()  # a model that answers differently each time shows nothing
    moved = {name: _nudged(tensor, generator) for name, tensor in dark.items()}

    def counts(names: list[str]) -> bool:
        after = _logits(model, {**chosen, **{name: moved[name] for name in names}}, images)
        return not torch.equal(after, before)

    if not counts(list(dark)):
        return frozenset()
    if len(dark) > TRIED:
        return frozenset(dark)
    return frozenset(name for name in dark if counts([name]))


def _nudged(tensor: Tensor, generator: Generator) -> Tensor:
    direction = torch.randn(tensor.shape, generator=generator).to(tensor)
    length: Tensor = torch.linalg.vector_norm(tensor) / torch.linalg.vector_norm(direction)
    return tensor + NUDGE * length * direction


def _logits(model: nn.Module, weights: Mapping[str, Tensor], images: Tensor) -> Tensor:
    with torch.no_grad(), undisturbed():
        torch.manual_seed(0)
        return logits_of(functional_call(model, dict(weights), (images.clone(),)), images.dtype)
