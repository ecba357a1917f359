"""Formulas as MathML, which browsers render and screen readers read."""

from __future__ import annotations

from functools import cache
from xml.etree import ElementTree  # only reads what latex2mathml wrote

from latex2mathml.converter import convert
from markupsafe import Markup

from benchmark.probes.definition import Formula

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"

_SPACES = {"negativethinmathspace": "-0.167em"}
"""Widths that MathML 3 has a name for and MathML Core, which browsers implement, has not."""


_FUNCTIONS = ("log", "exp")


@cache
def mathml(formula: Formula) -> Markup:
    """A block ``<math>`` element, with the formula in plain characters as its alternative text."""
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(convert(formula.tex, display="block"))  # noqa: S314
    root.set("alttext", formula.text)
    for space in root.iter(f"{{{_NAMESPACE}}}mspace"):
        width = space.get("width", "")
        space.set("width", _SPACES.get(width, width))
    for parent in list(root.iter()):
        _set_apart(parent)
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704


def _set_apart(parent: ElementTree.Element) -> None:
    """Put the space of TeX between the name of a function and an argument without parentheses."""
    children = list(parent)
    for place in range(len(children) - 1, 0, -1):
        name, argument = children[place - 1], children[place]
        is_name = name.tag.endswith("}mi") and name.text in _FUNCTIONS
        if is_name and argument.tag.endswith(("}mi", "}msub", "}mrow", "}mfrac")):
            parent.insert(place, ElementTree.Element(f"{{{_NAMESPACE}}}mspace", width="0.167em"))
