"""Text that a submitter writes: bounded, printable and in one Unicode form."""

from __future__ import annotations

import unicodedata

from pydantic import AfterValidator

_UNSEEN = ("Cf", "Cc", "Co", "Cn", "Cs", "Zl", "Zp")
"""Unicode categories of characters that cannot be seen, among them marks that change the direction
of writing."""


def line(longest: int) -> AfterValidator:
    """The validator of a text on one line, for use in ``Annotated[str, ...]``.

    It is stripped and brought into Unicode's form NFC; a text with characters that do not print is
    refused.

    Args:
        longest: maximum number of characters.
    """
    return AfterValidator(lambda text: _plain(text, longest, lines=False))


def paragraph(longest: int) -> AfterValidator:
    """A text of several lines, otherwise as :func:`line`.

    Args:
        longest: maximum number of characters.
    """
    return AfterValidator(lambda text: _plain(text, longest, lines=True))


def _plain(text: str, longest: int, *, lines: bool) -> str:
    if len(text) > longest:
        raise ValueError(f"has {len(text):,} characters; write at most {longest:,}")
    if lines:
        text = text.replace("\r\n", "\n")
    text = unicodedata.normalize("NFC", text).strip()
    for each in text:
        if unicodedata.category(each) in _UNSEEN and not (lines and each == "\n"):
            raise ValueError(
                f"has characters that do not print (U+{ord(each):04X}); leave them out"
            )
    if len(text) > longest:
        raise ValueError(f"has {len(text):,} characters in form NFC; write at most {longest:,}")
    return text
