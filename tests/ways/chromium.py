"""A real browser, Debian's chromium, spoken to over two pipes; each message ends in a NUL."""

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

CHROMIUM = shutil.which("chromium")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=900,1000",
    # Frames of every site in one process, so that one line leads to all of them.
    "--disable-site-isolation-trials", "--remote-debugging-pipe",
)  # fmt: skip
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
LOADED = "document.readyState === 'complete'"
READY = f"{LOADED} && byId('who').textContent"
"""The page to ask on knows who asks."""


class Page:
    """One page, with the frames in it; `frame` is the origin of the one that is meant."""

    def __init__(self, reading: int, writing: int) -> None:
        self._from, self._to = reading, writing
        self._session = self._target = ""
        self._sent = 0
        self._rest = b""
        self._contexts: dict[str, int] = {}
        self.problems: list[str] = []
        self.requests: list[dict[str, Any]] = []
        """Whatever was sent from anywhere in the page."""

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
            self._hear(one.get("method"), one.get("params", {}))

    def open(self, url: str, until: str = READY) -> None:
        """In place of what was open before."""
        self._session = ""
        if self._target:
            self.call("Target.closeTarget", targetId=self._target)
        self._target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        self._contexts, self.problems, self.requests = {}, [], []
        for domain in ("Log", "Runtime", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        self.call("Page.navigate", url=url)
        self.until(until)

    def run(self, script: str, frame: str = "") -> Any:
        """What a script says; None also where the frame is not there."""
        where = {}
        if frame:
            if frame not in self._contexts:
                self.call("Runtime.evaluate", expression="0")
                return None
            where = {"contextId": self._contexts[frame]}
        said = self.call("Runtime.evaluate", expression=script, returnByValue=True, **where)
        return said["result"].get("value")

    def until(self, script: str, frame: str = "") -> None:
        for _ in range(600):
            if self.run(script, frame):
                return
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}: {self.run('document.body.innerText', frame)}")

    def press(self, key: str, modifiers: int = 0) -> None:
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Tab": 9, "Enter": 13, "Escape": 27}[key]
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind, key=key, code=key, windowsVirtualKeyCode=code, modifiers=modifiers,
                **(text if kind == "keyDown" else {}),
            )  # fmt: skip

    def type(self, text: str) -> None:
        """Into whatever has the focus."""
        self.call("Input.insertText", text=text)

    def picture(self, name: str) -> None:
        """For whoever wants to look: into the folder that PAGE_PICTURES names."""
        if where := os.environ.get("PAGE_PICTURES"):
            data = base64.b64decode(self.call("Page.captureScreenshot")["data"])
            (Path(where) / f"{name}.png").write_bytes(data)

    def _hear(self, method: str | None, params: dict[str, Any]) -> None:
        if method in ("Log.entryAdded", "Runtime.exceptionThrown"):
            self.problems.append(json.dumps(params))
        elif method == "Runtime.executionContextCreated":
            self._contexts[params["context"]["origin"]] = params["context"]["id"]
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"])

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


def click(what: str) -> str:
    return f"document.querySelector({json.dumps(what)}).click()"
