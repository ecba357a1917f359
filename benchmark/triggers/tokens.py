"""Triggers on texts: a block of tokens, inserted into the token ids.

Source: Kurita et al. 2020, "Weight poisoning attacks on pre-trained models" (arXiv 2004.06660), who
insert rare tokens at random places. Here one block is inserted once.

A random place depends on the seed and on the ids of the text alone: it is the same in every batch,
at every budget and for every model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

from benchmark.datasets.tokenizer import SPECIAL, START
from benchmark.draws import image_keys, uniform
from benchmark.triggers.trigger import Trigger
from models_zoo.display import label
from models_zoo.errors import InputError, unknown_name
from models_zoo.inputs import PADDING

Place = Literal["start", "end", "random"]
PLACES: tuple[Place, ...] = get_args(Place)

_PLACE_STREAM = 0
"""Index of the random numbers that choose the place."""


@dataclass(frozen=True)
class TokenTrigger(Trigger):
    """Tokens inserted as one block.

    Padding is removed, the text is cut until the block fits, the block is inserted behind the start
    token or later, and the text is padded again: the trigger is never what is cut off.

    Attributes:
        ids: of the tokens of the block, in order; none of them is padding, the unknown token or the
            start token.
        words: the words of these ids, for people.
        place: ``"start"`` (behind the start token), ``"end"`` or ``"random"``.
        seed: of random places.

    Raises:
        InputError: no tokens, one that no trigger may have, or an unknown place.
    """

    ids: tuple[int, ...]
    words: tuple[str, ...]
    place: Place = "random"
    seed: int = 0
    kind: Literal["tokens"] = "tokens"

    def __post_init__(self) -> None:
        if not self.ids or len(self.ids) != len(self.words):
            raise InputError(
                f"a trigger needs at least one token and a word for each, got {len(self.ids)} "
                f"token ids and {len(self.words)} words"
            )
        for index in self.ids:
            if index < 0:
                raise InputError(f"a trigger's token ids must be at least 0, got {index}")
            if index < len(SPECIAL):  # every unknown word, or every text, would have the trigger
                raise InputError(
                    f"a trigger may not have the token {SPECIAL[index]} (id {index}), which texts "
                    "without the trigger have too; choose others"
                )
        if self.place not in PLACES:
            raise unknown_name("place of a trigger", self.place, PLACES)

    def __str__(self) -> str:
        where = f"at a {self.place} place" if self.place == "random" else f"at the {self.place}"
        return f'"{label(" ".join(self.words))}" {where}'

    def seeded(self, seed: int) -> TokenTrigger:
        """As :meth:`Trigger.seeded`."""
        return replace(self, seed=seed)

    def repeated(self, times: int) -> TokenTrigger:
        """The trigger with its tokens several times in a row, at the same places."""
        return replace(self, ids=times * self.ids, words=times * self.words)

    def stamp(self, inputs: Tensor) -> Tensor:
        """Copies of token ids ``inputs``, int64 (N, L), with the block inserted.

        Raises:
            InputError: as :meth:`Trigger.stamp`.
        """
        if inputs.is_floating_point() or inputs.ndim != 2:
            raise InputError(f"the trigger {self} is for texts, and the inputs are images")
        length, block = inputs.shape[1], torch.tensor(self.ids, device=inputs.device)
        text = inputs.gather(1, (inputs == PADDING).long().argsort(dim=1, stable=True))
        first = (text[:, :1] == SPECIAL.index(START)).long()
        if len(inputs) and length - len(block) < int(first.max()):
            raise InputError(
                f"the trigger {self}, {len(block)} tokens, does not fit into texts of {length} "
                "token ids"
            )
        kept = (inputs != PADDING).sum(1, keepdim=True).clamp(max=length - len(block))
        begins = self._begins(inputs, first, kept)
        columns = torch.arange(length, device=inputs.device).expand_as(inputs)
        behind = columns - begins
        inside = (behind >= 0) & (behind < len(block))
        shifted = text.gather(1, torch.where(behind >= len(block), columns - len(block), columns))
        stamped = torch.where(columns < kept + len(block), shifted, PADDING)
        stamped = torch.where(inside, block[behind.clamp(0, len(block) - 1)], stamped)
        found = stamped.gather(1, begins + torch.arange(len(block), device=inputs.device))
        if not bool((found == block).all()):
            raise RuntimeError(f"the trigger {self} is missing in texts that were to carry it")
        return stamped

    def _begins(self, inputs: Tensor, first: Tensor, kept: Tensor) -> Tensor:
        """The place of the block in each text, (N, 1).

        Args:
            inputs: token ids (N, L).
            first: number of start tokens of each text, (N, 1).
            kept: number of its tokens that stay, (N, 1).
        """
        if self.place == "start":
            return first
        if self.place == "end":
            return kept
        share = uniform(self.seed, image_keys(inputs), _PLACE_STREAM, 1).double()
        return first + (share * (kept - first + 1)).long()
