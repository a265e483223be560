"""What tests of the console in a browser share: what is wrong with a page, forms, contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.web.console_site import Site
from usance.core.identifiers import written as as_written

Open = Callable[..., Any]
"""Opens a logged-in page, of a width, in a language, light or dark."""
STRUCTURE = """() => {
  const faults = [], say = (e) => e.outerHTML.slice(0, 120);
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!e.labels.length && !e.ariaLabel) faults.push("no label: " + say(e));
  for (const e of document.querySelectorAll("table"))
    if (!e.querySelector("thead th[scope=col]") && !e.querySelector("th[scope=row]"))
      faults.push("table without headers: " + say(e));
  for (const e of document.querySelectorAll("svg[role=img]"))
    if (!e.querySelector(":scope > title")?.textContent || !e.querySelector(":scope > desc"))
      faults.push("drawing without words: " + say(e));
  for (const e of document.querySelectorAll("a, button"))
    if (!e.textContent.trim() && !e.ariaLabel) faults.push("nameless: " + say(e));
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
  const levels = [...document.querySelectorAll("h1, h2, h3")].map((e) => +e.tagName[1]);
  levels.forEach((n, i) => { if (i && n > levels[i - 1] + 1) faults.push("heading skipped"); });
  for (const e of document.querySelectorAll("[aria-describedby]"))
    for (const id of e.getAttribute("aria-describedby").split(" "))
      if (!document.getElementById(id)) faults.push("described by nothing: " + say(e));
  if ([...document.querySelectorAll("[tabindex]")].some((e) => e.tabIndex > 0))
    faults.push("an order of its own");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size < ids.length) faults.push("an id twice");
  if (!document.documentElement.lang) faults.push("no language");
  return faults;
}"""
CONTRAST = """() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const parse = (t) => (t.match(/[\\d.]+/g) ?? []).map(Number);
  const faults = [];
  for (const e of document.querySelectorAll("main *, header *, nav *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest("svg, .unseen, option") || !e.getClientRects().length) continue;
    let back = e;
    while (back && (parse(getComputedStyle(back).backgroundColor)[3] ?? 1) === 0)
      back = back.parentElement;
    const a = light(parse(getComputedStyle(e).color));
    const b = light(parse(getComputedStyle(back ?? document.documentElement).backgroundColor));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faults.push(ratio.toFixed(2) + " " + e.outerHTML.slice(0, 80));
  }
  return faults;
}"""


BROKEN = """
() => {
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    if (!node.parentElement.checkVisibility()) continue;
    for (const word of node.data.matchAll(/(?<!\\S)[A-Za-z]{3,20}(?![^\\s.,:;])/g)) {
      const place = document.createRange();
      place.setStart(node, word.index);
      place.setEnd(node, word.index + word[0].length);
      const lines = new Set([...place.getClientRects()].map((each) => Math.round(each.top)));
      if (lines.size > 1) found.push("broken over lines: " + word[0]);
    }
  }
  return found;
}"""
COVERED = """
() => {
  const found = [], places = document.querySelector(".places");
  if (!places) return found;
  for (let at = 0; at < document.documentElement.scrollHeight; at += 97) {
    window.scrollTo(0, at);
    const box = places.getBoundingClientRect();
    for (let x = box.left + 8; x < box.right; x += 24) {
      const top = document.elementFromPoint(x, box.top + box.height / 2);
      if (top && !places.contains(top)) found.push("over the navigation: " + top.textContent);
    }
  }
  window.scrollTo(0, 0);
  return [...new Set(found)];
}"""
"""Words that are cut in two, and what lies over the navigation of the portal while scrolling."""


def flaws(page: Any, width: int) -> list[str]:
    """What is wrong with the page that is shown: structure, contrast, room."""
    found: list[str] = page.evaluate(STRUCTURE) + page.evaluate(CONTRAST)
    found += page.evaluate(BROKEN) + page.evaluate(COVERED)
    if page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("scrolls sideways")
    return found


def written(site: Site, query: str) -> str:
    """The address of the contract that a query finds."""
    return f"{site.address}/console/contracts/{as_written('contract', site.fetch(query)[0][0])}"


LATE_LINE = """
SELECT contract_id FROM contract WHERE kind = 2 AND statements > 1 ORDER BY late_from DESC"""
LATE_LOAN = """
SELECT contract_id FROM contract WHERE kind = 1 AND status = 1 AND late_from BETWEEN 1 AND 2000000
ORDER BY contract_id"""
LOAN = "SELECT contract_id FROM contract WHERE kind = 1 AND status = 1 ORDER BY contract_id"


def sent(page: Any, address: str, fields: dict[str, str]) -> None:
    """Fill in a form and send it."""
    page.goto(address)
    for name, value in fields.items():
        page.fill(f"#f-{name}", value)
    page.locator("main form button.main").last.click()


def in_clear(page: Any, borrower: str, reason: str = "request") -> None:
    """Give a reason, so that the page of a borrower shows the person."""
    page.goto(f"{borrower}/open")
    page.select_option("#f-reason", reason)
    page.locator("main form button.main").last.click()
    page.wait_for_selector("#flash")


HEADER = "reference,id,amount,result_code,value_date,bank_transaction_id"


def upload(page: Any, site: Site, name: str, lines: list[str]) -> None:
    """Load a bank file by its form."""
    page.goto(f"{site.address}/console/bank-files")
    content = "\n".join([HEADER, *lines, ""]).encode()
    file = {"name": name, "mimeType": "text/csv", "buffer": content}
    page.set_input_files("#file", file)
    page.locator("main form button.main").click()


