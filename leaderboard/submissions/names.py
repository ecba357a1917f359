"""Checks of the names of submitted models: plain, and unlike other names in use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.foreign_names import FOREIGN

_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names of devices on Windows, with any extension."""

_ALIKE = str.maketrans(
    # Of Unicode's confusable characters (UTS 39) those of Cyrillic, Greek, Armenian and Latin that
    # look like a small Latin letter after normalization and case folding; digits as well.
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455"
    "\u0501\u051b\u051d\u04bb\u04cf\u0475\u0491"
    "\u03b1\u03b2\u03b5\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03b3\u03f2\u03f3"
    "\u0561\u0563\u0566\u0570\u0578\u057d\u0585"
    "\u0131\u0261\u0251\u026a\u1d0f\u1d1c\u1d20\u1d21\u1d22\u0237"
    "\u01c0\u2223\u00f8\u0142\u0111\u0127"
    "01|i",
    "abekmhopctyxljsdqwhlvrabenlkvoptuxycjwqghnuolgalouvwzjlloldholll",
)
_DASHES = re.compile(r"[\s_\u2010-\u2015\u2212\ufe58\ufe63\uff0d-]+")


def require_name(name: str) -> None:
    """Check that a name can be shown, typed into a command and used as a path anywhere.

    Args:
        name: of a submitted model, such as ``"digits/mine"``.

    Raises:
        InputError: it cannot.
    """
    reason = _fault(name)
    if reason:
        raise InputError(f"the name {shown(name)} {reason}; choose another name")


def _fault(name: str) -> str | None:
    if not name:
        return "is empty"
    if name != name.strip() or not name.isprintable():
        return "has spaces at its ends or characters that do not print"
    if any(unicodedata.category(each) in ("Cf", "Cc", "Co", "Cn", "Cs") for each in name):
        return "has characters that cannot be seen"
    if name.startswith("-"):
        return "begins like an option of a command"
    if name.partition(":")[0] in FOREIGN and ":" in name:
        return "is the name of a model of another library"
    if "\\" in name:
        return "has a backslash"
    for part in name.split("/"):
        if part in ("", ".", ".."):
            return "is not a plain path: a part between slashes is empty, '.' or '..'"
        if part != part.strip() or part.endswith("."):
            return "has a part that begins or ends with a space, or ends with a dot"
        if part.startswith("-"):
            return "has a part that begins like an option of a command"
        if _DEVICES.fullmatch(part):
            return f"is a device on some systems ({shown(part)})"
    return None


def require_unlike(name: str, known: Iterable[str]) -> None:
    """Check that a name does not look like another one in use; the same name is allowed.

    Args:
        name: of a submitted model.
        known: the names in use.

    Raises:
        InputError: it looks like another name.
    """
    own = skeleton(name)
    for other in known:
        if other != name and skeleton(other) == own:
            raise InputError(
                f"the name {shown(name)} looks like {shown(other)}, which is in use; choose "
                "another name, or exactly that one for the same model"
            )


def skeleton(name: str) -> str:
    """A normal form of a name, equal for names that look alike.

    Compatibility forms (such as full-width letters), case, accents and invisible characters are
    removed, letters of other scripts become the Latin ones they look like, and dashes,
    underscores and spaces become hyphens.

    Args:
        name: any text.
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(each for each in text if unicodedata.category(each) not in ("Mn", "Me", "Cf"))
    return _DASHES.sub("-", seen.translate(_ALIKE))
