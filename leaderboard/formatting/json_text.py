"""JSON text for the site's files."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from benchmark.serialization import finite

_CONTROLS = re.compile("[\x7f-\x9f]")


def json_text(content: Any) -> str:
    """Plain data as JSON on one line; numbers that JSON cannot write become ``null``.

    Control characters are escaped, those above the first 32 as well, since the text may be printed.
    A lone surrogate in a text is kept; the caller handles it when writing the file.
    """
    try:
        text = to_json(content, inf_nan_mode="null").decode()
    except PydanticSerializationError:  # it writes UTF-8 only, several times as fast as the other
        text = json.dumps(
            finite(content), allow_nan=False, ensure_ascii=False, separators=(",", ":")
        )
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
