"""The encoder of MiniLM sentence embeddings on the words of our vocabularies, and a linear layer.

Reimers and Gurevych 2019, "Sentence-BERT" (arXiv 1908.10084), and Wang et al. 2020, "MiniLM" (arXiv
2002.10957): all-MiniLM-L6-v2 is a BERT (Devlin et al. 2019, arXiv 1810.04805) with 6 layers, 384
wide, with 12 heads, whose outputs are averaged over a text. ``models_zoo.sources.encoders`` reads
its weights.

BERT splits words into pieces that words share. Here a row of the embedding holds the pieces of one
word, one after the other, so every word has copies of its own: the logits are those of BERT's own
tokens, texts are token ids as for every other network, and a change of one word's row changes no
other word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.architectures.families import number, register_family
from models_zoo.architectures.shape import Shape
from models_zoo.errors import InputError
from models_zoo.inputs import PADDING

LAYERS, WIDTH, HEADS, HIDDEN = 6, 384, 12, 1536
"""Number of layers, entries of an embedding, heads of an attention, units of a hidden layer."""

PLACES = 512
"""Number of learned positions: the maximum number of pieces of a text, with the separator."""

MAX_VOCABULARY, MAX_PIECES = 100_000, 32
"""Maximum numbers of token ids, and of pieces of a word."""

_EPS = 1e-12
"""Added to variances, as in BERT."""


class _Layout:
    """Where the pieces of the texts of a batch are.

    Linear layers see the pieces of all texts one after the other, without padding, which is most of
    the time that short texts take; attention sees one text per row.

    Args:
        sizes: number of tokens of each text, int64 (N,).
        longest: the largest of them, P.
        places: index of each token in a batch of P tokens per text, int64 (T,).
    """

    def __init__(self, sizes: Tensor, longest: int, places: Tensor) -> None:
        self.places, self.shape = places, (len(sizes), longest)
        self.seen = torch.arange(longest, device=sizes.device) < sizes[:, None]

    def spread(self, steps: Tensor) -> Tensor:
        """Activations (N, P, D), 0 behind the end of a text, from those of the tokens (T, D)."""
        count, longest = self.shape
        rows = steps.new_zeros(count * longest, steps.shape[1])
        return rows.index_copy(0, self.places, steps).view(count, longest, steps.shape[1])

    def packed(self, steps: Tensor) -> Tensor:
        """The activations of the tokens (T, D) from (N, P, D)."""
        return steps.flatten(0, 1).index_select(0, self.places)


class _Layer(nn.Module):
    """Self-attention and a hidden layer, each followed by a normalization.

    The attention is written out: PyTorch's fused kernels have no second derivative, which measures
    of flatness need.
    """

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.value, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH, eps=_EPS)
        self.linear1, self.linear2 = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH, eps=_EPS)

    def forward(self, steps: Tensor, layout: _Layout) -> Tensor:
        """Activations of the tokens (T, D) from (T, D)."""
        query, key, value = (
            layout.spread(layer(steps)).view(*layout.shape, HEADS, WIDTH // HEADS).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
        weights = scores.masked_fill(~layout.seen[:, None, None], -math.inf).softmax(3)
        mixed = layout.packed((weights @ value).transpose(1, 2).flatten(2))
        steps = self.norm1(steps + self.out(mixed))
        answer: Tensor = self.norm2(steps + self.linear2(F.gelu(self.linear1(steps))))
        return answer


class MiniLM(nn.Module):
    """The mean of a BERT's outputs over a text, and a linear layer.

    Args:
        classes: number of logits.
        vocabulary: number of token ids.
        pieces: maximum number of pieces of a word.
        length: of the texts.

    Attributes:
        embedding: the pieces of each word, (vocabulary, pieces * width).
        counts: how many pieces each word has, int64 (vocabulary,).

    Raises:
        InputError: the texts may have more pieces than there are positions.
    """

    counts: Tensor

    def __init__(self, classes: int, vocabulary: int, pieces: int, length: int) -> None:
        super().__init__()
        if length * pieces >= PLACES:
            raise InputError(
                f"texts of {length} words of up to {pieces} pieces may have {length * pieces} "
                f"pieces, and minilm-l6 takes at most {PLACES - 1}"
            )
        self.pieces = pieces
        self.embedding = nn.Embedding(vocabulary, pieces * WIDTH)
        self.register_buffer("counts", torch.ones(vocabulary, dtype=torch.int64))
        self.separator = nn.Parameter(torch.zeros(WIDTH))
        self.positions = nn.Parameter(torch.empty(PLACES, WIDTH))
        nn.init.normal_(self.positions, std=0.02)
        self.segment = nn.Parameter(torch.zeros(WIDTH))
        self.norm = nn.LayerNorm(WIDTH, eps=_EPS)
        self.layers = nn.ModuleList(_Layer() for _ in range(LAYERS))
        self.linear = nn.Linear(WIDTH, classes)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (N, classes) of ``ids``, int64 (N, L)."""
        logits: Tensor = self.linear(self.embed(ids))
        return logits

    def embed(self, ids: Tensor) -> Tensor:
        """The mean of the last layer's outputs (N, D) of ``ids``, int64 (N, L)."""
        tokens, layout = self._tokens(ids)
        spread = layout.spread(tokens) + self.positions[: layout.shape[1]] + self.segment
        steps = self.norm(layout.packed(spread))
        for layer in self.layers:
            steps = layer(steps, layout)
        return layout.spread(steps).sum(1) / layout.seen.sum(1, keepdim=True)

    def _tokens(self, ids: Tensor) -> tuple[Tensor, _Layout]:
        """Embeddings of the pieces of all texts (T, D), the separators last, and where they are."""
        counts = self.counts[ids].clamp(0, self.pieces) * (ids != PADDING)
        numbers = torch.arange(self.pieces, device=ids.device)
        used = numbers < counts.unsqueeze(2)
        rows = (ids.unsqueeze(2) * self.pieces + numbers)[used]
        ends = counts.sum(1)
        longest = int(ends.max()) + 1 if len(ids) else 1
        # The pieces of a text before each of its pieces are those of the words before, and of the
        # same word.
        before = (counts.cumsum(1) - counts).unsqueeze(2) + numbers
        texts = torch.arange(len(ids), device=ids.device)
        places = (texts[:, None, None] * longest + before)[used]
        pieces = F.embedding(rows, self.embedding.weight.view(-1, WIDTH))
        tokens = torch.cat([pieces, self.separator.expand(len(ids), -1)])
        places = torch.cat([places, texts * longest + ends])
        return tokens, _Layout(ends + 1, longest, places)


@register_family(
    "minilm-l6:VOCABULARYxPIECES",
    pattern=r"minilm-l6:(?P<vocabulary>[0-9]+)x(?P<pieces>[0-9]+)",
    example="minilm-l6:7243x6",
    description="texts: the encoder of all-MiniLM-L6-v2 on words of up to PIECES pieces, and a "
    "linear layer",
    texts=True,
)
def minilm_l6(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A BERT of six layers, 384 wide, with 12 heads."""
    (length,) = input_shape
    vocabulary = number(parts, "vocabulary", least=2, most=MAX_VOCABULARY)
    return MiniLM(classes, vocabulary, number(parts, "pieces", most=MAX_PIECES), length)
