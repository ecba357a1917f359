"""Proposing an ``--architecture`` for weights whose architecture is missing or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from models_zoo.architectures import Shape, build_skeleton
from models_zoo.architectures.ordered import is_ordered
from models_zoo.architectures.recognition import guess, head
from models_zoo.architectures.signatures import named_by_signature
from models_zoo.checkpoint.extras import is_extra
from models_zoo.checkpoint.fitting import matches
from models_zoo.checkpoint.normalizers import is_normalizer
from models_zoo.checkpoint.synonyms import by_common_names
from models_zoo.checkpoint.wrappers import without_wrappers
from models_zoo.display import shown
from models_zoo.errors import InputError

NAMES = 4
"""Number of architectures that a message names."""

FOREIGN = 3
"""Maximum number of library networks that are built and compared, which is slow."""

COPIES = 4
"""Maximum number of copies of one network in a file."""

TENSORS = 20_000
"""Maximum number of tensors; no known network has more."""


@dataclass(frozen=True)
class Proposal:
    """Architectures that weights fit by every name and shape.

    Attributes:
        architectures: names, the likeliest first; they differ in what the weights do not
            determine, such as strides.
        classes: number of logits; ``None`` if no last layer was found.
    """

    architectures: tuple[str, ...]
    classes: int | None

    def advice(self, classes: int | None) -> str:
        """What to do, as the end of a message.

        Args:
            classes: number of classes of the data, if known.
        """
        if not self.architectures:
            return (
                "name the architecture it was trained with, such as cifar-resnet32, "
                "timm:resnet18 or torchvision:resnet18 (docs/zoo.md lists the families)"
            )
        names = ", ".join(self.architectures[:NAMES])
        several = len(self.architectures) > 1
        fit = f"its weights fit {names}" + (
            ", any of which may be meant: try them and compare clean accuracies" if several else ""
        )
        if classes is not None and self.classes not in (None, classes):
            return f"{fit}, for {self.classes} classes where the data has {classes}"
        return f"{fit}; give --architecture {shown(self.architectures[0], 200)[1:-1]}"


def propose(weights: Mapping[str, Tensor], input_shape: Shape, classes: int | None) -> Proposal:
    """Architectures that weights fit; takes at most a few seconds.

    Args:
        weights: by name; their numbers are not read.
        input_shape: (channels, height, width) of an image.
        classes: number of classes of the data, if known.
    """
    if len(weights) > TENSORS:
        return Proposal((), None)
    bare = _bare(weights, input_shape[0])
    common = by_common_names(bare)
    shapes = {name: tuple(value.shape) for name, value in bare.items()}
    renamed = {key: shapes[name] for key, name in common.items()} if common else shapes
    found = head(renamed) or classes
    if found is None or found < 2:
        return Proposal((), found)
    own = [each for each in guess(renamed, input_shape) if _fits(each, weights, found, input_shape)]
    if not own:
        named = named_by_signature(shapes)[:FOREIGN]
        own = [each for each in named if _fits(each, weights, found, input_shape)]
    return Proposal(tuple(own), found)


def _bare(weights: Mapping[str, Tensor], channels: int) -> dict[str, Tensor]:
    """Weights without what wrappers, normalizers and training frameworks add."""
    plain, _ = without_wrappers(weights)
    kept = {
        name: value
        for name, value in plain.items()
        if not is_normalizer(name, value, channels) and not is_extra(name)
    }
    while kept:
        first = {name.partition(".")[0] for name in kept}
        if len(first) == 1 and all("." in name for name in kept):
            kept = {name.partition(".")[2]: value for name, value in kept.items()}
        elif inner := _copy_of(kept, first):
            kept = inner
        else:
            break
    return kept


def _copy_of(weights: Mapping[str, Tensor], parts: set[str]) -> dict[str, Tensor] | None:
    """One of several copies of a network, such as ``model.`` and ``attacker.model.``."""
    if not 2 <= len(parts) <= COPIES:
        return None
    groups = {
        part: {n.partition(".")[2]: v for n, v in weights.items() if n.startswith(f"{part}.")}
        for part in parts
    }
    least = min(map(len, groups.values()), default=0)  # a layer has fewer, and is not a network
    if least < 6 or sum(map(len, groups.values())) != len(weights):
        return None
    smallest = min(groups.values(), key=lambda group: min(name.count(".") for name in group))
    tails = [tuple(sorted(name[-12:] for name in group)) for group in groups.values()]
    return smallest if len(set(tails)) == 1 else None


def _fits(
    architecture: str, weights: Mapping[str, Tensor], classes: int, input_shape: Shape
) -> bool:
    try:
        network = build_skeleton(architecture, classes=classes, input_shape=input_shape)
    except InputError:
        return False
    ordered = is_ordered(architecture)
    return matches(network, weights, channels=input_shape[0], ordered=ordered)


def listed(names: Sequence[str]) -> str:
    """Architectures as listed in a message."""
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f"{', '.join(names[:NAMES])}{more}"
