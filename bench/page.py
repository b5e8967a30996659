# pyright: basic
"""The Ask page in Debian's chromium: `python -m bench.page` (after `make ui`).

How soon one can ask on a first visit, with nothing cached; how long a conversation of 60 questions
takes to stand there; the pauses between pictures while it is scrolled through; and what changes
outside of the answer being written while it is. The server is as `rag start` runs it, the model a
stub on a timetable.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from bench.load.deployment import deployed, until

VISITS, TURNS = 10, 60
PASSAGES = [
    f"Part {n} of the pump is made of steel. It weighs {n + 2} kg and lasts {n % 9 + 1} years."
    for n in range(300)
]
READY = """
  new MutationObserver((_, watch) => {
    const field = document.querySelector("form textarea");
    if (!field || field.disabled) return;
    watch.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => { window.ready = performance.now(); }));
  }).observe(document, { subtree: true, childList: true });
"""
SCROLL = """
  async () => {
    const at = document.querySelector("[role=region][aria-label=Conversation]");
    at.scrollTop = 0;
    await new Promise((done) => setTimeout(done, 500));
    const gaps = [];
    let before = performance.now();
    while (at.scrollTop + at.clientHeight < at.scrollHeight - 2) {
      at.scrollTop += 60;
      const now = await new Promise(requestAnimationFrame);
      gaps.push(now - before);
      before = now;
    }
    return gaps.slice(1);
  }
"""
WATCH = """
  () => {
    window.changed = [];
    const element = (node) => (node.nodeType === 1 ? node : node.parentElement);
    new MutationObserver((all) => {
      for (const one of all) {
        const turn = element(one.target)?.closest("[data-turn]");
        if (turn) window.changed.push(turn.dataset.turn);
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  }
"""


def main() -> None:
    chromium = shutil.which("chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed(Path(folder), PASSAGES) as server,
        sync_playwright() as playwright,
    ):
        url = f"http://127.0.0.1:{server.port}"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        talk = _conversation(url)
        result = {"first visit": _visits(browser, url), **_conversation_of_many(browser, url, talk)}
        print(json.dumps(result, indent=2))


def _conversation(url: str) -> str:
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        talk = client.post("/api/v1/conversations", json={}).json()["id"]
        for n in range(TURNS):
            # The model that answers by default is slow; this one writes the same.
            asked = {"question": f"What does part {n} of the pump weigh?", "model": "instant"}
            client.post("/api/v1/answers", json={**asked, "conversation": talk}).raise_for_status()
    return talk


def _visits(browser: Browser, url: str) -> dict[str, float]:
    took = sorted(_visit(browser, url) for _ in range(VISITS))
    return {"median ms": round(statistics.median(took)), "worst ms": round(took[-1])}


def _visit(browser: Browser, url: str) -> float:
    with browser.new_context() as profile:
        page = profile.new_page()
        page.add_init_script(READY)
        page.goto(url)
        # The page's own policy lets nobody wait for an expression in it.
        until(lambda: page.evaluate("window.ready ?? 0") > 0)
        return page.evaluate("window.ready")


def _conversation_of_many(browser: Browser, url: str, talk: str) -> dict[str, Any]:
    with browser.new_context(viewport={"width": 1400, "height": 900}) as profile:
        page = profile.new_page()
        page.goto(f"{url}/c/{talk}")
        page.locator(f"[data-turn='{TURNS}']").wait_for()
        shown_ms = page.evaluate("performance.now()")
        marks = page.locator("[data-cite]").count()
        gaps = sorted(page.evaluate(SCROLL))
        return {
            "conversation": {
                "turns": page.locator("[data-turn]").count(),
                "citation marks": marks,
                "there after ms": round(shown_ms),
            },
            "scroll": {
                "pictures": len(gaps),
                "median ms": round(statistics.median(gaps), 1),
                "p99 ms": round(gaps[int(len(gaps) * 0.99)], 1),
                "worst ms": round(gaps[-1], 1),
            },
            "other turns changed while one is written": _written(page),
        }


def _written(page: Page) -> int:
    """How often anything in an earlier turn changed while one more was answered."""
    page.evaluate(WATCH)
    page.get_by_label("Your question").fill("And what does part 99 of the pump weigh?")
    page.keyboard.press("Enter")
    page.locator(f"[data-turn='{TURNS + 1}']").wait_for(timeout=60_000)
    return len([turn for turn in page.evaluate("window.changed") if int(turn) <= TURNS])


if __name__ == "__main__":
    main()
