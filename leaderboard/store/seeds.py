"""Secret seeds: committed to before models are scored with them, and revealed later.

A person who knows a seed knows every random draw of the attacks. A server can hold one secret: it
publishes its commitment at once, the SHA-256 of the seed and of 256 random bits, and both of these
later, so that anyone can check that the seed was chosen before.

Until then, tables, pages and exports have a stand-in: the number ``-1 - c``, where ``c`` is the
first 12 hexadecimal digits of the commitment. No command accepts a negative seed.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Engine, RowMapping, insert, select, update
from sqlalchemy.orm import Session

from leaderboard.store.clock import now
from leaderboard.store.schema import SeedRow
from leaderboard.store.writing import read, write
from models_zoo.display import shown
from models_zoo.errors import InputError, unknown_name

BITS, NONCE_BYTES = 52, 32
"""Of a seed, which is a number that JSON keeps, and of the random bytes that hide it."""

SHOWN_DIGITS = 12
"""Number of digits of a commitment that its stand-in has: 48 bits, which JSON numbers keep."""

MAX_NOTE = 200


@dataclass(frozen=True)
class Commitment:
    """A seed that was committed to; see :class:`leaderboard.store.schema.SeedRow`.

    Attributes:
        seed: ``None`` until it is revealed.
        nonce: ``None`` until it is revealed.
    """

    sha256: str
    created: float
    revealed: float | None
    note: str
    seed: int | None
    nonce: str | None


def commitment_of(seed: int, nonce: str) -> str:
    """The commitment to a seed: the SHA-256 of ``nonsingular seed <seed> <nonce>``.

    Args:
        seed: root of random draws.
        nonce: random hexadecimal digits, without which seeds could be tried.
    """
    return hashlib.sha256(f"nonsingular seed {seed} {nonce}".encode()).hexdigest()


def stand_in(sha256: str) -> int:
    """The number that is shown in place of a secret seed."""
    return -1 - int(sha256[:SHOWN_DIGITS], 16)


def seed_text(seed: int) -> str:
    """A seed, or the stand-in of one, in words: ``seed 0``, ``secret seed 0123456789ab``."""
    if seed >= 0:
        return f"seed {seed}"
    return f"secret seed {-1 - seed:0{SHOWN_DIGITS}x}"


class Seeds:
    """The seeds of a database that were committed to.

    Args:
        engine: of an open store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def commit(self, note: str = "") -> Commitment:
        """Draw a seed and commit to it.

        Args:
            note: what it is for, for readers.

        Raises:
            InputError: the note cannot be shown.
        """
        if not note.isprintable() or len(note) > MAX_NOTE:
            raise InputError(
                f"the note {shown(note)} cannot be shown; give up to {MAX_NOTE} printable "
                "characters"
            )
        seed, nonce = secrets.randbits(BITS), secrets.token_hex(NONCE_BYTES)
        sha256 = commitment_of(seed, nonce)
        values = {"sha256": sha256, "seed": seed, "nonce": nonce, "note": note, "created": now()}
        write(self._engine, lambda session: session.execute(insert(SeedRow).values(values)))
        return self._found(sha256)

    def reveal(self, sha256: str) -> Commitment:
        """Reveal a seed. Results that were scored with it show it from now on.

        Args:
            sha256: the commitment, or at least its first 8 digits.

        Raises:
            InputError: there is no such commitment.
        """
        found = self._found(sha256)
        if found.revealed is None:
            change = update(SeedRow).where(SeedRow.sha256 == found.sha256).values(revealed=now())
            write(self._engine, lambda session: session.execute(change))
        return self._found(found.sha256)

    def listed(self) -> list[Commitment]:
        """All commitments, the oldest first, without the seeds that are secret."""
        query = select(SeedRow.__table__).order_by(SeedRow.created, SeedRow.sha256)
        rows = read(self._engine, lambda session: session.execute(query).mappings().all())
        return [_commitment(row) for row in rows]

    def secret(self, sha256: str) -> int:
        """The seed of a commitment, for the process that scores with it.

        Args:
            sha256: the commitment, or at least its first 8 digits.

        Raises:
            InputError: there is no such commitment.
        """
        query = select(SeedRow.seed).where(SeedRow.sha256 == self._found(sha256).sha256)
        return read(self._engine, lambda session: session.execute(query).scalar_one())

    def _found(self, sha256: str) -> Commitment:
        known = self.listed()
        found = [each for each in known if len(sha256) >= 8 and each.sha256.startswith(sha256)]
        if len(found) != 1:
            names = [each.sha256[:SHOWN_DIGITS] for each in known]
            raise unknown_name("commitment to a seed", sha256, names)
        return found[0]


def _commitment(row: RowMapping) -> Commitment:
    is_known = row["revealed"] is not None
    return Commitment(
        sha256=row["sha256"],
        created=row["created"],
        revealed=row["revealed"],
        note=row["note"],
        seed=row["seed"] if is_known else None,
        nonce=row["nonce"] if is_known else None,
    )


def read_stand_ins(session: Session) -> dict[int, int]:
    """The stand-ins of the seeds that are secret, by the seeds."""
    query = select(SeedRow.seed, SeedRow.sha256).where(SeedRow.revealed.is_(None))
    return {seed: stand_in(sha256) for seed, sha256 in session.execute(query)}
