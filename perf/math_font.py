"""The font of the formulas on a battery's page: their characters, from Latin Modern Math.

Run ``python -m perf.math_font latinmodern-math.otf`` from the root of a checkout, with fonttools
and brotli installed, when a formula has a character that the font lacks; a test says so. Debian's
package fonts-lmodern has the font.
"""

from __future__ import annotations

import base64
import io
import unicodedata
from pathlib import Path
from typing import Annotated, Any
from xml.etree import ElementTree  # only reads what latex2mathml wrote

import typer

from benchmark.probes import PROBES
from leaderboard.pages.formulas import mathml
from models_zoo.errors import InputError
from perf.command import ROOT, console, run_command

STYLE = ROOT / "leaderboard/pages/static/math.css"

_HEAD = """/* Written by perf/math_font.py. The characters of this site's formulas from Latin
   Modern Math 1.959, copyright 2012-2014 by B. Jackowski, P. Strzelczyk and P. Pianowski on behalf
   of TeX users groups, under the GUST Font License. The font is in this file because browsers do
   not load fonts from files for pages that are opened from the file system. */
"""


def characters() -> set[str]:
    """What the formulas of all probes are made of, with the italic letters that browsers draw."""
    found: set[str] = set()
    for probe in PROBES.values():
        for formula in probe.definition().formulas:
            for element in ElementTree.fromstring(str(mathml(formula))).iter():  # noqa: S314
                found |= {*(element.text or ""), *(element.tail or "")}
    return {each for each in found if not each.isspace()} | {"\u00a0"}


def with_italics(plain: set[str]) -> set[str]:
    """The characters and their mathematical italics, in which ``<mi>x</mi>`` is drawn."""
    italics: dict[str, str] = {}
    for code in (*range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)):
        # Symbols such as the lunate epsilon come after the letters of the same plain character.
        italics.setdefault(unicodedata.normalize("NFKC", chr(code)), chr(code))
    italics["h"] = "\u210e"
    return plain | {italics[each] for each in plain if each in italics}


def run(
    font: Annotated[Path, typer.Argument(help="latinmodern-math.otf")],
) -> None:
    """Write the style sheet of formulas with the font in it."""
    try:
        from fontTools import subset  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise InputError("fonttools is not installed: pip install fonttools brotli") from error
    wanted = sorted(map(ord, with_italics(characters())))
    options: Any = subset.Options()
    options.flavor, options.hinting, options.layout_features = "woff2", False, ["*"]
    options.name_IDs, options.notdef_outline = [0, 13, 14], True
    loaded = subset.load_font(str(font), options)
    maker = subset.Subsetter(options)
    maker.populate(unicodes=wanted)
    maker.subset(loaded)
    file = io.BytesIO()
    subset.save_font(loaded, file, options)
    data = base64.b64encode(file.getvalue()).decode()
    codes = ", ".join(f"U+{code:X}" for code in wanted)
    STYLE.write_text(
        f"{_HEAD}@font-face {{\n  font-family: Formulas;\n"
        f'  src: url("data:font/woff2;base64,{data}") format("woff2");\n'
        f"  unicode-range: {codes};\n}}\nmath {{ font-family: Formulas, math, serif; }}\n"
        "/* Browsers without this property draw no formulas; below each is its text. */\n"
        "@supports not (math-style: compact) {\n  math { display: none; }\n}\n",
        "utf-8",
    )
    console.print(f"{STYLE}: {len(wanted)} characters, {STYLE.stat().st_size / 1000:.0f} KB")


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
