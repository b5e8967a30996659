"""What one web answer says: its address in one spelling, its main text, its links, its sitemap."""

from __future__ import annotations

import hashlib
import html
import re
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import Annotated, Any
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit
from xml.parsers import expat

from pydantic import AfterValidator, SecretStr

from rag.egress import Response
from rag.errors import ConfigError, SourceError
from rag.types import RawDocument

AGENT = "Ratchet"
# Finding the main text takes seconds per megabyte; a longer page is delivered whole.
LARGEST_EXTRACT = 3_000_000
_TRACKING = re.compile(r"utm_\w+|gclid|fbclid|msclkid|phpsessid|jsessionid|session_?id", re.I)
_SESSION = re.compile(r";jsessionid=[^/?#]*", re.I)
_LOGIN = re.compile(r"/(log-?in|sign-?in|sso|saml2?|oauth2?|auth)(/|\.|$)", re.I)
# A page with a password field and less text than this asks to sign in; others just offer it.
_LOGIN_TEXT = 2000
_NOINDEX, _NOFOLLOW = {"noindex", "none"}, {"nofollow", "none"}


def _sendable(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable() and text == text.strip()):
        raise ValueError("a header holds printable ASCII only, without blanks around it")
    return secret


HeaderValue = Annotated[SecretStr, AfterValidator(_sendable)]
"""A credential that is sent as it is; said when it is given, not when a page is asked for."""


@dataclass(frozen=True)
class Page:
    """One answer, read. `revision` ignores what changes on a page that stays the same."""

    url: str
    status: int
    revision: str = ""
    document: RawDocument | None = None
    links: tuple[str, ...] = ()
    canonical: str | None = None
    noindex: bool = False
    signin: bool = False

    @property
    def problem(self) -> str:
        """Why there is nothing to read: gone, auth_error, a status, or nothing at all."""
        if self.signin or self.status in (401, 403, 407):
            return "auth_error"
        if self.status in (404, 410):
            return "gone"
        return "" if self.status in (200, 203) else f"http_{self.status}"


class Kept:
    """Documents read while listing, kept for `fetch` up to so many bytes; the oldest give way."""

    def __init__(self, most: int = 64_000_000) -> None:
        self.bytes = 0
        self._most = most
        self._documents: OrderedDict[str, RawDocument] = OrderedDict()

    def put(self, document: RawDocument) -> None:
        self.take(document.key)
        self._documents[document.key] = document
        self.bytes += len(document.data)
        while self.bytes > self._most:
            self.take(next(iter(self._documents)))

    def take(self, key: str) -> RawDocument | None:
        document = self._documents.pop(key, None)
        self.bytes -= len(document.data) if document else 0
        return document


def need(module: str, extra: str = "web") -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"This source needs the package '{module.partition('.')[0]}'.",
            hint=f"Install it: pip install 'ratchet-rag[{extra}]'",
        ) from error


def normal(url: str, base: str = "") -> str | None:
    """One spelling per page: no fragment, no tracking or session parameters; None if no page."""
    try:
        parts = urlsplit(urljoin(base, url.strip()))
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except (ValueError, UnicodeError):
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    host = f"[{host}]" if ":" in host else host
    if port is not None and port != (443 if parts.scheme == "https" else 80):
        host = f"{host}:{port}"
    path = quote(_SESSION.sub("", parts.path) or "/", safe="/%:@!$&'()*+,;=~")
    query = "&".join(
        part
        for part in parts.query.split("&")
        if part and not _TRACKING.fullmatch(part.partition("=")[0])
    )
    return urlunsplit((parts.scheme, host, path, quote(query, safe="/%:@!$&'()*+,;=~?[]"), ""))


def site_of(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def read_sitemap(url: str, content: bytes, max_bytes: int) -> tuple[list[str], list[str]]:
    if content.startswith(b"\x1f\x8b"):
        try:
            content = zlib.decompressobj(wbits=31).decompress(content, max_bytes + 1)
        except zlib.error as error:
            raise SourceError(f"The sitemap {url} is damaged.") from error
        if len(content) > max_bytes:
            raise SourceError(f"The sitemap {url} has more than {max_bytes:,} bytes.")
    text = content.decode("utf-8-sig", "replace").strip()
    if text.startswith("<"):
        # The parser keeps what it can of a damaged file; a listing cut short would delete pages.
        whole = expat.ParserCreate()
        whole.StartDoctypeDeclHandler = _no_doctype
        try:
            whole.Parse(text, True)
        except (expat.ExpatError, ValueError) as error:
            raise SourceError(f"The sitemap {url} is not well-formed ({error}).") from error
    tree = need("usp.tree").sitemap_from_str(text)
    pages = [str(page.url) for page in tree.pages]
    nested = [str(one.url) for one in tree.sub_sitemaps]
    if isinstance(tree, need("usp.objects.sitemap").InvalidSitemap) or (
        not text.startswith("<") and not pages
    ):
        raise SourceError(f"{url} is not a sitemap.", hint="Does it ask to sign in?")
    return pages, nested


def _no_doctype(*_: object) -> None:
    raise ValueError("a sitemap has no DOCTYPE")


def read_page(response: Response, asked: str) -> Page:
    url = normal(response.url) or asked
    if response.status not in (200, 203):
        return Page(url, response.status)
    declared, _, options = response.headers.get("content-type", "").partition(";")
    media_type, body = declared.strip().lower(), response.content
    robots = set(_words(response.headers.get("x-robots-tag", "")))
    if _is_html(media_type, body):
        charset = re.search(r"charset=[\"']?([\w-]+)", options, re.I)
        return _html(response, url, asked, charset.group(1) if charset else None, robots)
    document = _document(response, url, body, media_type or None, None)
    return Page(url, 200, digest(body), document, noindex=bool(robots & _NOINDEX))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w:-]+", text.lower())


