"""What axe-core finds on a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def serious_violations(page: Page) -> list[tuple[str, list[object]]]:
    """Serious and critical violations: the rule, and the first elements that break it."""
    # Over a gradient axe cannot tell a contrast and says nothing; the ground below is the page's.
    page.add_style_tag(content=".scroll { background: none !important; }")
    options = {"preload": False, "resultTypes": ["violations"]}  # of others, one element a rule
    found = Axe().run(page, options=options).response["violations"]
    return [
        (each["id"], [node["target"] for node in each["nodes"]][:5])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
