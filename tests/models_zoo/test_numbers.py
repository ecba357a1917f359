"""Numbers as people type them."""

import time
from fractions import Fraction

import pytest

from models_zoo.numbers import number_of


@pytest.mark.parametrize("text", ["8/255", "0.1", "3", "1e-3", " 4 / 255 ", "0.5/255", "-1", "1/3"])
def test_a_number_or_a_quotient_is_rounded_once(text):
    above, _, below = text.replace(" ", "").partition("/")
    assert number_of(text) == float(Fraction(above) / Fraction(below or 1))


@pytest.mark.parametrize(
    "text",
    ["", "a", "1/0", "1/", "/2", "1/2/3", "nan", "inf", "-inf", "1e999", "0x10", "1,5", "inf/inf"],
)
def test_anything_else_is_none(text):
    assert number_of(text) is None


def test_a_huge_exponent_takes_no_time():
    start = time.process_time()
    assert number_of("1e999999999") is None
    assert number_of("1/1e999999999") == 0
    assert time.process_time() - start < 1
