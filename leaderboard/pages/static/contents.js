// A page's list of contents follows the scroll, and what a link or an address leads to is unfolded.
"use strict";

(() => {
  const nav = document.querySelector("nav.contents");
  const links = [...nav.querySelectorAll("a[href^='#']")];
  const targetOf = (hash) => document.getElementById(hash.slice(1));
  // A browser encodes more characters of an address than the page did.
  const targets = links.map((link) => targetOf(link.getAttribute("href")));

  const unfold = () => {
    const target = location.hash.length > 1 && targetOf(location.hash);
    if (!target) return;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView();
  };

  // The last heading above the upper third of the window; of those in a closed part, its summary.
  const follow = () => {
    const line = innerHeight / 3;
    const atEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    let place = 0;
    targets.forEach((target, index) => {
      if (target.checkVisibility?.() === false) return;
      if (target.getBoundingClientRect().top <= line || (atEnd && target.getBoundingClientRect().top < innerHeight)) place = index;
    });
    links.forEach((link, index) => {
      if (index !== place) link.removeAttribute("aria-current");
      else if (!link.hasAttribute("aria-current")) {
        link.setAttribute("aria-current", "location");
        const [own, inside] = [link.getBoundingClientRect(), nav.getBoundingClientRect()];
        nav.scrollBy(
          own.left < inside.left || own.right > inside.right ? own.left - inside.left - 16 : 0,
          own.top < inside.top || own.bottom > inside.bottom ? own.top - inside.top - inside.height / 2 : 0,
        );
      }
    });
  };

  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      follow();
    });
  };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  document.addEventListener("toggle", soon, true);
  addEventListener("hashchange", unfold);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) unfold();
  });
  // Paper shows everything.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details.fold:not([open])")];
    for (const fold of closed) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of closed) fold.open = false;
  });
  unfold();
  follow();
})();
