"""Networks whose weights an attack that moves parameters by name does not reach, or not at once.

Each takes images (N, 1, 8, 8) and has 16 x 64 numbers in its hidden layer and 3 x 16 in the last.
"""

from typing import Any

import torch
import torch.nn.utils.prune
from torch import nn
from torch.nn import functional as F


class Hidden(nn.Module):
    """The hidden weight is a parameter; subclasses keep or use it differently."""

    w: Any

    def __init__(self):
        super().__init__()
        self.keep(torch.linspace(-1, 1, 1024).sin().view(16, 64))
        self.last = nn.Linear(16, 3)

    def keep(self, weight):
        self.w = nn.Parameter(weight)

    def weight(self):
        return self.w

    def hidden(self, x):
        return F.linear(x, self.weight())

    def forward(self, x):
        return self.last(F.relu(self.hidden(x.flatten(1))))


class Attribute(Hidden):
    def keep(self, weight):
        self.w = weight


class Einsum(Attribute):
    def hidden(self, x):
        return torch.einsum("ni,oi->no", x, self.w)


class ProductAndSum(Attribute):
    def hidden(self, x):
        return (x[:, None] * self.w).sum(-1)


class Convolution(Attribute):
    def hidden(self, x):
        return F.conv2d(x.view(-1, 1, 8, 8), self.w.view(16, 1, 8, 8)).flatten(1)


class TransposedCast(Attribute):
    def hidden(self, x):
        return x @ (2 * self.w.double().t().contiguous()).float()


class Listed(Attribute):
    def keep(self, weight):
        self.w = [nn.Linear(64, 16)]

    def hidden(self, x):
        return self.w[0](x)


class Closure(Hidden):
    def keep(self, weight):
        self.hidden_map = lambda x: x @ weight.t()

    def hidden(self, x):
        return self.hidden_map(x)


class NumPy(Attribute):
    def keep(self, weight):
        self.w = weight.numpy()

    def weight(self):
        return torch.from_numpy(self.w)


class Table(Attribute):
    def hidden(self, x):
        return self.w.t()[(x * 63).long()].mean(1)


class Integers(Hidden):
    def keep(self, weight):
        self.register_buffer("w", (127 * weight).round().to(torch.int8))
        self.scale = nn.Parameter(torch.full((16, 1), 1 / 127))

    def weight(self):
        return self.w.float() * self.scale


class Adapter(Attribute):
    """A frozen weight, kept as an attribute, with a movable one of low rank."""

    def keep(self, weight):
        self.w = weight
        self.down = nn.Parameter(torch.full((1, 64), 0.1))
        self.up = nn.Parameter(torch.full((16, 1), 0.1))

    def weight(self):
        return self.w + self.up @ self.down


class Cached(Hidden):
    """Keeps what it used first."""

    def keep(self, weight):
        super().keep(weight)
        self.cache = None

    def weight(self):
        if self.cache is None:
            self.cache = self.w.detach().clone()
        return self.cache


class Detached(Hidden):
    def weight(self):
        return self.w.detach()


class Data(Hidden):
    def weight(self):
        return self.w.data


class NoGrad(Hidden):
    def weight(self):
        with torch.no_grad():
            return 1 * self.w


class Rounded(Hidden):
    def weight(self):
        return (10 * self.w).round() / 10


class Signs(Hidden):
    def weight(self):
        return self.w.sign()


OUT_OF_REACH = {
    kind.__name__: kind
    for kind in (
        *(Attribute, Einsum, ProductAndSum, Convolution, TransposedCast, Listed, Closure, NumPy),
        *(Table, Integers, Adapter, Cached, Detached, Data, NoGrad, Rounded, Signs),
    )
}
"""Less than half of what feeds their linear maps moves."""


class Buffer(Hidden):
    def keep(self, weight):
        self.register_buffer("w", weight)


class BufferTransposed(Hidden):
    def keep(self, weight):
        self.register_buffer("w", weight.t().double().contiguous())

    def weight(self):
        return self.w.float().t()


class BufferScaled(Buffer):
    def keep(self, weight):
        super().keep(weight)
        self.register_buffer("scale", torch.linspace(1, 2, 16).view(16, 1))

    def weight(self):
        return self.w * self.scale


class BufferAdapter(Adapter):
    def keep(self, weight):
        super().keep(weight)
        del self.w
        self.register_buffer("w", weight)


BUFFERS = {kind.__name__: kind for kind in (Buffer, BufferTransposed, BufferScaled, BufferAdapter)}
"""The buffer ``w`` moves, so that all is under attack; no other buffer does."""


class Masked(Hidden):
    def keep(self, weight):
        super().keep(weight)
        self.register_buffer("mask", (weight > 0).float())

    def weight(self):
        return self.w * self.mask


class StraightThrough(Hidden):
    def weight(self):
        return self.w + (self.w.round() - self.w).detach()


class Blurred(Hidden):
    """Blurs its images with a fixed filter, the same for every channel."""

    blur: torch.Tensor

    def __init__(self):
        super().__init__()
        corner = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("blur", (corner[:, None] * corner / 16).repeat(4, 1, 1, 1))

    def forward(self, x):
        blurred = F.conv2d(x.expand(-1, 4, -1, -1), self.blur, padding=1, groups=4)
        return super().forward(blurred.mean(1))


class BatchNormFolded(Hidden):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(16)

    def weight(self):
        assert self.norm.running_var is not None
        deviation = torch.sqrt(self.norm.running_var + self.norm.eps)
        return self.w * (self.norm.weight / deviation).view(16, 1)


class Frozen(Hidden):
    def keep(self, weight):
        self.w = nn.Parameter(weight, requires_grad=False)


class Tied(Hidden):
    def keep(self, weight):
        super().keep(weight)
        self.again = self.w

    def weight(self):
        return (self.w + self.again) / 2


def _with(change):
    class Changed(Hidden):
        def __init__(self):
            super().__init__()
            self.first = change(nn.Linear(64, 16))
            del self.w

        def hidden(self, x):
            return self.first(x)

    return Changed


UNDER_ATTACK = {
    kind.__name__: kind
    for kind in (Hidden, Masked, StraightThrough, Blurred, BatchNormFolded, Frozen, Tied)
} | {
    "weight norm": _with(nn.utils.parametrizations.weight_norm),
    "spectral norm": _with(nn.utils.parametrizations.spectral_norm),
    "orthogonal": _with(nn.utils.parametrizations.orthogonal),
    "pruned": _with(lambda layer: nn.utils.prune.l1_unstructured(layer, "weight", 0.5)),
}
"""All that feeds their linear maps moves, and no buffer does."""


def made(kind):
    """A network of the kind, with the same weights each time."""
    torch.manual_seed(0)
    return kind().eval()
