"""Addresses that a page may link to."""

from __future__ import annotations

from urllib.parse import urlsplit


def web_link(url: object) -> str | None:
    """The address as text where a page may link to it: http and https only, else ``None``."""
    text = str(url)
    try:
        scheme = urlsplit(text).scheme
    except ValueError:  # such as brackets that are no address
        return None
    return text if scheme in ("http", "https") else None
