"""Vendors' JSON interfaces over the fetcher: waiting when told to, tokens, what is no answer."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from rag.egress import Response, fetcher
from rag.errors import DocumentFailed, DocumentRejected, Forbidden, SourceError

# How often a vendor is asked that is busy, and one that does not answer at all.
ATTEMPTS, SILENT, LONGEST_WAIT = 5, 3, 120.0
# One page of a listing; more than any vendor sends.
LARGEST_ANSWER = 50_000_000
# A token is renewed this long before it ends.
EARLY = 120.0

Sleep = Callable[[float], Awaitable[None]]
Obtain = Callable[[], Awaitable[tuple[str, float]]]
"""Asks for a token; returns it with the seconds it is good for."""


@dataclass(frozen=True)
class Answer:
    """What an interface said: the JSON object in the body."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]


class Refused(SourceError):
    """The credentials are not good, or not for this."""


class Api:
    """Asks one vendor. `base` is where its interface is; credentials go nowhere else.

    Raises SourceError for what does not answer, asks to sign in or is no JSON, after waiting for
    what is only busy; any other status is an answer.
    """

    def __init__(
        self,
        vendor: str,
        base: str,
        obtain: Obtain,
        *,
        networks: Sequence[str],
        timeout: float,
        max_bytes: int = LARGEST_ANSWER,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.vendor = vendor
        self.base = base.rstrip("/")
        self._obtain = obtain
        self._http = fetcher(networks, timeout=timeout, max_bytes=LARGEST_ANSWER)
        self._files = fetcher(networks, timeout=timeout, max_bytes=max_bytes)
        self._sleep = sleep
        self._token, self._until = "", 0.0
        self._lock = asyncio.Lock()

    async def aclose(self) -> None:
        await self._http.aclose()
        await self._files.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
    ) -> Answer:
        """`path` below `base`, or a whole address that the vendor named, which must lie there."""

        async def once(authorized: Mapping[str, str]) -> Response:
            return await self._http.request(
                method, url, params=params, headers=authorized, json=json, data=data
            )

        url = self._address(path)
        try:
            response = await self._patiently(once, headers or {})
        except DocumentRejected as error:
            raise SourceError(f"{self.vendor} answers with more than can be read.") from error
        return self.read(response)

    async def download(
        self, path: str, uri: str, media_type: str, *, params: Mapping[str, str] | None = None
    ) -> Response:
        """The bytes at `path`, or a status that says why not, for a document called `uri`.

        A web page where `media_type` was expected is a sign-in, and never content.
        """

        async def once(authorized: Mapping[str, str]) -> Response:
            return await self._files.get(url, params=params, headers=authorized)

        url = self._address(path)
        try:
            response = await self._patiently(once, {})
        except DocumentRejected as error:
            raise DocumentRejected(
                "too_large", f"{uri} is larger than allowed.", hint=error.hint
            ) from error
        if response.status in (404, 410):
            raise DocumentFailed("vanished", f"{uri} vanished after it was listed.")
        page = "html" in response.headers.get("content-type", "") and "html" not in media_type
        if response.status == 200 and page:
            raise DocumentFailed("auth_error", f"{uri} is answered with a web page: a sign-in?")
        return response

    async def post_form(self, url: str, data: Mapping[str, str]) -> Answer:
        """A form sent without a token, as tokens are asked for."""

        async def once(_: Mapping[str, str]) -> Response:
            return await self._http.request("POST", url, data=data)

        return self.read(await self._retried(once, {}))

    def read(self, response: Response) -> Answer:
        try:
            body: Any = json.loads(response.content)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            if response.status in (401, 403):
                raise self.refused(f"status {response.status}")
            raise SourceError(
                f"{self.vendor} answers {response.status} with what is not its interface.",
                hint="Does it ask to sign in? Check the address.",
            )
        return Answer(response.status, response.headers, cast("dict[str, Any]", body))

    def refused(self, said: str) -> Refused:
        return Refused(
            f"{self.vendor} refuses the credentials: {said} (auth_error).",
            hint="Check them and what they may read.",
        )

    def unexpected(self, answer: Answer, said: str = "") -> SourceError:
        """For a status that means nothing good here."""
        if answer.status in (401, 403):
            return self.refused(said or f"status {answer.status}")
        return SourceError(
            f"{self.vendor} answers {answer.status}{said and f': {said}'}.",
        )

    async def _patiently(
        self,
        once: Callable[[Mapping[str, str]], Awaitable[Response]],
        headers: Mapping[str, str],
    ) -> Response:
        used = await self._authorized()
        response = await self._retried(once, {**headers, "Authorization": f"Bearer {used}"})
        if response.status != 401:
            return response
        if self._token == used:
            self._token = ""  # it may have been revoked early; a second refusal is believed
        used = await self._authorized()
        return await self._retried(once, {**headers, "Authorization": f"Bearer {used}"})

    async def _retried(
        self,
        once: Callable[[Mapping[str, str]], Awaitable[Response]],
        headers: Mapping[str, str],
    ) -> Response:
        for attempt in range(1, ATTEMPTS + 1):
            wait = pause({}, attempt)
            try:
                response = await once(headers)
            except SourceError:
                if attempt == SILENT:
                    raise
            else:
                if not _busy(response):
                    return response
                wait = pause(response.headers, attempt)
            if attempt < ATTEMPTS:
                await self._sleep(wait)
        raise SourceError(f"{self.vendor} is too busy: asked {ATTEMPTS} times.")

    async def _authorized(self) -> str:
        async with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._token, seconds = await self._obtain()
                self._until = time.monotonic() + max(seconds - EARLY, seconds / 2)
            return self._token

    def _address(self, path: str) -> str:
        if "://" not in path:
            return f"{self.base}/{path.lstrip('/')}"
        if not path.startswith(f"{self.base}/"):
            raise SourceError(
                f"{self.vendor} names an address elsewhere as its next page.",
                hint="Credentials are not sent there.",
            )
        return path


def _busy(response: Response) -> bool:
    if response.status in (429, 500, 502, 503, 504):
        return True
    # Google says it with 403.
    return response.status == 403 and b"ateLimitExceeded" in response.content


def pause(headers: Mapping[str, str], attempt: int) -> float:
    """Seconds to wait before asking again: what the vendor says, within bounds, or ever more."""
    asked = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    wait = float(asked) if re.fullmatch("[0-9]{1,9}", asked) else 2.0**attempt
    return min(wait, LONGEST_WAIT)


def moment(text: Any) -> datetime | None:
    """A time as vendors write it, e.g. 2024-05-06T08:00:00Z."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def secure(url: str) -> str:
    """A field validator: credentials go over https, or stay on this machine."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or not (parts.scheme == "https" or (local and parts.scheme == "http")):
        raise ValueError("this is not an https address")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("credentials do not belong in the address")
    return url.rstrip("/")


@contextmanager
def fetching() -> Generator[None]:
    """What goes wrong while one document is fetched concerns that document."""
    try:
        yield
    except Forbidden as error:
        raise DocumentRejected("blocked_address", error.message, hint=error.hint) from error
    except SourceError as error:
        reason = "auth_error" if isinstance(error, Refused) else "unreachable"
        raise DocumentFailed(reason, error.message, hint=error.hint) from error
