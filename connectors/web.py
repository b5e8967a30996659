"""Web pages: some addresses, sitemaps, or a crawl of a site within limits."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from connectors._pages import (
    AGENT,
    HeaderValue,
    Kept,
    Page,
    need,
    normal,
    read_page,
    read_sitemap,
    site_of,
)
from rag.egress import Response, fetcher
from rag.errors import DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.globs import matches
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument

# A busy or silent host is asked so often; so many pages in a row without an answer end a listing.
ATTEMPTS, LONGEST_WAIT, SILENT = 3, 60.0, 10
# A crawl meets calendars and filters that go on for ever: what no honest page needs is a trap.
LONGEST_URL, DEEPEST_PATH, REPEATS, VARIANTS = 2000, 20, 3, 100
LARGEST_ROBOTS, SITEMAPS = 512_000, 1000
_NO_SUCH_PAGE = "/ratchet-asks-for-a-page-that-is-not-there"
_FILES = (".pdf", ".docx", ".pptx", ".xlsx", ".odt", ".epub", ".rtf", ".csv", ".txt", ".md")
_MEDIA = re.compile(r"(image|audio|video|font)/|text/(css|javascript)|application/javascript")
_MEDIA_NAME = re.compile(
    r"\.(png|jpe?g|gif|svg|webp|ico|css|js|mjs|woff2?|ttf|mp[34]|mov|avi|webm|ogg|wav|zip|gz|tar"
    r"|exe|dmg|iso)$", re.I
)  # fmt: skip

Sleep = Callable[[float], Awaitable[None]]


class WebConfig(BaseModel):
    """Which pages to read. Patterns are on path and query, e.g. /docs/**."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    urls: tuple[str, ...] = Field((), description="Pages to read, and to crawl from.")
    sitemaps: tuple[str, ...] = Field((), description="Sitemaps whose pages are read.")
    max_depth: int = Field(
        3, ge=0, le=50, description="Follow links so many steps from `urls`, within their sites."
    )
    max_pages: int = Field(
        1000, ge=1, le=1_000_000, description="Stop there. Nothing is deleted after such a stop."
    )
    include: tuple[str, ...] = Field(("**",), description="Only pages that match one of these.")
    exclude: tuple[str, ...] = Field((), description="Never pages that match one of these.")
    delay_s: float = Field(
        0.5, ge=0, le=60, description="Pause between two requests to a host, at least."
    )
    authorization: HeaderValue = Field(
        SecretStr(""), description="Authorization header for these sites, e.g. Bearer abc."
    )
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )
    timeout_s: float = Field(30, gt=0, le=600, description="Longest time for one page.")
    max_bytes: int = Field(50_000_000, ge=1, description="Larger pages are rejected(too_large).")
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read these pages."
    )

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if not self.urls and not self.sitemaps:
            raise ValueError("Name at least one page in 'urls' or one of 'sitemaps'.")
        for url in (*self.urls, *self.sitemaps):
            if normal(url) is None:
                raise ValueError("'urls' and 'sitemaps' hold http or https addresses.")
        return self


class WebConnector:
    """Reads pages politely: robots.txt, one request at a time per host, half of them saved.

    HTML is delivered as its main text with headings; other media as they are. A page is deleted
    when two requests of one listing find it gone, or when nothing leads to it any more. A listing
    with a page that failed, or that met its page limit, is never complete.
    """

    Config: ClassVar[type[BaseModel]] = WebConfig
    verified: ClassVar[str] = "web sites of our own"

    def __init__(self, config: WebConfig, sleep: Sleep = asyncio.sleep) -> None:
        self.config = config
        self._sleep = sleep
        self._http = fetcher(config.networks, timeout=config.timeout_s, max_bytes=config.max_bytes)
        self._starts = [url for url in map(normal, config.urls) if url]
        self._sitemaps = [url for url in map(normal, config.sitemaps) if url]
        self._trusted = frozenset(map(site_of, (*self._starts, *self._sitemaps)))
        self._sites = set(self._trusted)
        self._robots: dict[str, Any] = {}
        self._missing: dict[str, str] = {}
        self._turns: dict[str, float] = {}
        self._kept = Kept()

    async def check(self) -> str:
        for url in self._starts[:1]:
            if not await self._allowed(url):
                raise SourceError(f"The robots.txt of {site_of(url)} disallows {url}.")
            page = await self._read(url)
            if page.problem:
                raise SourceError(f"{url} cannot be read: {page.problem}.")
        found = [f"{len(await self._in_sitemap(url))} pages in {url}" for url in self._sitemaps]
        if self._starts:
            found.append(
                f"pages from {', '.join(self._starts[:3])} up to {self.config.max_depth} links away"
            )
        return f"{'; '.join(found)}; at most {self.config.max_pages} in all."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """A full listing each time: a site keeps no history to resume from."""
        crawl = _Crawl(self.config)
        for url in self._starts:
            crawl.add(url, 0)
        for sitemap in self._sitemaps:
            for url in await self._in_sitemap(sitemap):
                crawl.add(url, self.config.max_depth)
        problem = ""
        while crawl.queue:
            url, depth = crawl.queue.popleft()
            if change := await self._visit(crawl, url, depth):
                problem = change.reason or problem
                yield change
        if not crawl.read:
            raise SourceError(
                f"No page could be read ({problem or 'all are gone or disallowed'}).",
                hint="Check the addresses and the access.",
            )
        for change in crawl.aliases():
            yield change
        if crawl.left_out:
            yield Change(kind="skipped", uri=crawl.left_out, reason="page limit reached here")
        elif crawl.whole:
            yield Change(kind="complete")

    async def _visit(self, crawl: _Crawl, url: str, depth: int) -> Change | None:
        start = url in self._starts
        if site_of(url) not in self._sites:
            return _skipped(url, "another site")
        if not await self._allowed(url):
            return _skipped(url, "robots.txt disallows it")
        try:
            page = await self._listed(url)
        except DocumentRejected as error:
            return self._upsert(url, error.reason)
        except Forbidden:
            return self._upsert(url, "blocked_address")
        except SourceError as error:
            return crawl.failed(url, str(error))
        final = page.url
        if page.problem == "auth_error" and page.signin and not start:
            # One page behind a sign-in, as every site has some; nothing else is in doubt.
            return Change(kind="failed", key=url, uri=url, reason="auth_error")
        if page.problem not in ("", "gone"):
            return crawl.failed(url, page.problem)
        if start and self.config.max_depth and _is_blank(page):
            return crawl.failed(url, "empty")  # what would be below it is not known
        if start and not page.problem:
            self._sites.add(site_of(final))
        elif site_of(final) not in self._sites:
            return _skipped(url, "leads to another site")
        elif page.problem or page.revision == self._missing.get(site_of(final)):
            # Two answers count, one does not; and below a start page nothing else is known.
            if crawl.again(url, depth):
                return None
            return crawl.failed(url, "gone") if start and self.config.max_depth else None
        if final != url and not crawl.claim(final):
            return None
        if not await self._allowed(final):
            return _skipped(final, "robots.txt disallows it")
        crawl.read, crawl.silent = crawl.read + 1, 0
        if depth < self.config.max_depth:
            for link in page.links:
                if site_of(link) in self._sites:
                    crawl.add(link, depth + 1)
        if page.noindex:
            return _skipped(final, "the page asks not to be indexed")
        if _MEDIA.match((page.document and page.document.media_type) or ""):
            return _skipped(final, "not a document")
        if not _matches(final, self.config.include):
            return None
        if page.document:
            self._kept.put(page.document)
        change = self._upsert(final, page.revision)
        canonical = page.canonical
        if canonical and canonical != final and site_of(canonical) in self._sites:
            crawl.add(canonical, depth)
            return crawl.defer(change, canonical)
        return crawl.distinct(change)

    async def fetch(self, change: Change) -> RawDocument:
        document = self._kept.take(change.key)
        if document is None:
            try:
                page = await self._read(change.key)
            except Forbidden as error:
                raise DocumentRejected("blocked_address", error.message, hint=error.hint) from error
            except SourceError as error:
                raise DocumentFailed("unreachable", error.message, hint=error.hint) from error
            if page.problem or page.document is None:
                raise DocumentFailed(page.problem, f"{change.uri} cannot be read: {page.problem}.")
            document = page.document
        return document.model_copy(
            update={"key": change.key, "uri": change.uri, "readers": change.readers}
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    def _upsert(self, url: str, revision: str) -> Change:
        readers = frozenset(self.config.readers)
        return Change(kind="upsert", key=url, uri=url, revision=revision, readers=readers)

    async def _listed(self, url: str) -> Page:
        """A file that says what version it is need not be read to be listed."""
        if url.lower().partition("?")[0].endswith(_FILES):
            head = await self._get(url, "HEAD")
            tag = head.headers.get("etag") or head.headers.get("last-modified")
            kind, final = head.headers.get("content-type", ""), normal(head.url) or url
            if head.status == 200 and tag and "html" not in kind and not tag.startswith("W/"):
                return Page(final, 200, f"{tag} {head.headers.get('content-length', '')}")
        return await self._read(url)

    async def _read(self, url: str) -> Page:
        return await asyncio.to_thread(read_page, await self._get(url), url)

    async def _get(self, url: str, method: str = "GET") -> Response:
        """Asks again when the host is busy or does not answer, waiting as long as it says."""
        secret = self.config.authorization.get_secret_value()
        headers = {"Authorization": secret} if secret and site_of(url) in self._trusted else {}
        attempt = 0
        while True:
            attempt += 1
            await self._pause(url)
            wait = 2.0**attempt
            try:
                response = await self._http.request(method, url, headers=headers)
            except SourceError:
                if attempt == ATTEMPTS:
                    raise
            else:
                if attempt == ATTEMPTS or response.status not in (429, 500, 502, 503, 504):
                    return response
                asked = response.headers.get("retry-after", "")
                wait = float(asked) if re.fullmatch("[0-9]{1,9}", asked) else wait
            await self._sleep(min(wait, LONGEST_WAIT))

    async def _pause(self, url: str) -> None:
        site, now = site_of(url), time.monotonic()
        rules = self._robots.get(site)
        asked = float(rules.crawl_delay(AGENT) or 0) if rules else 0.0
        turn = max(now, self._turns.get(site, 0.0))
        self._turns[site] = turn + max(self.config.delay_s, min(asked, LONGEST_WAIT))
        if turn > now:
            await self._sleep(turn - now)

    async def _allowed(self, url: str) -> bool:
        """What robots.txt says; a host that cannot say it is not crawled at all (RFC 9309)."""
        site = site_of(url)
        if site not in self._robots:
            response = await self._get(f"{site}/robots.txt")
            if response.status == 429 or response.status >= 500:
                raise SourceError(
                    f"{site}/robots.txt answers {response.status}: not reading this site now."
                )
            text = response.content[:LARGEST_ROBOTS] if response.status == 200 else b""
            rules = need("protego").Protego.parse(text.decode("utf-8", "replace"))
            self._robots[site] = rules
            if rules.can_fetch(site + _NO_SUCH_PAGE, AGENT):
                self._missing[site] = await self._soft_404(site + _NO_SUCH_PAGE)
        return bool(self._robots[site].can_fetch(url, AGENT))

    async def _soft_404(self, url: str) -> str:
        """What a site shows for a page it does not have, if it says 200 there too."""
        try:
            return (await self._read(url)).revision
        except (DocumentRejected, Forbidden):
            return ""

    async def _in_sitemap(self, url: str) -> list[str]:
        """The pages of a sitemap and of those it names; one that is damaged is a SourceError."""
        waiting, seen, pages = [url], {url}, dict[str, None]()
        while waiting and len(pages) <= self.config.max_pages:
            response = await self._get(current := waiting.pop(0))
            if response.status != 200:
                raise SourceError(f"The sitemap {current} answers {response.status}.")
            listed, nested = await asyncio.to_thread(
                read_sitemap, current, response.content, self.config.max_bytes
            )
            for page in map(normal, listed):
                if page:
                    pages[page] = None
            fresh = [one for one in map(normal, nested) if one and one not in seen]
            seen.update(fresh)
            waiting.extend(fresh)
            if len(seen) > SITEMAPS:
                raise SourceError(f"{url} names more than {SITEMAPS} sitemaps.")
        return list(pages)


class _Crawl:
    """The state of one listing: what to visit, what was met already, whether all was seen."""

    def __init__(self, config: WebConfig) -> None:
        self.config = config
        self.queue: deque[tuple[str, int]] = deque()
        self.read, self.silent, self.whole, self.left_out = 0, 0, True, ""
        self._seen: set[str] = set()
        self._twice: set[str] = set()
        self._variants: Counter[str] = Counter()
        self._revisions: dict[str, str] = {}
        self._bodies: set[tuple[str, str]] = set()
        self._deferred: list[tuple[Change, str]] = []

    def add(self, url: str, depth: int) -> None:
        """Queue a page that is new, wanted and no trap, while the limits allow."""
        unwanted = depth > 0 and not _matches(url, self.config.include)
        if url in self._seen or unwanted or _matches(url, self.config.exclude) or _trap(url):
            return
        path = url.partition("?")[0]
        full = len(self._seen) >= self.config.max_pages or self._variants[path] >= VARIANTS
        if full:
            self.left_out = self.left_out or url
            return
        self._variants[path] += 1
        self.claim(url)
        self.queue.append((url, depth))

    def claim(self, url: str) -> bool:
        new = url not in self._seen
        self._seen.add(url)
        return new

    def again(self, url: str, depth: int) -> bool:
        """Queue a page once more; false the second time."""
        if url in self._twice:
            return False
        self._twice.add(url)
        self.queue.append((url, depth))
        return True

    def failed(self, url: str, reason: str) -> Change:
        """Where it would have led is unknown, so this listing deletes nothing."""
        self.whole = False
        self.silent += 1
        if self.silent == SILENT:
            raise SourceError(
                f"{SILENT} pages in a row could not be read, the last {url}: {reason}.",
            )
        return Change(kind="failed", key=url, uri=url, reason=reason)

    def distinct(self, change: Change) -> Change:
        """The change, unless the same text was met at the same path with other parameters."""
        body = (change.key.partition("?")[0], change.revision)
        if body in self._bodies:
            return _skipped(change.uri, "duplicate")
        self._bodies.add(body)
        self._revisions[change.key] = change.revision
        return change

    def defer(self, change: Change, canonical: str) -> None:
        self._deferred.append((change, canonical))

    def aliases(self) -> list[Change]:
        """Pages that name another as the original: duplicates where it does read the same."""
        return [
            _skipped(change.uri, f"duplicate of {canonical}")
            if self._revisions.get(canonical) == change.revision
            else self.distinct(change)
            for change, canonical in self._deferred
        ]


def _skipped(url: str, reason: str) -> Change:
    return Change(kind="skipped", key=url, uri=url, reason=reason)


def _is_blank(page: Page) -> bool:
    return page.document is not None and not page.document.data.strip()


def _matches(url: str, patterns: Iterable[str]) -> bool:
    target = url[len(site_of(url)) :] or "/"
    return matches(target, patterns)


def _trap(url: str) -> bool:
    segments = [part for part in urlsplit(url).path.split("/") if part]
    return (
        len(url) > LONGEST_URL
        or len(segments) > DEEPEST_PATH
        or max(Counter(segments).values(), default=0) > REPEATS
        or bool(_MEDIA_NAME.search(urlsplit(url).path))
    )