def _is_html(media_type: str, body: bytes) -> bool:
    """By what it is: a sign-in page served as a PDF is HTML, a PDF served as HTML is not."""
    start = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return True
    binary = start.startswith((b"%pdf-", b"pk\x03\x04")) or b"\0" in start
    return media_type in ("text/html", "application/xhtml+xml") and not binary


def _html(response: Response, url: str, asked: str, charset: str | None, robots: set[str]) -> Page:
    parsers, trafilatura = need("lxml.html"), need("trafilatura")
    body = response.content
    parser = parsers.HTMLParser()
    for encoding in (charset or "utf-8", "utf-8"):
        try:
            body = body.decode(encoding).encode()
        except (LookupError, UnicodeDecodeError):
            continue
        parser = parsers.HTMLParser(encoding="utf-8")
        break
    try:
        tree: Any = parsers.document_fromstring(body or b"<html></html>", parser=parser)
    except (ValueError, need("lxml.etree").LxmlError):
        document = _document(response, url, body, "text/html", None)
        return Page(url, 200, digest(body), document)
    named: dict[str, str] = {
        str(meta.get("name", "")).lower(): str(meta.get("content", ""))
        for meta in tree.iter("meta")
    }
    robots |= {*_words(named.get("robots", "")), *_words(named.get(AGENT.lower(), ""))}
    base = next((str(one.get("href")) for one in tree.iter("base") if one.get("href")), "")
    base = normal(base, response.url) or response.url
    canonical = next(
        (
            normal(str(link.get("href")), base)
            for link in tree.iter("link")
            if "canonical" in str(link.get("rel", "")).lower() and link.get("href")
        ),
        None,
    )
    anchors: Any = () if robots & _NOFOLLOW else tree.iter("a", "area")
    links = [
        normal(str(anchor.get("href")), base)
        for anchor in anchors
        if anchor.get("href") and "nofollow" not in str(anchor.get("rel", ""))
    ]
    password = bool(tree.xpath("//input[@type='password']"))
    title, text = str(tree.findtext(".//title") or "").strip(), ""
    if len(body) <= LARGEST_EXTRACT:
        title = str(getattr(trafilatura.extract_metadata(tree), "title", None) or title)
        text = trafilatura.extract(
            tree, output_format="html", include_comments=False, include_formatting=True,
            favor_recall=True,
        )  # fmt: skip
    if not text:
        need("lxml.etree").strip_elements(tree, "script", "style", "noscript", with_tail=False)
        body = tree.find("body")
        text = parsers.tostring(tree if body is None else body, encoding="unicode")
        text = f"<html>{text}</html>"
    head = f'<head><meta charset="utf-8"><title>{html.escape(title)}</title></head>'
    data = text.replace("<html>", f"<html>{head}", 1).encode("utf-8", "replace")
    # A link to the sign-in page leads where it says; being led there from elsewhere is a refusal.
    sent_there = url != asked and _LOGIN.search(urlsplit(url).path)
    form = password and len(data) < _LOGIN_TEXT
    known = _LOGIN.search(urlsplit(asked).path)
    return Page(
        url=url,
        status=200,
        revision=digest(data),
        document=_document(response, url, data, "text/html", title or None),
        links=tuple(dict.fromkeys(link for link in links if link)),
        canonical=canonical,
        noindex=bool(robots & _NOINDEX or (form and known)),
        signin=bool(sent_there or (form and not known)),
    )


def _document(
    response: Response, url: str, data: bytes, media_type: str | None, title: str | None
) -> RawDocument:
    name = unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or urlsplit(url).netloc
    try:
        modified = parsedate_to_datetime(response.headers.get("last-modified", ""))
    except ValueError:
        modified = None
    return RawDocument(
        key=url,
        uri=url,
        name=f"{name}.html" if media_type == "text/html" and "." not in name else name,
        data=data,
        media_type=media_type,
        title=title,
        modified_at=_aware(modified),
    )


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
