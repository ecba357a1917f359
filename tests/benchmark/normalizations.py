"""Normalizations of every kind, and what scales activations without being one.

Each layer takes (N, 8, H, W) and has the parameters ``a`` and ``b``, or those its docstring names.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Affine(nn.Module):
    """A gain and a shift for each channel, which subclasses use in their own way."""

    mean: torch.Tensor
    var: torch.Tensor

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.linspace(0.5, 1.5, 8).view(8, 1, 1))
        self.b = nn.Parameter(torch.linspace(-0.5, 0.5, 8).view(8, 1, 1))
        self.register_buffer("mean", torch.linspace(-0.1, 0.1, 8).view(8, 1, 1))
        self.register_buffer("var", torch.linspace(0.5, 2, 8).view(8, 1, 1))

    def forward(self, x):
        return x * self.a + self.b


class ByHand(Affine):
    def forward(self, x):
        centred = x - x.mean(1, keepdim=True)
        deviation = torch.sqrt(centred.pow(2).mean(1, keepdim=True) + 1e-6)
        return self.a * (centred / deviation) + self.b


class GainFirst(Affine):
    def forward(self, x):
        centred = x - x.mean(1, keepdim=True)
        return self.a * centred / (x.std(1, keepdim=True) + 1e-6) + self.b


class OnePlus(Affine):
    def forward(self, x):
        var, mean = torch.var_mean(x, (2, 3), keepdim=True)
        return (x - mean) * (var + 1e-5).rsqrt() * (1 + self.a) + self.b


class AddedProduct(Affine):
    def forward(self, x):
        var, mean = torch.var_mean(x, (2, 3), keepdim=True)
        return torch.addcmul(self.b, self.a, (x - mean) * (var + 1e-5) ** -0.5)


class FoldedIntoStatistics(Affine):
    def forward(self, x):
        var, mean = torch.var_mean(x, 1, keepdim=True)
        scale = self.a * torch.rsqrt(var + 1e-5)
        return x * scale + (self.b - mean * scale)


class RunningByHand(Affine):
    def forward(self, x):
        return (x - self.mean) / torch.sqrt(self.var + 1e-5) * self.a + self.b


class RunningFolded(Affine):
    def forward(self, x):
        scale = self.a * (self.var + 1e-5).rsqrt()
        return x * scale + (self.b - self.mean * scale)


class FunctionalLayerNorm(Affine):
    def forward(self, x):
        last = x.permute(0, 2, 3, 1)
        return F.layer_norm(last, (8,), self.a.flatten(), self.b.flatten()).permute(0, 3, 1, 2)


class FunctionalBatchNorm(Affine):
    def forward(self, x):
        mean, var = self.mean.flatten(), self.var.flatten()
        return F.batch_norm(x, mean, var, self.a.flatten(), self.b.flatten())


class FunctionalInstanceNorm(Affine):
    def forward(self, x):
        return F.instance_norm(x, weight=self.a.flatten(), bias=self.b.flatten())


class ScaleAfterGroups(Affine):
    def forward(self, x):
        return F.group_norm(x, 2) * self.a + self.b


class FilterResponse(Affine):
    """With a threshold ``tau`` besides."""

    def __init__(self):
        super().__init__()
        self.tau = nn.Parameter(torch.full((8, 1, 1), -0.2))

    def forward(self, x):
        size = torch.rsqrt(x.pow(2).mean((2, 3), keepdim=True) + 1e-6)
        return torch.max(self.a * x * size + self.b, self.tau)


class GlobalResponse(Affine):
    def forward(self, x):
        size = x.norm(p=2, dim=(2, 3), keepdim=True)
        return x + self.a * (x * (size / (size.mean(1, keepdim=True) + 1e-6))) + self.b


class Length(Affine):
    def forward(self, x):
        return F.normalize(x, dim=1) * self.a + self.b


class ActNorm(Affine):
    """Its statistics were taken once, in training; a forward pass shows none."""


NORMALIZING = {
    kind.__name__: kind
    for kind in (
        *(ByHand, GainFirst, OnePlus, AddedProduct, FoldedIntoStatistics, RunningByHand),
        *(RunningFolded, FunctionalLayerNorm, FunctionalBatchNorm, FunctionalInstanceNorm),
        *(ScaleAfterGroups, FilterResponse, GlobalResponse, Length, ActNorm),
    )
} | {
    "BatchNorm2d": lambda: nn.BatchNorm2d(8),
    "GroupNorm": lambda: nn.GroupNorm(2, 8),
    "LayerNorm": lambda: nn.LayerNorm((8, 6, 6)),
    "RMSNorm": lambda: nn.RMSNorm((8, 6, 6)),
    "InstanceNorm2d": lambda: nn.InstanceNorm2d(8, affine=True),
    "BatchNorm2d and a scale": lambda: nn.Sequential(nn.BatchNorm2d(8, affine=False), Affine()),
    "spectral LayerNorm": lambda: nn.utils.parametrizations.weight_norm(nn.LayerNorm((8, 6, 6))),
}
"""None of the parameters of these moves."""


class Standardized(nn.Conv2d):
    """The weight is normalized, not the activation: it moves, its gain too."""

    def __init__(self):
        super().__init__(8, 8, 1)
        self.gain = nn.Parameter(torch.ones(8, 1, 1, 1))

    def forward(self, x):
        var, mean = torch.var_mean(self.weight, (1, 2, 3), keepdim=True)
        return F.conv2d(x, self.gain * (self.weight - mean) * (var + 1e-5).rsqrt(), self.bias)


class Excitation(nn.Module):
    """A channel's gate, from the mean of all: no normalization."""

    def __init__(self):
        super().__init__()
        self.conv, self.a = nn.Conv2d(8, 8, 1), nn.Parameter(torch.ones(8, 1, 1))

    def forward(self, x):
        return x * torch.sigmoid(self.conv(x.mean((2, 3), keepdim=True)) * self.a)


