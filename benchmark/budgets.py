"""Budgets: numbers that keep the text they were written as, such as ``8/255``."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Self

from pydantic import GetCoreSchemaHandler, PlainSerializer
from pydantic_core import CoreSchema, core_schema

from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.numbers import number_of


class Budget(float):
    """The size of a perturbation: a number, and the text it was written as.

    It is a float in every computation: it compares, adds and hashes as its value, and
    ``str(budget)`` is the number. As the type of a pydantic field it accepts a number or a text
    such as ``"8/255"``, at least 0, and is serialized as a number.

    Attributes:
        text: as written, without spaces, if that is a fraction; otherwise see :func:`budget_text`.
    """

    text: str

    def __new__(cls, value: float, text: str | None = None) -> Self:
        """Create a budget; the text defaults to :func:`budget_text`."""
        budget = super().__new__(cls, value)
        budget.text = budget_text(value) if text is None else text
        return budget

    def __getnewargs__(self) -> tuple[float, str]:  # type: ignore[override]
        """The arguments from which a copy is made."""
        return float(self), self.text

    @classmethod
    def of(cls, value: float | str | Fraction | Decimal) -> Budget:
        """The budget that a number or a text such as ``"8/255"`` means.

        Raises:
            ValueError: a text that is neither a number nor a fraction.
        """
        if isinstance(value, Budget):
            return value
        if not isinstance(value, str):
            return cls(float(value))
        number = number_of(value)
        if number is None:
            raise ValueError(f"{shown(value)} is neither a number nor a fraction such as '8/255'")
        return cls(number, value.replace(" ", "") if "/" in value else None)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """A float that is validated as one, from a number or a text."""

        def read(value: object, number: Callable[[object], float]) -> Budget:
            budget = cls.of(value) if isinstance(value, str) else value
            checked = number(budget)
            return budget if isinstance(budget, Budget) else cls(checked)

        return core_schema.no_info_wrap_validator_function(
            read,
            core_schema.float_schema(ge=0),
            serialization=core_schema.plain_serializer_function_ser_schema(
                float, return_schema=core_schema.float_schema()
            ),
        )


def budget_text(value: float) -> str:
    """The default text of a number: ``0.25``, or in 255ths if that is shorter."""
    plain = f"{value:g}"
    levels = value * 255
    # A float that is nearly the largest has no 255-fold, so the bounds come before rounding.
    if len(plain) > 5 and 0.5 < levels < 255.5 and abs(levels - round(levels)) < 1e-6:
        return f"{round(levels)}/255"
    return plain


def _written(budget: Budget) -> str:
    """A text that gives the same budget again, to the last bit."""
    return budget.text if number_of(budget.text) == float(budget) else repr(float(budget))


Written = Annotated[Budget, PlainSerializer(_written, return_type=str)]
"""A budget that is serialized with its text."""


def budget_named(name: str, value: float | str) -> Budget:
    """A budget as the field of a threat.

    Raises:
        InputError: it is not a number of at least 0.
    """
    try:
        budget = Budget.of(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {error}") from error
    if not budget >= 0:
        raise InputError(f"{name} must be at least 0, got {budget}")
    return budget
