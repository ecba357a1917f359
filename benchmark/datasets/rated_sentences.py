"""The rated film-review sentences of the vaderSentiment 0.5 source archive.

Hutto and Gilbert, "VADER: A parsimonious rule-based model for sentiment analysis of social media
text" (ICWSM 2014), had people rate 10,605 sentences of Pang and Lee's film reviews. The data set
``movies`` has those with a rating beyond 0.5 in either direction, 10,043 of them. Sentences of one
review may be in different splits: the file does not say which belong together.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from benchmark.datasets.labeled_texts import LabeledText
from models_zoo.checkpoint.content import read_file
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of

SENTENCES = "movieReviewSnippets_GroundTruth.txt"
"""The file with the sentences, UTF-8: a line per sentence, number TAB rating TAB text."""

INNER = "hutto_ICWSM_2014.tar.gz"
"""The archive with this file inside the source archive."""

SHA256 = "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350"
"""SHA-256 of the file with the sentences."""

ORIGIN = (
    "the source archive of vaderSentiment 0.5 (pip download --no-deps --no-binary :all: "
    f"vadersentiment==0.5), the {INNER} in it, or the {SENTENCES} in that"
)
"""Where the file is from, for messages."""

LEAST_RATING = 0.5
"""Sentences with a rating from minus this to this are neither positive nor negative."""

_MOST_BYTES = 64 << 20


def read_sentences(path: Path) -> list[LabeledText]:
    """The positive and negative sentences, in the order of the file.

    Args:
        path: see :data:`ORIGIN`.

    Raises:
        InputError: it holds no such file, or another version of it.
    """
    content = read_file(path, kind="archive", most=_MOST_BYTES).data
    try:
        found = _unpacked(content)
    except Exception as error:  # damaged archives fail in many ways
        raise InputError(
            f"{shown(path)} cannot be unpacked ({reason_of(error)}); give {ORIGIN}"
        ) from error
    digest = hashlib.sha256(found).hexdigest()
    if digest != SHA256:
        raise InputError(
            f"{shown(path)} has no {SENTENCES} with SHA-256 {SHA256[:12]}... (it has "
            f"{digest[:12]}...); give {ORIGIN}"
        )
    return list(_parsed(found.decode()))


def _parsed(text: str) -> Iterator[LabeledText]:
    for line in text.splitlines():
        _, rating, sentence = line.split("\t", 2)
        if abs(float(rating)) > LEAST_RATING:
            yield LabeledText(sentence.strip(), int(float(rating) > 0))


def _unpacked(content: bytes) -> bytes:
    """The file with the sentences: the content itself, or from up to two archives around it."""
    for _ in range(2):
        if content[:2] == b"PK":
            content = _from_zip(content)
        elif content[:2] == b"\x1f\x8b":
            content = _from_tar(content)
    return content


def _from_zip(content: bytes) -> bytes:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for member in archive.infolist():
            if Path(member.filename).name in (INNER, SENTENCES):
                with archive.open(member) as stream:
                    return _bounded(stream.read(_MOST_BYTES + 1))
    raise ValueError(f"it has neither {INNER} nor {SENTENCES}")


def _from_tar(content: bytes) -> bytes:
    with gzip.GzipFile(fileobj=BytesIO(content)) as packed:
        plain = BytesIO(_bounded(packed.read(_MOST_BYTES + 1)))
    with tarfile.open(fileobj=plain) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is not None and Path(member.name).name in (INNER, SENTENCES):
                return _bounded(stream.read(_MOST_BYTES + 1))
    raise ValueError(f"it has neither {INNER} nor {SENTENCES}")


def _bounded(content: bytes) -> bytes:
    if len(content) > _MOST_BYTES:
        raise ValueError(f"a member has more than {_MOST_BYTES:,} bytes")
    return content
