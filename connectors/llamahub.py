"""Whatever a LlamaHub reader loads.

A reader is a stranger's code: it opens its connections itself, past the checks of every other
connector, and it says neither who may read a document nor what was deleted.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, ClassVar, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors._api import moment
from rag.errors import ConfigError, DocumentFailed, RagError, SourceError
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument

_TITLES = ("title", "file_name", "name")
_T = TypeVar("_T")


class LlamahubConfig(BaseModel):
    """Which reader, and what it is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reader: str = Field(
        pattern=r"^llama_index(\.[A-Za-z_][A-Za-z0-9_]*){2,}$",
        description="The reader's class, e.g. llama_index.readers.json.JSONReader.",
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict[str, Any], description="What the reader is made with."
    )
    load: dict[str, Any] = Field(
        default_factory=dict[str, Any], description="What its load_data is called with."
    )
    secrets: SecretStr = Field(
        SecretStr("{}"), description="Arguments it is made with that are secret, as a JSON object."
    )
    key: tuple[str, ...] = Field(
        ("file_path", "url", "id"),
        description="Metadata that names a document, the first that it has; without any, its text "
        "does, and an edited document is a new one.",
    )
    timeout_s: float = Field(3600, gt=0, description="Longest time for the reader to load it all.")
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )

    @field_validator("secrets")
    @classmethod
    def _an_object(cls, secret: SecretStr) -> SecretStr:
        try:
            found = json.loads(secret.get_secret_value())
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ValueError("this is not a JSON object")
        return secret


class LlamahubConnector:
    """What a LlamaHub reader loads; it connects as it likes, unchecked.

    Everything is loaded for each listing and kept in a temporary file until the connector is
    closed; `revision` is a hash of the text. A reader that swallows its errors lists less than
    there is, and what it left out is deleted, but for the hold on large deletions.
    """

    Config: ClassVar[type[BaseModel]] = LlamahubConfig
    verified: ClassVar[str] = "readers of two installed packages"

    def __init__(self, config: LlamahubConfig) -> None:
        self.config = config
        self._secrets: dict[str, Any] = json.loads(config.secrets.get_secret_value())
        self._found: _Loaded | None = None
        self._lock = asyncio.Lock()

    async def check(self) -> str:
        await self._within_time(self._made)
        return f"What {self.config.reader.rpartition('.')[2]} loads."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """A full listing each time: readers know of no other."""
        async with self._lock:
            self._forget()
            found = self._found = await self._within_time(self._loaded)
            listed = [*found.places.items()]
        readers = frozenset(self.config.readers)
        for key, place in listed:
            revision = place.digest
            yield Change(kind="upsert", key=key, uri=place.uri, revision=revision, readers=readers)
        yield Change(kind="complete")

    async def fetch(self, change: Change) -> RawDocument:
        async with self._lock:
            found = self._found
            if found is None:
                try:
                    found = self._found = await self._within_time(self._loaded)
                except SourceError as error:
                    raise DocumentFailed("unreadable", error.message, hint=error.hint) from error
            document = await asyncio.to_thread(found.get, change.key)
        if document is None:
            raise DocumentFailed("vanished", f"{change.uri} is no longer loaded.")
        return document.model_copy(update={"readers": change.readers})

    async def aclose(self) -> None:
        self._forget()

    def _forget(self) -> None:
        if self._found is not None:
            self._found.close()
            self._found = None

    async def _within_time(self, work: Callable[[], _T]) -> _T:
        try:
            async with asyncio.timeout(self.config.timeout_s):
                return await asyncio.to_thread(work)
        except RagError:
            raise
        except TimeoutError as error:
            raise SourceError(
                f"{self.config.reader} did not end within {self.config.timeout_s:g} s.",
            ) from error
        except Exception as error:  # noqa: BLE001 - a reader is a stranger's code
            # Without the cause, which may hold what the reader was made with.
            raise SourceError(f"{self.config.reader} failed: {self._shown(error)}") from None

    def _shown(self, error: Exception) -> str:
        text = f"{type(error).__name__}: {error}"
        for secret in sorted(_texts(self._secrets), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text[:500]

    # --- everything below blocks and runs in threads ---

    def _made(self) -> Any:
        from llama_index.core.readers.base import BaseReader

        module, _, name = self.config.reader.rpartition(".")
        try:
            cls: Any = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"There is no {self.config.reader} here.",
                hint="Install its package, e.g. pip install llama-index-readers-json.",
            ) from error
        if not (isinstance(cls, type) and issubclass(cls, BaseReader)):
            raise ConfigError(f"{self.config.reader} is not a reader of LlamaIndex.")
        return cls(**(self.config.arguments | self._secrets))

    def _loaded(self) -> _Loaded:
        found = _Loaded()
        numbers: Counter[str] = Counter()
        for one in self._documents():
            metadata = {str(name): str(value) for name, value in one.metadata.items()}
            data = str(one.text).encode("utf-8", "replace")
            named = next((metadata[field] for field in self.config.key if metadata.get(field)), "")
            # A file's pages share its name: they are numbered.
            name = named or hashlib.sha256(data).hexdigest()
            numbers[name] += 1
            key = name if numbers[name] == 1 else f"{name}#{numbers[name]}"
            title = next((metadata[field] for field in _TITLES if metadata.get(field)), None)
            found.put(
                RawDocument(
                    key=key,
                    uri=_uri(named) or f"{self.config.reader}#{key}",
                    name=_name(title or "document"),
                    data=data,
                    media_type="text/plain",
                    title=title,
                    modified_at=moment(metadata.get("last_modified_date")),
                    metadata=metadata,
                )
            )
        return found

    def _documents(self) -> Iterable[Any]:
        from llama_index.core.readers.base import BaseReader

        reader = self._made()
        if getattr(reader.load_data, "__func__", None) is BaseReader.load_data:
            # All that would do is to make a list of these.
            return reader.lazy_load_data(**self.config.load)
        return reader.load_data(**self.config.load)


@dataclass(frozen=True)
class _Place:
    """Where in the file a document lies, and what a listing says of it."""

    start: int
    size: int
    uri: str
    digest: str


class _Loaded:
    """Documents in a temporary file without a name, which is gone once it is closed."""

    def __init__(self) -> None:
        self.places: dict[str, _Place] = {}
        self._file = TemporaryFile()  # noqa: SIM115 - open as long as this is

    def put(self, document: RawDocument) -> None:
        written = document.model_dump_json().encode()
        digest = hashlib.sha256(document.data).hexdigest()
        start = self._file.tell()
        self._file.write(written)
        self.places[document.key] = _Place(start, len(written), document.uri, digest)

    def get(self, key: str) -> RawDocument | None:
        place = self.places.get(key)
        if place is None:
            return None
        self._file.seek(place.start)
        return RawDocument.model_validate_json(self._file.read(place.size))

    def close(self) -> None:
        self._file.close()

    def __del__(self) -> None:
        # What is loaded after its time is wanted by nobody, who could close it.
        self.close()


def _name(title: str) -> str:
    """Ends in what the text is, whatever it was made from."""
    return title if title.endswith((".md", ".txt")) else f"{title}.txt"


def _uri(name: str) -> str:
    if name.startswith(("http://", "https://")):
        return name
    return Path(name).as_uri() if Path(name).is_absolute() else ""


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for one in cast("dict[str, Any]", value).values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _texts(one)
    elif value not in ("", None):
        yield str(value)
