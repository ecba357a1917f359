"""What a checkpoint file says about itself, found out before it is read completely.

Nothing here imports PyTorch: a file that is not a checkpoint is refused in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models_zoo.checkpoint.candidates import Choice, choose
from models_zoo.checkpoint.content import FileBytes, Inspect, Readable, read_file
from models_zoo.checkpoint.formats import Format, detect_format, require_suffix
from models_zoo.checkpoint.safetensors_files import read_safetensors
from models_zoo.checkpoint.torch_files import UnsafeError, read_archive, read_legacy
from models_zoo.display import label, shown
from models_zoo.errors import InputError, reason_of

ROOM = 64 << 20
"""Bytes that a file or its weights may always have, whatever the network: 64 MiB."""

EXTRA = 16
"""Maximum size of a file relative to the bytes of a network's weights; averages, optimizer states
and double precision need more than 1."""

READERS: dict[Format, Callable[[Readable], object]] = {
    "safetensors": read_safetensors,
    "archive": read_archive,
    "legacy": read_legacy,
}
"""What reads the content of a file of each format, with tensors as descriptions."""


def open_checkpoint(
    path: str | Path, weights: str | None = None, most: int | None = None
) -> FileBytes:
    """The bytes of a checkpoint file, after checking that it holds weights.

    Raises:
        InputError: as for :func:`read_checkpoint`.
    """
    path = Path(path)
    require_suffix(path)
    return read_file(path, most=most, inspect=inspecting(path, weights))


def inspecting(path: Path, weights: str | None = None) -> Inspect:
    """The check of a checkpoint file before it is read completely."""
    return lambda source: chosen_weights(path, source, weights)


def chosen_weights(path: Path, source: Readable, weights: str | None) -> Choice:
    """The set of weights of a file that is used.

    Args:
        path: of the file, for messages.
        source: its content.
        weights: as for :func:`models_zoo.read_weights`.

    Raises:
        InputError: it is of another kind, damaged, or holds none.
    """
    called = f"checkpoint {shown(path)}"
    kind = detect_format(path, source)
    try:
        content = READERS[kind](source)
    except UnsafeError as error:
        names = [label(str(each)) for each in error.args]
        raise InputError(
            f"{called} is refused: it is a pickle that holds more than tensors "
            f"({', '.join(names[:3])}{', ...' if len(names) > 3 else ''}) and was not loaded; "
            "save model.state_dict() alone"
        ) from error
    except Exception as error:  # a damaged or hostile file can fail anywhere in the reader
        raise damaged(path, error) from error
    return choose(content, weights, called)


def damaged(path: Path, error: Exception) -> InputError:
    """The refusal of a file whose reader failed."""
    return InputError(
        f"checkpoint {shown(path)} is truncated or damaged ({reason_of(error)}); "
        "download or save it again"
    )