class Places(nn.Module):
    """Embeddings of places, added to a normalized activation: no shift of its channels."""

    def __init__(self):
        super().__init__()
        self.places = nn.Parameter(torch.linspace(0, 1, 8 * 36).view(8, 6, 6))

    def forward(self, x):
        return F.layer_norm(x, (8, 6, 6)).relu() + self.places


class NormedLinear(nn.LayerNorm):
    """A layer norm by type, with a linear map of its own."""

    def __init__(self):
        super().__init__((8, 6, 6), elementwise_affine=False)
        self.weights = nn.Parameter(torch.eye(8))

    def forward(self, x):
        return torch.einsum("nchw,cd->ndhw", super().forward(x), self.weights)


class ScaledLength(Affine):
    """The scale comes before the length is measured, so it is one of the layer below."""

    def forward(self, x):
        scaled = x * self.a
        return scaled / scaled.norm(dim=1, keepdim=True)

    def __init__(self):
        super().__init__()
        del self.b


MOVING = {
    kind.__name__: kind
    for kind in (Affine, Standardized, Excitation, Places, NormedLinear, ScaledLength)
} | {
    "PReLU after BatchNorm2d": lambda: nn.Sequential(nn.BatchNorm2d(8, affine=False), nn.PReLU(8)),
    "Conv2d after BatchNorm2d": lambda: nn.Sequential(
        nn.BatchNorm2d(8, affine=False), nn.Conv2d(8, 8, 1)
    ),
    "depthwise": lambda: nn.Conv2d(8, 8, 1, groups=8),
}
"""All parameters of these move."""


def around(layer):
    """A small network with the layer inside, for images (N, 3, 8, 8)."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), layer(), nn.ReLU(), nn.Flatten(), nn.Linear(288, 3)
    ).eval()
