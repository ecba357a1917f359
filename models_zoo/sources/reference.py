"""Names of models outside the zoo: ``<source>:<path>?<key>=<value>&...``."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from models_zoo.display import shown
from models_zoo.errors import InputError, unknown_name
from models_zoo.foreign_names import FILES, FOREIGN

LOCAL = ("file", "model_dir")
"""Options that say where files are on this machine."""

NAME = 4000
"""Maximum number of characters of a name in which options are searched."""


@dataclass(frozen=True)
class Reference:
    """The parsed name of a foreign model.

    Attributes:
        name: the name without the options that say where files are on this machine.
        source: one of :data:`FOREIGN`.
        path: what follows the colon.
        options: what follows the question mark, such as ``{"dataset": "cifar10"}``.
    """

    name: str
    source: str
    path: str
    options: Mapping[str, str]

    def require_known(self, known: Collection[str]) -> None:
        """Check that every option is one of ``known``.

        Raises:
            InputError: one is not.
        """
        for option in self.options:
            if option not in known:
                raise unknown_name(f"option of {shown(self.name)}", option, known)

    def text(self, option: str) -> str | None:
        """An option as written; ``None`` if it was not given."""
        return self.options.get(option)

    def numbers(self, option: str) -> tuple[float, ...] | None:
        """An option such as ``0.485,0.456,0.406``.

        Raises:
            InputError: a part is not a number.
        """
        text = self.options.get(option)
        try:
            return None if text is None else tuple(float(part) for part in text.split(","))
        except ValueError:
            raise self._wrong(option, "numbers such as 0.5,0.5,0.5") from None

    def count(self, option: str) -> int | None:
        """An option such as ``10``.

        Raises:
            InputError: it is not a positive integer.
        """
        text = self.options.get(option)
        if text is None:
            return None
        if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
            raise self._wrong(option, "a whole number above 0")
        return int(text)

    def shape(self, option: str) -> tuple[int, int, int] | None:
        """An option such as ``3x32x32``: channels, height, width.

        Raises:
            InputError: it is not three positive integers.
        """
        text = self.options.get(option)
        if text is None:
            return None
        if not re.fullmatch(r"[1-9][0-9]{0,5}(x[1-9][0-9]{0,5}){2}", text):
            raise self._wrong(option, "channels x height x width, such as 3x32x32")
        channels, height, width = map(int, text.split("x"))
        return channels, height, width

    def _wrong(self, option: str, wanted: str) -> InputError:
        return InputError(
            f"option {option}={self.options[option]} of {shown(self.name)} is wrong; give {wanted}"
        )


def parse_reference(name: str) -> Reference | None:
    """Parse a foreign model's name; ``None`` for a name, or pattern, of the zoo.

    Args:
        name: such as ``"torchvision:resnet18"``, ``"net.onnx"`` or
            ``"file:net.pt?architecture=mlp&dataset=digits"``.

    Raises:
        InputError: the prefix before the colon is not a source.
    """
    head, query = _parted(name)
    options = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    kept = "&".join(f"{key}={value}" for key, value in options.items() if key not in LOCAL)
    called = f"{head}?{kept}" if kept else head
    source, colon, path = head.partition(":")
    if colon and path and source in FOREIGN:
        return Reference(called, source, path, options)
    if Path(head).suffix.lower() in FILES:
        return Reference(called, "file", head, options)
    if colon:
        raise unknown_name("source", f"{source}:", [f"{known}:" for known in FOREIGN])
    return None


def _parted(name: str) -> tuple[str, str]:
    """The name and its options, which may contain further question marks."""
    for found in re.finditer(r"\?", name[:NAME]):
        query = name[found.end() :]
        if re.fullmatch(r"[\w-]+=[^&]*(&[\w-]+=[^&]*)*", query):
            return name[: found.start()], query
    return name, ""  # the question mark is part of a pattern, or there is none
