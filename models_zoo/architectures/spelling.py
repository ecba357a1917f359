"""Other spellings of architectures' names, for "did you mean"."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_SPELLINGS = (
    (r"(?:wrn|wideresnet|wresnet)(\d+)x(\d+)", "wrn-{}-{}"),
    (
        r"(?:cifarpreact|cifarpreactivation|preresnetcifar)(?:resnet|rn)?(\d+)",
        "cifar-preact-resnet{}",
    ),
    (r"(?:preact|preactivation|pre)(?:resnet|rn)(18|34|50|101|152)", "preact-resnet{}"),
    (r"(?:preact|preactivation|pre)(?:resnet|rn)(\d+)", "cifar-preact-resnet{}"),
    (r"(?:cifar|cifar10|cifar100)(?:resnet|rn)(\d+)(?:cifar10|cifar100)?", "cifar-resnet{}"),
    (r"(?:resnet|rn)(18|34|50|101|152)(?:cifar|cifar10|cifar100)?", "resnet{}"),
    (r"(?:resnet|rn)(\d+)(?:cifar|cifar10|cifar100)?", "cifar-resnet{}"),
    (r"vgg(11|13|16|19)(?:bn|batchnorm)", "vgg{}-bn"),
    (r"vgg(11|13|16|19)", "vgg{}"),
    (r"(?:resnet2b|cifarresnet2b)", "cifar-resnet2b"),
    (r"(?:cnna|cifarcnna)", "cnn-a"),
    (r"smallcnn", "cnn:32p0-32p0-M-64p0-64p0-M-fc200-fc200"),
)
"""Patterns of names in lower case without separators, and the names used here."""


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant; ``None`` if no name is close.

    Args:
        name: as it was written, such as ``"WideResNet-34-10"``.
        known: names and examples of families, for names that match no pattern.
    """
    numbers = re.sub(r"(?<=\d)[-_ /]+(?=\d)", "x", name[:100].lower())
    plain = re.sub(r"[^a-z0-9]", "", numbers)
    for pattern, template in _SPELLINGS:
        found = re.fullmatch(pattern, plain)
        if found is not None and _exists(template, found.groups()):
            return template.format(*found.groups())
    near = difflib.get_close_matches(name[:100].lower(), sorted(known), n=1, cutoff=0.5)
    return near[0] if near else None


def _exists(template: str, numbers: tuple[str, ...]) -> bool:
    """Whether networks of a kind can have a depth: 6 n + 2 or 6 n + 4."""
    rests = {"cifar-": 2, "wrn-": 4}
    rest = next((each for start, each in rests.items() if template.startswith(start)), None)
    return rest is None or not numbers or int(numbers[0][:9]) % 6 == rest
