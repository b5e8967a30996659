"""Vendors' SDKs over our sessions: they wait when told to, and what is no answer is our error."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import sleep, time
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from connectors._api import ATTEMPTS, LARGEST_ANSWER, LONGEST_WAIT, Refused, pause
from rag import egress
from rag.errors import DocumentRejected, SourceError
from rag.types import Cursor

PAGE = 100
_BEGINNING = datetime(1971, 1, 1, tzinfo=UTC)
# Some take a time to mean after it, others from it on.
_SURELY = timedelta(seconds=1)

Item = dict[str, Any]
Items = AsyncIterator[Item]
Ask = Callable[[str, int], Awaitable[list[Item]]]
"""A page of at most PAGE items, updated at or after a time, the one updated longest ago first."""


def vendor_session(
    vendor: str, base: str, *, networks: Sequence[str], timeout: float
) -> requests.Session:
    """A session for the interface at `base`, which sends nothing to any other origin.

    Raises SourceError for what does not answer, refuses the credentials, is no JSON, or stays busy
    after waiting; any other status is an answer.
    """
    made = egress.session(networks, timeout=timeout, max_bytes=LARGEST_ANSWER)
    made.mount("", _Patient(vendor, base, made.get_adapter(base)))
    return made


class _Patient(BaseAdapter):
    def __init__(self, vendor: str, base: str, way_out: BaseAdapter) -> None:
        super().__init__()
        self._vendor = vendor
        self._origin = _origin(base)
        self._way_out = way_out

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        if _origin(str(request.url)) != self._origin:
            raise SourceError(
                f"{self._vendor} names an address elsewhere as its next page.",
                hint="Credentials are not sent there.",
            )
        for attempt in range(1, ATTEMPTS + 1):
            wait = pause({}, attempt)
            try:
                response = self._way_out.send(request)
            except DocumentRejected as error:
                raise SourceError(f"{self._vendor} answers with more than can be read.") from error
            except SourceError:
                if attempt == ATTEMPTS:
                    raise
            else:
                if not _busy(response):
                    return self._read(response)
                wait = _wait(response.headers, attempt)
                if wait > LONGEST_WAIT:
                    break
            if attempt < ATTEMPTS:
                sleep(wait)
        raise SourceError(f"{self._vendor} is too busy to answer.", hint="Sync again later.")

    def close(self) -> None:
        self._way_out.close()

    def _read(self, response: requests.Response) -> requests.Response:
        if response.status_code in (401, 403):
            raise Refused(
                f"{self._vendor} refuses the credentials: status {response.status_code} "
                "(auth_error).",
                hint="Check them and what they may read.",
            )
        if response.ok and not _is_json(response):
            raise SourceError(
                f"{self._vendor} answers with what is not its interface.",
                hint="Does it ask to sign in? Check the address.",
            )
        return response


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443}.get(parts.scheme, 80)


def _busy(response: requests.Response) -> bool:
    headers = response.headers
    # GitHub says it with 403.
    spent = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    return response.status_code in (429, 500, 502, 503, 504) or (
        response.status_code == 403 and spent
    )


def _wait(headers: Mapping[str, str], attempt: int) -> float:
    """Seconds; GitHub says until when instead."""
    until = headers.get("x-ratelimit-reset", "")
    if "retry-after" not in headers and re.fullmatch("[0-9]{1,12}", until):
        return max(float(until) - time(), 1)
    return pause(headers, attempt)


def _is_json(response: requests.Response) -> bool:
    try:
        response.json()
    except (ValueError, RecursionError):
        return False
    return True


@contextmanager
def understood(vendor: str) -> Generator[None]:
    """An answer of another shape than the vendor documents is a SourceError."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise SourceError(
            f"{vendor} answers with what is not its interface ({type(error).__name__}: {error}).",
            hint="Check the address.",
        ) from error


def rows(answer: Any) -> list[Item]:
    """A page of a listing; anything else must not pass for an empty one."""
    if not isinstance(answer, list):
        raise TypeError("no list")
    return cast("list[Item]", answer)


async def overlapping(page: Callable[[int], Awaitable[tuple[list[Item], bool]]]) -> Items:
    """Items of a listing by offset; `page` says what is there from one on, and whether there is
    more. Each begins with the last of the one before: if it is not there, something vanished, and
    another item would be passed over.
    """
    start, last = 0, None
    more = True
    while more:
        items, more = await page(start)
        if last is not None and (not items or items[0]["id"] != last):
            raise SourceError(
                "The listing changed while it was read.",
                hint="Sync again.",
            )
        fresh = items if last is None else items[1:]
        for item in fresh:
            yield item
        if more and not fresh:
            raise SourceError("The listing does not get on.")
        start, last = start + len(items) - 1, items[-1]["id"] if items else None


def resumed(state: Cursor) -> dict[str, str]:
    """What a cursor says per part of the source; nothing where it cannot be read any more."""
    try:
        said = json.loads(state.value or "{}")
        return {name: when(time).isoformat() for name, time in said.items()}
    except (AttributeError, TypeError, ValueError):
        return {}


class Updates:
    """Walks items in the order of `updated_at`, each page from the last one's time on.

    So nothing is passed over when items go or change meanwhile. After the walk `resume` is where
    the next one begins; what changed on the way is walked again then.
    """

    def __init__(self, since: str | None) -> None:
        self._since = when(since) if since else _BEGINNING
        self.resume = self._since.isoformat()

    async def walk(self, ask: Ask) -> Items:
        seen: dict[int, datetime] = {}
        since, page = self._since - _SURELY, 1
        end, changed = self._since, list[datetime]()
        items: list[Item] = []
        while True:
            before = items
            items = await ask(f"{since:%Y-%m-%dT%H:%M:%SZ}", page)
            if page > 1 and items and items == before:
                raise SourceError("The listing does not get on.")
            fresh = [item for item in items if item["id"] not in seen]
            for item in items:
                end = when(item["updated_at"])
                if seen.setdefault(item["id"], end) != end:
                    changed.append(end)
            for item in fresh:
                yield item
            # A short page is not the last one: what is hidden from who asks is taken out of it.
            if len(items) < PAGE and not fresh:
                break
            nearly = end.replace(microsecond=0) - _SURELY
            since, page = (nearly, 1) if nearly > since else (since, page + 1)
        self.resume = min([end, *changed]).isoformat()


def when(text: str) -> datetime:
    """A vendor's time in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
