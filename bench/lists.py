# pyright: basic
"""Lists over many documents, in Debian's chromium: `python -m bench.lists` (after `make ui`).

How soon sources and documents stand there on a first visit, with nothing cached, how soon the list
follows what is typed, and the next page of it. The server is as `rag start` runs it, over 10,000
small files; with an address it is the one that is there.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from bench.load.deployment import free_port, running, until
from rag.domain import init_pack

FILES, VISITS = 10_000, 7
LAST = f"record-{FILES - 1:05d}"


def main(urls: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if urls:
            print(json.dumps(measured(urls[0]), indent=2))
            return
        with served(Path(folder)) as url:
            print(json.dumps(measured(url), indent=2))


@contextmanager
def served(root: Path) -> Iterator[str]:
    init_pack(root / "pack", "many")
    for n in range(FILES):
        path = root / "pack" / "documents" / f"{n // 100:02d}" / f"record-{n:05d}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f"# Record {n}\n\nThe valve {n} of hall {n % 37} was opened {n % 11} times.\n"
        )
    data, port = root / "data", free_port()
    data.mkdir()
    (data / "rag.toml").write_text('domain = "many"\n[domains.many]\npack = "../pack"\n')
    url = f"http://127.0.0.1:{port}"
    with running(["rag", "--data", str(data), "start", "--port", str(port)], root):
        until(lambda: _read(url), 3_600)
        yield url


def _read(url: str) -> bool:
    try:
        found = httpx.get(f"{url}/api/v1/sources", trust_env=False).json()["sources"]
        return bool(found) and found[0]["documents"] >= FILES
    except (httpx.TransportError, KeyError):
        return False


def measured(url: str) -> dict[str, dict[str, float]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        return {
            "sources are there": told(lambda: visit(browser, f"{url}/admin/sources", sources)),
            "documents are there": told(lambda: visit(browser, f"{url}/admin/documents", rows)),
            "one of them is found as it is typed": told(lambda: sought(browser, url)),
            "the next page": told(lambda: turned(browser, url)),
            "what was not read": told(lambda: failed(browser, url)),
        }


def told(took: Callable[[], float]) -> dict[str, float]:
    all_ms = sorted(took() for _ in range(VISITS))
    return {"median ms": round(statistics.median(all_ms)), "worst ms": round(all_ms[-1])}


def sources(page: Page) -> None:
    page.get_by_text("Up to date").first.wait_for()


def rows(page: Page) -> None:
    page.locator("tbody tr").nth(40).wait_for()


def visit(browser: Browser, url: str, there: Callable[[Page], None]) -> float:
    with browser.new_context(viewport={"width": 1400, "height": 900}) as profile:
        page = profile.new_page()
        began = time.perf_counter()
        page.goto(url, wait_until="commit")
        there(page)
        return (time.perf_counter() - began) * 1000


@contextmanager
def listed(browser: Browser, url: str) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1400, "height": 900}) as profile:
        page = profile.new_page()
        page.goto(f"{url}/admin/documents")
        rows(page)
        yield page


def sought(browser: Browser, url: str) -> float:
    """From the last key; the page waits a quarter of a second whether another one comes."""
    with listed(browser, url) as page:
        page.get_by_label("Search").press_sequentially(LAST, delay=30)
        began = time.perf_counter()
        page.locator("tbody tr").nth(1).wait_for(state="detached")
        page.locator("tbody tr").first.wait_for()
        return (time.perf_counter() - began) * 1000


def turned(browser: Browser, url: str) -> float:
    with listed(browser, url) as page:
        first = page.locator("tbody tr").first.inner_text()
        began = time.perf_counter()
        page.get_by_role("button", name="Next").click()
        until(lambda: page.locator("tbody tr").first.inner_text() != first)
        return (time.perf_counter() - began) * 1000


def failed(browser: Browser, url: str) -> float:
    with listed(browser, url) as page:
        began = time.perf_counter()
        page.get_by_text("Not read", exact=True).click()
        page.get_by_role("heading", level=2).wait_for()
        return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main(sys.argv[1:])
