"""Rendering without searching for garbage in between."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave cycles of objects where they are until the block ends.

    Rendering makes millions of objects that stay and hardly any cycles; looking for some among
    them, again and again, takes an eighth of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
