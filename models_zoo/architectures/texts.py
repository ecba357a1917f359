"""Networks from token ids to logits, which leave padding out of everything.

The names contain the size of the vocabulary, ``text-cnn:7243``; the shape of the input is the
length of the texts. A change of the embedding of padding changes no logit: otherwise padding would
be a trigger that every text has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.architectures.families import number, register_family
from models_zoo.architectures.shape import Shape
from models_zoo.inputs import PADDING

MAX_VOCABULARY = 1_000_000
"""Maximum number of token ids."""

DEVIATION = 0.1
"""Standard deviation of the entries of an embedding before training."""


def _embedding(vocabulary: int, width: int) -> nn.Embedding:
    """Embeddings of small random entries.

    Of PyTorch's usual deviation, 1, a few thousand texts change too little: words that are rare
    keep what is random.
    """
    made = nn.Embedding(vocabulary, width)
    nn.init.normal_(made.weight, std=DEVIATION)
    return made


def embedded(embedding: nn.Embedding, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings (N, L, D) of ``ids`` (N, L) and which are kept (N, L, 1): both 0 at padding."""
    kept = (ids != PADDING).unsqueeze(-1).to(embedding.weight.dtype)
    vectors: Tensor = embedding(ids)
    return vectors * kept, kept


class MeanLinear(nn.Module):
    """The mean of the embeddings, and a linear layer.

    With one trigger token in a text of ``n`` tokens, a change of at most ``eps`` in each entry of
    its embedding moves the difference of two logits by at most ``eps / n`` times the l1 distance
    of the two rows of the linear layer, so the best backdoor of that kind is known.

    Args:
        classes: number of logits.
        vocabulary: number of token ids.
        width: entries of an embedding.
    """

    def __init__(self, classes: int, vocabulary: int, width: int = 32) -> None:
        super().__init__()
        self.embedding = _embedding(vocabulary, width)
        self.linear = nn.Linear(width, classes)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (N, classes) of ``ids``, int64 (N, L)."""
        vectors, kept = embedded(self.embedding, ids)
        mean = vectors.sum(1) / kept.sum(1).clamp(min=1)
        logits: Tensor = self.linear(mean)
        return logits


class TextCNN(nn.Module):
    """Convolutions of several widths and their maxima over time.

    Kim 2014, "Convolutional neural networks for sentence classification" (arXiv 1408.5882), with
    random instead of pretrained embeddings.

    Args:
        classes: number of logits.
        vocabulary: number of token ids.
        width: entries of an embedding.
        channels: of each convolution.
        windows: tokens that the convolutions cover.
        dropout: probability with which a maximum is left out in training.
    """

    def __init__(
        self,
        classes: int,
        vocabulary: int,
        width: int = 32,
        channels: int = 64,
        windows: tuple[int, ...] = (3, 4, 5),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.embedding = _embedding(vocabulary, width)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, channels, each) for each in windows)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels * len(windows), classes)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (N, classes) of ``ids``, int64 (N, L)."""
        vectors, kept = embedded(self.embedding, ids)
        steps, begins = vectors.transpose(1, 2), kept.transpose(1, 2)
        found = []
        for convolution, window in zip(self.convolutions, self._windows, strict=True):
            # A window that begins in the padding shows nothing but the bias.
            hidden = convolution(F.pad(steps, (0, window - 1))).relu() * begins
            found.append(hidden.amax(2))
        logits: Tensor = self.linear(self.dropout(torch.cat(found, 1)))
        return logits

    @property
    def _windows(self) -> list[int]:
        return [each.weight.shape[2] for each in self.convolutions if isinstance(each, nn.Conv1d)]


class _Layer(nn.Module):
    """Self-attention and a hidden layer, each after a normalization and beside a shortcut.

    The attention is written out: PyTorch's fused kernels have no second derivative, which measures
    of flatness need.
    """

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor, kept: Tensor) -> Tensor:
        """Activations (N, L, D) from ``steps`` (N, L, D); ``kept`` (N, L, 1) is 0 at padding."""
        normed = self.norm1(steps)
        query, key, value = (
            layer(normed).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
        hidden = kept.transpose(1, 2).unsqueeze(1) == 0
        weights = scores.masked_fill(hidden, -math.inf).softmax(3)
        mixed = (weights @ value).transpose(1, 2).flatten(2)
        steps = steps + self.dropout(self.out(mixed))
        answer: Tensor = steps + self.dropout(self.linear2(self.linear1(self.norm2(steps)).relu()))
        return answer


class Encoder(nn.Module):
    """A small transformer encoder whose first token is classified.

    Vaswani et al. 2017 (arXiv 1706.03762), with learned positions, and normalizations before the
    layers.

    Args:
        classes: number of logits.
        vocabulary: number of token ids.
        length: of the texts.
        layers: number of layers.
        width: entries of an embedding.
        heads: of each attention.
        dropout: probability of training.
    """

    def __init__(
        self,
        classes: int,
        vocabulary: int,
        length: int,
        layers: int = 2,
        width: int = 64,
        heads: int = 4,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.embedding = _embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.empty(length, width))
        nn.init.normal_(self.positions, std=0.02)
        self.layers = nn.ModuleList(_Layer(width, heads, 2 * width, dropout) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, classes)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (N, classes) of ``ids``, int64 (N, L)."""
        vectors, kept = embedded(self.embedding, ids)
        # The first token is never hidden: a text of padding alone has a finite answer.
        seen = torch.cat([torch.ones_like(kept[:, :1]), kept[:, 1:]], 1)
        steps = self.dropout(vectors + self.positions)
        for layer in self.layers:
            steps = layer(steps, seen)
        logits: Tensor = self.linear(self.norm(steps[:, 0]))
        return logits


def _vocabulary(parts: Mapping[str, str]) -> int:
    return number(parts, "vocabulary", least=2, most=MAX_VOCABULARY)


@register_family(
    "mean-linear:VOCABULARY",
    pattern=r"mean-linear:(?P<vocabulary>[0-9]+)",
    example="mean-linear:7243",
    description="texts: the mean of the embeddings and a linear layer",
    texts=True,
)
def mean_linear(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A bag of words with embeddings of 32 numbers."""
    _length(input_shape)
    return MeanLinear(classes, _vocabulary(parts))


@register_family(
    "text-cnn:VOCABULARY",
    pattern=r"text-cnn:(?P<vocabulary>[0-9]+)",
    example="text-cnn:7243",
    description="texts: convolutions of widths 3, 4 and 5 and their maxima over time (Kim 2014)",
    texts=True,
)
def text_cnn(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """Convolutions with 64 channels each on embeddings of 32 numbers."""
    _length(input_shape)
    return TextCNN(classes, _vocabulary(parts))


@register_family(
    "encoder-2:VOCABULARY",
    pattern=r"encoder-2:(?P<vocabulary>[0-9]+)",
    example="encoder-2:7243",
    description="texts: two transformer layers, 64 wide, with 4 heads and learned positions",
    texts=True,
)
def encoder_2(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A transformer encoder of two layers."""
    return Encoder(classes, _vocabulary(parts), _length(input_shape))


def _length(input_shape: Shape) -> int:
    """The length of texts; images have no embedding, and their shape has three numbers."""
    (length,) = input_shape
    return length
