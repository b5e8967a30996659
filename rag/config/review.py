"""Looking over settings before they are used: what is set, from where, and what will not work."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from rag.config.models import (
    CHECKED_PROVIDERS,
    KEYED_PROVIDERS,
    PROVIDERS,
    AddedModelSettings,
)
from rag.config.settings import EXTRACTIVE, Settings
from rag.errors import ConfigError, did_you_mean

MASK = "********"
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs")


def show(settings: Settings) -> dict[str, Any]:
    """Every value, secrets masked, with where it came from when it is no default."""
    shown = masked(settings.model_dump(mode="python"))
    return {"settings": shown, "origins": settings.origins}


def secrets_in(settings: Settings, file: Path) -> list[str]:
    """The keys that a file sets to something secret."""
    return [
        key
        for key, value in _flat(masked(settings.model_dump(mode="python")))
        if MASK in str(value) and settings.origins.get(key) == str(file)
    ]


def warnings(
    settings: Settings, mounts: str | None = None, added: Collection[str] = ()
) -> list[str]:
    """What will not work as configured though the rest will; each says what to do.

    `mounts` is the text of /proc/self/mounts, read when not given; `added` are the models that
    admins added, or gave a key.
    """
    return [*unusable(settings, added), *_folder(settings.data, mounts)]


def unusable(settings: Settings, added: Collection[str] = ()) -> list[str]:
    """Models that cannot answer as configured; while there are any, the server is not ready."""
    return [*_answering(settings, added), *_models(settings, added), *_routes(settings, added)]


def unusable_model(name: str, model: AddedModelSettings, *, local_only: bool) -> str:
    """Why a model cannot answer, whatever its key; empty when nothing is known against it."""
    place = f"models.{name}"
    if model.provider not in PROVIDERS:
        near = did_you_mean(model.provider, list(PROVIDERS))
        return f"{place}.provider: unknown provider '{model.provider}'. {near}"
    if model.provider == "openai_like" and not model.base_url:
        return f"{place}.base_url: openai_like needs the endpoint's address. Set it."
    if local_only and model.provider not in CHECKED_PROVIDERS:
        return (
            f"{place}.provider: where {model.provider} connects to cannot be checked, so it is "
            "not asked while gateway.local_only is on. Use openai_like."
        )
    if model.max_output_tokens >= model.context_window:
        return (
            f"{place}.max_output_tokens: leaves no room for the question within "
            f"context_window ({model.context_window}). Lower it."
        )
    return ""


def refuse_exposed(settings: Settings) -> None:
    """Raise ConfigError for an address that other machines can reach, unless people sign in.

    Without accounts anyone there would be the single user with every role.
    """
    if not _exposed(settings.server.host):
        return
    if not settings.accounts.required:
        raise ConfigError(
            f"server.host: '{settings.server.host}' is no loopback address, and nobody signs in.",
            hint="Set accounts.required = true, or use 127.0.0.1.",
        )
    if not settings.server.public_url:
        raise ConfigError(
            f"server.host: '{settings.server.host}' is no loopback address, "
            "and server.public_url does not say by which name people reach it.",
            hint='Set server.public_url = "https://...": no other name is answered to.',
        )


def _exposed(host: str) -> bool:
    try:
        return host != "localhost" and not ip_address(host).is_loopback
    except ValueError:
        return True


def _answering(settings: Settings, added: Collection[str]) -> Iterator[str]:
    chosen, declared = settings.answer.model, sorted({*settings.models, *settings.routes, *added})
    if chosen != EXTRACTIVE and chosen not in declared:
        yield (
            f"answer.model: no model '{chosen}' is declared, so questions fail until it is. "
            f"{did_you_mean(chosen, [EXTRACTIVE, *declared])}"
        )

    if settings.answer.judge and settings.answer.judge not in declared:
        yield (
            f"answer.judge: no model '{settings.answer.judge}' is declared, so claims are checked "
            f"by rule. {did_you_mean(settings.answer.judge, declared)}"
        )


def _models(settings: Settings, added: Collection[str]) -> Iterator[str]:
    for name, model in settings.models.items():
        if why := unusable_model(name, model, local_only=settings.gateway.local_only):
            yield why
        elif (
            model.provider in KEYED_PROVIDERS
            and not model.api_key.get_secret_value()
            and name not in added
        ):
            variable = f"RAG_MODELS__{re.sub(r'[^A-Z0-9]', '_', name.upper())}__API_KEY"
            yield (
                f"models.{name}.api_key: {model.provider} needs a key. "
                f"Set {variable} or ..._FILE, or run: rag models key {name}."
            )


def _routes(settings: Settings, added: Collection[str]) -> Iterator[str]:
    known = [EXTRACTIVE, *settings.models, *added]
    for name, route in settings.routes.items():
        if name in known:
            yield f"routes.{name}: '{name}' is the name of a model, which is asked. Rename one."
        for number, candidate in enumerate(route.candidates):
            place = f"routes.{name}.candidates.{number}"
            model = settings.models.get(candidate.model)
            if candidate.model not in known:
                near = did_you_mean(candidate.model, known)
                yield f"{place}: no model '{candidate.model}' is declared. {near}"
            elif model and (lacking := sorted({*route.requires} - {*model.capabilities})):
                yield (
                    f"{place}: '{candidate.model}' has not {', '.join(lacking)}, which the route "
                    f"requires. Add it to models.{candidate.model}.capabilities if it can."
                )


def _folder(folder: Path, mounts: str | None) -> Iterator[str]:
    """Advisory locks and SQLite's log are not safe on most network file systems."""
    table = Path("/proc/self/mounts")
    if mounts is None:
        mounts = table.read_text(encoding="utf-8", errors="replace") if table.exists() else ""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > 2:
            point = fields[1].replace("\\040", " ")
            if folder.is_relative_to(point) and len(point) >= len(best):
                best, kind = point, fields[2]
    if kind in _REMOTE:
        yield (
            f"data: {folder} is on a network file system ({kind}), where locks and the database "
            "may fail. Use a local disk, or a PostgreSQL database.url."
        )


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(cast("dict[str, Any]", value), f"{above}{key}.")
        else:
            yield above + key, value


def masked(value: Any) -> Any:
    """The same as plain data, without what is secret in it."""
    if isinstance(value, dict):
        return {key: masked(inner) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str):
        value = re.sub(r"(://[^:/@]*:)[^@]*(@)", rf"\1{MASK}\2", value)
        # Database drivers take credentials as parameters too.
        return re.sub(r"(?i)([?&](?:password|token|key|secret)=)[^&]*", rf"\1{MASK}", value)
    return value
