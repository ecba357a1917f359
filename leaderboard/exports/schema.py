"""JSON Schemas of published files; ``python -m leaderboard.exports.schema`` writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from leaderboard.exports.index import Index
from leaderboard.exports.record import SCHEMA_VERSION, ModelRecord

PUBLISHED: dict[str, type[BaseModel]] = {
    f"record-v{SCHEMA_VERSION}.json": ModelRecord,
    f"results-v{SCHEMA_VERSION}.json": Index,
}
"""Files of the ``schema`` folder, with the models that they describe."""


def json_schema(kind: type[BaseModel], *, closed: bool = False) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a published file.

    Args:
        kind: the model of the file.
        closed: whether unknown fields are errors. The published schemas allow
            them, since a later release may add some without a new ``schema_version``.
    """
    dialect = "https://json-schema.org/draft/2020-12/schema"
    schema = kind.model_json_schema(mode="serialization")
    return {"$schema": dialect} | (schema if closed else _opened(schema))


def _opened(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_opened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _opened(value)
        for key, value in schema.items()
        if not (key == "additionalProperties" and value is False)
    }


def schema_text(kind: type[BaseModel]) -> str:
    """The text of a schema's file."""
    return json.dumps(json_schema(kind), indent=2) + "\n"


def write_schemas(folder: Path) -> None:
    """Write every published schema into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in PUBLISHED.items():
        (folder / name).write_text(schema_text(kind), "utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schema"))
