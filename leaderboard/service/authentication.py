"""Who sends a request: the bearer of a token."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from leaderboard.service.problems import Problem, too_many
from leaderboard.service.rates import Rates
from leaderboard.store.tokens import Token, Tokens

BEARER = HTTPBearer(
    auto_error=False, description="A token of 'nonsingular token create', or of the operator."
)

_FIX = "check the token, or ask the operator of the service for one"


class Doorkeeper:
    """Finds the tokens of requests, and limits how often each is used.

    Args:
        tokens: the tokens that are accepted.
        per_minute: requests with one token per minute.
    """

    def __init__(self, tokens: Tokens, per_minute: int) -> None:
        self._tokens = tokens
        self._rates = Rates(per_minute)

    def require(self, text: str) -> Token:
        """The token of a text.

        The answer is the same, and takes as long, whether a token is unknown, wrong or revoked.

        Raises:
            Problem: it is no token that is accepted, or is used too often.
        """
        found = self._tokens.find(text)
        if found is None:
            headers = {"WWW-Authenticate": "Bearer"}
            detail = "the request has no token that is accepted"
            raise Problem(401, "unauthorized", detail, _FIX, headers)
        if wait := self._rates.take(found.id):
            raise too_many("there are too many requests with this token", wait)
        self._tokens.used(found)
        return found


def bearer(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> Token:
    """The token in a request's header; a dependency of routes."""
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    return doorkeeper.require("" if given is None else given.credentials)


def maintainer(token: Annotated[Token, Depends(bearer)]) -> Token:
    """The token in a request's header, if it is a maintainer's; a dependency of routes."""
    if not token.is_maintainer:
        raise Problem(
            *(403, "forbidden", "only a maintainer may do this"), "ask a maintainer of the service"
        )
    return token


Bearer = Annotated[Token, Depends(bearer)]
Maintainer = Annotated[Token, Depends(maintainer)]
