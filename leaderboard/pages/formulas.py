"""Formulas as MathML, which browsers render and screen readers read."""

from __future__ import annotations

from functools import cache
from xml.etree import ElementTree  # only reads what latex2mathml wrote

from latex2mathml.converter import convert
from markupsafe import Markup

from benchmark.probes.definition import Formula

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"


@cache
def mathml(formula: Formula) -> Markup:
    """A block ``<math>`` element, with the formula in plain characters as its alternative text."""
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(convert(formula.tex, display="block"))  # noqa: S314
    root.set("alttext", formula.text)
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704
