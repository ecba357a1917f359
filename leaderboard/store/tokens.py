"""Tokens: keys to the submission service.

A token is a public identifier and 256 random bits. The database has the hash of the latter only, so
that who reads it can use no token. It needs no slow hash: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import Engine, insert, or_, select, update

from leaderboard.store.clock import now
from leaderboard.store.schema import TokenRow
from leaderboard.store.writing import read, write
from models_zoo.display import shown
from models_zoo.errors import InputError, unknown_name

Role = Literal["submitter", "maintainer"]
"""A submitter sees and withdraws own submissions; a maintainer all, and approves or refuses."""

ROLES: tuple[Role, ...] = get_args(Role)

PREFIX = "nst"
"""First part of every token, so that programs that look for leaked secrets can find it."""

_ID_BYTES, _SECRET_BYTES = 8, 32

_MAX_TOKEN = 200
"""Maximum number of characters of a token that is looked up."""

_DUMMY = hashlib.sha256(b"").hexdigest()
"""What is compared where there is no such token, so that the answer takes as long."""

_USED_SECONDS = 60.0
"""How often the time of the last use is written, at most."""


@dataclass(frozen=True)
class Token:
    """A token without its secret; see :class:`leaderboard.store.schema.TokenRow`."""

    id: str
    name: str
    role: Role
    created: float
    last_used: float | None
    revoked: float | None

    @property
    def is_maintainer(self) -> bool:
        """Whether it may see all submissions, and approve and refuse them."""
        return self.role == "maintainer"


class Tokens:
    """The tokens of a database.

    Args:
        engine: of an open store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, name: str, role: str = "submitter") -> str:
        """Make a token.

        Args:
            name: whose it is, for people.
            role: one of :data:`ROLES`.

        Returns:
            The token, which cannot be shown again.

        Raises:
            InputError: an unknown role, or a name that cannot be shown.
        """
        if role not in ROLES:
            raise unknown_name("role", role, ROLES)
        if not name.strip() or not name.isprintable() or len(name) > 200:
            raise InputError(
                f"the token's name {shown(name)} must be 1 to 200 characters that print"
            )
        number, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        row = {"id": number, "name": name, "role": role, "secret_sha256": _hashed(secret)}
        write(
            self._engine,
            lambda session: session.execute(insert(TokenRow).values(**row, created=now())),
        )
        return f"{PREFIX}_{number}_{secret}"

    def find(self, text: str) -> Token | None:
        """The token that a request carries; ``None`` if there is none, or it was revoked.

        An unknown identifier takes as long as a wrong secret: one row is looked up by its key and
        one hash compared in constant time.

        Args:
            text: as :meth:`create` returned it.
        """
        prefix, _, rest = text[:_MAX_TOKEN].partition("_")
        number, _, secret = rest.partition("_")
        given = _hashed(secret)
        known = number if number.isascii() and number.isalnum() else ""
        query = select(TokenRow.__table__).where(TokenRow.id == known)
        row = read(self._engine, lambda session: session.execute(query).one_or_none())
        same = hmac.compare_digest(given, _DUMMY if row is None else row.secret_sha256)
        if row is None or not same or prefix != PREFIX or row.revoked is not None:
            return None
        return _token(row)

    def used(self, token: Token) -> None:
        """Record that a token was used; at most once a minute something is written."""
        old = or_(TokenRow.last_used.is_(None), TokenRow.last_used < now() - _USED_SECONDS)
        due = select(TokenRow.id).where(TokenRow.id == token.id, old)
        if read(self._engine, lambda session: session.scalars(due).one_or_none()) is None:
            return
        change = update(TokenRow).where(TokenRow.id == token.id).values(last_used=now())
        write(self._engine, lambda session: session.execute(change))

    def revoke(self, number: str) -> None:
        """Accept a token no more.

        Args:
            number: its identifier.

        Raises:
            InputError: there is no such token.
        """
        change = update(TokenRow).where(TokenRow.id == number).values(revoked=now())
        change = change.where(TokenRow.revoked.is_(None))
        write(self._engine, lambda session: session.execute(change))
        if number not in [each.id for each in self.listed()]:
            raise InputError(f"there is no token {shown(number)}; nonsingular token list shows all")

    def listed(self) -> list[Token]:
        """All tokens, without their secrets, the oldest first."""
        query = select(TokenRow.__table__).order_by(TokenRow.created, TokenRow.id)
        rows = read(self._engine, lambda session: session.execute(query).all())
        return [_token(row) for row in rows]


def _token(row: object) -> Token:
    fields = ("id", "name", "role", "created", "last_used", "revoked")
    return Token(**{field: getattr(row, field) for field in fields})


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
