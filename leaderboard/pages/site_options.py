"""What the owner of a site says once: addresses its pages link to, and which boards it has."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from leaderboard.formatting.web_links import web_link
from models_zoo.display import shown
from models_zoo.errors import InputError

FILE = "site.json"
"""At the top of a site; the next rendering reads what is not given again."""

MIN_EXAMPLES = 100
"""Least number of examples of a board: on fewer, the 95% interval of a share of one half is wider
than 10 points to either side, and hardly any two models can be distinguished."""

_MAIL = re.compile(r"(?:mailto:)?([\w.+-]+@[\w-]+(?:\.[\w-]+)+)", re.ASCII)

_PATH = re.compile(r"/[a-z][a-z0-9-]*", re.ASCII)
"""An address on the same server, as of the page on which ``nonsingular serve`` accepts files."""

_LABELS = {
    "repository": "Code",
    "docs": "Documentation",
    "licence": "Licence",
    "citation": "Citation",
    "submissions": "Submissions",
}


@dataclass(frozen=True)
class SiteLink:
    """A line about the site.

    Attributes:
        name: of the option that gave it.
        label: its text, such as ``Code``.
        href: the address; ``None`` for a text.
        text: the text; empty for an address.
    """

    name: str
    label: str
    href: str | None
    text: str


class SiteOptions(BaseModel):
    """Addresses and choices of a site; an empty text is not shown.

    Attributes:
        repository: address of the code.
        docs: address of the documentation.
        licence: of the results: an address, or a name such as ``CC BY 4.0``.
        citation: address of what to cite.
        submissions: where checkpoints are sent: a web address, an e-mail address or, where the
            server itself accepts them, the path of a page.
        min_examples: results on fewer examples get no board, unless there would be none at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str = ""
    docs: str = ""
    licence: str = ""
    citation: str = ""
    submissions: str = ""
    min_examples: int = MIN_EXAMPLES

    @property
    def links(self) -> tuple[SiteLink, ...]:
        """What is given, in the order in which pages show it.

        Raises:
            InputError: something else than an address is given where one is needed.
        """
        given = {name: getattr(self, name).strip() for name in _LABELS}
        return tuple(_link(name, value) for name, value in given.items() if value)

    def require_links(self) -> None:
        """Check that every address is one.

        Raises:
            InputError: one is not.
        """
        _ = self.links

    def with_given(self, **given: str | int | None) -> SiteOptions:
        """The same options with those that are given, where ``None`` is not."""
        return self.model_copy(update={k: v for k, v in given.items() if v is not None})


def _link(name: str, value: str) -> SiteLink:
    link = SiteLink(name, _LABELS[name], web_link(value), "")
    if link.href is not None and urlsplit(value).netloc:
        return link
    if name == "licence":
        return replace(link, href=None, text=value)
    if name == "submissions" and _PATH.fullmatch(value):
        return replace(link, href=value)
    mail = _MAIL.fullmatch(value)
    if name == "submissions" and mail:
        return replace(link, href=f"mailto:{mail[1]}")
    kinds = "http, https or e-mail" if name == "submissions" else "http or https"
    raise InputError(f"--{name} is not an {kinds} address: {shown(value)}")


def stored_options(site: Path) -> SiteOptions:
    """The options of a site that was rendered earlier; the defaults if there is none.

    Raises:
        InputError: its file cannot be read.
    """
    file = site / FILE
    try:
        return SiteOptions.model_validate_json(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return SiteOptions()
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise InputError(
            f"cannot read the links of the site in {shown(file)}: remove it and give them again"
        ) from error
