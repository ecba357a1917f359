"""Formulas as MathML, which browsers draw by themselves and screen readers read."""

from __future__ import annotations

from functools import cache
from xml.etree import ElementTree  # reads what latex2mathml wrote a moment ago

from latex2mathml.converter import convert
from markupsafe import Markup

from benchmark.probes.definition import Formula

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"


@cache
def mathml(formula: Formula) -> Markup:
    """A ``<math>`` element that stands in a line of its own, with the plain text beside it."""
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(convert(formula.tex, display="block"))  # noqa: S314
    root.set("alttext", formula.text)
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704
