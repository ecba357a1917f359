"""Check of whether the network can be called."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.errors import reason_of
from models_zoo.sources.examination import BATCH


class ForwardPass(Check):
    """A batch of images gives a tensor of logits, within the limits of memory and work."""

    id = "forward-pass"
    title = "The forward pass fails"
    meaning = (
        "The network is called with a batch of 3 random images in [0, 1]. It must return one "
        "float32 tensor of logits (images, classes). Every operation's memory is known before it "
        "runs, and a network that needs more than 1 GiB for 3 images "
        "(`NONSINGULAR_NETWORK_BYTES`), or far more arithmetic than any network that is scored, is "
        "refused. A graph that was exported for a batch of one image fails here."
    )
    fix = "Export the network in float32, for batches of any size, with the logits as its output."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Call it once."""
        shape = "x".join(map(str, case.image_set.input_shape))
        try:
            with warnings.catch_warnings(action="ignore"):
                answer = case.first_answer
        except Exception as error:  # a network can fail in any way
            yield cls.finding(
                f"it cannot take a batch of {BATCH} images of {shape}: {reason_of(error)}"
            )
            return
        if not isinstance(answer, Tensor):
            yield cls.finding(f"it returns a {type(answer).__name__}, not a tensor of logits")
        elif answer.ndim != 2 or len(answer) != BATCH:
            yield cls.finding(
                f"it returns {tuple(answer.shape)} for {BATCH} images; logits are (images, classes)"
            )
        elif answer.dtype != torch.float32:
            yield cls.finding(f"it returns logits as {answer.dtype}, not float32")
