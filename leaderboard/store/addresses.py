"""Database addresses as messages show them: without passwords."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_HIDDEN = "***"
_SECRET = re.compile("pass(word|wd)?|pwd|secret|token|key", re.IGNORECASE)
"""Part of the names of a URL's options whose values are not shown, such as ``sslpassword``."""

_USER_INFO = re.compile(r"(//[^:/?#]*:).*(?=@)", re.DOTALL)
_OPTION = re.compile(rf"([?&;][^=&]*(?:{_SECRET.pattern})[^=&]*=)[^&]*", re.IGNORECASE)


def without_password(database: str | Path | URL) -> str:
    """A database's address without a password, even if it is no valid URL.

    Args:
        database: an SQLAlchemy URL, or the path of an SQLite file.
    """
    if isinstance(database, Path) or (isinstance(database, str) and "://" not in database):
        return str(database)
    try:
        url = make_url(database)
    except (ArgumentError, ValueError):
        return _OPTION.sub(rf"\1{_HIDDEN}", _USER_INFO.sub(rf"\1{_HIDDEN}", str(database)))
    secret = {name: _HIDDEN for name in url.query if _SECRET.search(name)}
    shown = url.update_query_dict(secret).render_as_string(hide_password=True)
    return shown.replace(quote(_HIDDEN), _HIDDEN)
