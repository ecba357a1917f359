"""Words of a page whose letters are on two lines."""

from __future__ import annotations

from playwright.sync_api import Page

_BROKEN = r"""() => {
  const found = [];
  const range = document.createRange();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const element = text.parentElement;
    if (!element.checkVisibility({visibilityProperty: true})) continue;
    if (element.closest(".hash, .unseen, code, pre, svg, script, style")) continue;
    for (const word of text.data.matchAll(/[\p{L}\p{N}]{2,}/gu)) {
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
      if (lines.size > 1) found.push(word[0]);
    }
  }
  return found;
}"""


def broken_words(page: Page) -> list[str]:
    """Runs of letters and digits that are shown on more than one line, hashes and code aside."""
    found: list[str] = page.evaluate(_BROKEN)
    return found
