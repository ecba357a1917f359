"""JSON text for the site's files."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from benchmark.serialization import finite


def json_text(content: Any) -> str:
    """Plain data as JSON on one line; numbers that JSON cannot write become ``null``.

    A lone surrogate in a text is kept; the caller handles it when writing the file.
    """
    try:
        return to_json(content, inf_nan_mode="null").decode()
    except PydanticSerializationError:  # it writes UTF-8 only, several times as fast as the other
        return json.dumps(
            finite(content), allow_nan=False, ensure_ascii=False, separators=(",", ":")
        )
