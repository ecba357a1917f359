"""The whole corpus, in one list."""

from __future__ import annotations

from tests.hostile_files.case import Case
from tests.hostile_files.cases.databases import all_databases
from tests.hostile_files.cases.files import file_cases
from tests.hostile_files.cases.texts import all_texts


def corpus(*, every: bool = False) -> list[Case]:
    """Every case.

    Args:
        every: each file with every command that reads such files, and not with one of them.
    """
    return [*file_cases(every), *all_texts(), *all_databases()]
