"""The page in a real browser, under its own content policy: ask, rate, say why, take it back."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ways.conftest import Deployment
from tests.ways.test_openai import QUESTION

CHROMIUM = shutil.which("chromium")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=900,1000",
    "--remote-debugging-pipe",
)  # fmt: skip
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")


class Page:
    """A page of a browser, spoken to over two pipes; each message ends in a NUL."""

    def __init__(self, reading: int, writing: int) -> None:
        self._from, self._to = reading, writing
        self._session = ""
        self._sent = 0
        self._rest = b""
        self.problems: list[str] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            one = self._next()
            if one.get("id") == self._sent:
                assert "error" not in one, one
                return one["result"]
            if one.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.problems.append(json.dumps(one["params"]))

    def open(self, url: str) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Log.enable")
        self.call("Runtime.enable")
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && byId('who').textContent")

    def run(self, script: str) -> Any:
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get(
            "value"
        )

    def until(self, script: str) -> None:
        for _ in range(600):
            if self.run(script):
                return
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}: {self.run('document.body.innerText')}")

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._from, 1 << 20)
            assert more, "the browser is gone"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # Chromium reads from 3 and writes to 4.
    script = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
    command = ["bash", "-c", script, "-", CHROMIUM, *QUIET, f"--user-data-dir={profile}"]
    process = subprocess.Popen(command, pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL)
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Page(ours_in, ours_out)
    finally:
        process.kill()
        process.wait()
        os.close(ours_in)
        os.close(ours_out)


def press(what: str) -> str:
    return f"document.querySelector('{what}').click()"


PRESSED = "(document.querySelector('.thumb[aria-pressed=true]')?.textContent.trim() ?? '')"


def test_an_answer_is_rated_on_the_page(deployment: Deployment, tmp_path: Path) -> None:
    with browser(tmp_path) as page:
        page.open(f"{deployment.url}/")
        page.run(f"byId('question').value = {json.dumps(QUESTION)}")
        page.run(press("#ask"))
        page.until("!byId('result').hidden")
        trace = page.run("byId('about').textContent.split('trace ')[1]")

        def kept() -> list[tuple[float | None, str]]:
            who = deployment.app.person(None)
            found = deployment.run(deployment.app.feedback(who, trace))
            return [(one.value, one.comment) for one in found]

        assert page.run("byId('more').hidden && byId('undo').hidden")
        for number, (value, words) in enumerate(((1, "Helpful"), (-1, "Not helpful"))):
            page.run(press(f'.thumb[data-value="{value}"]'))
            page.until(f"{PRESSED} === '{words}'")
            assert kept() == [(value, "")], number
        page.run("byId('comment').value = '<b>No</b> bulbs.'")
        page.run(press("#more button"))
        page.until("byId('rated').textContent.includes('it is kept')")
        assert kept() == [(-1, "<b>No</b> bulbs.")]
        if where := os.environ.get("PAGE_PICTURES"):
            page.picture(Path(where) / "rated.png")
        page.run(press("#undo"))
        page.until(f"{PRESSED} === '' && byId('more').hidden && byId('undo').hidden")
        assert kept() == []
        page.run(press(".thumb"))
        page.until(f"{PRESSED} === 'Helpful'")
        page.run(press("#ask"))
        page.until(f"!byId('result').hidden && !byId('about').textContent.includes('{trace}')")
        assert page.run(PRESSED) == "", "the next answer is not rated"
        assert page.problems == []
