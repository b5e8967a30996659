"""Every declared model: the configuration's, and those that admins added; and their keys."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Literal, NamedTuple

import structlog
from pydantic import SecretStr, ValidationError

from rag.config import KEYED_PROVIDERS, AddedModelSettings, ModelSettings, Settings
from rag.errors import ModelKeyless, Unavailable
from rag.models.told import KeyInfo
from rag.store.added import AddedModel, AddedModels, Kept, ModelKey
from rag.store.vault import Vault

KEY = "key"
"""What a model's key is called in the vault."""
_LOOPBACK = ("127.0.0.0/8", "::1/128")
log = structlog.get_logger(__name__)


class Declared(NamedTuple):
    """One model. `key` is what an admin gave it; one in the configuration comes before that."""

    name: str
    settings: AddedModelSettings
    added: AddedModel | None
    key: ModelKey | None

    @property
    def origin(self) -> Literal["configuration", "added"]:
        return "configuration" if self.added is None else "added"

    @property
    def configured_key(self) -> str:
        """The key of the configuration, if it has one."""
        found = self.settings
        return found.api_key.get_secret_value() if isinstance(found, ModelSettings) else ""

    @property
    def misplaced(self) -> bool:
        """The key was given for another address, and is not sent to this one."""
        return self.key is not None and self.key.address != address_of(self.settings)


class _Seen(NamedTuple):
    """One moment's: replaced as a whole."""

    kept: Kept
    settings: Mapping[str, AddedModelSettings]


class Declarations:
    """What the configuration declares, and what admins added as of the revision seen last.

    A name of the configuration is never anybody else's. Safe in any thread.
    """

    def __init__(self, settings: Settings, store: AddedModels, vault: Vault) -> None:
        self._settings = settings
        self._store = store
        self._vault = vault
        self._lock = threading.Lock()
        self._seen = _Seen(Kept(-1, {}, {}), {})

    @property
    def names(self) -> list[str]:
        configured = self._settings.models
        added = sorted(self._seen.settings)
        return [*configured, *(name for name in added if name not in configured)]

    @property
    def by_admins(self) -> set[str]:
        """The models that admins added, or gave a key."""
        keyed = {*self._seen.kept.keys} & {*self._settings.models}
        return {*self._seen.settings, *keyed}

    @property
    def networks(self) -> tuple[str, ...]:
        """Where models may be, beside public addresses, whose address an admin wrote."""
        alone = () if self._settings.accounts.required else _LOOPBACK
        return (*self._settings.gateway.added_networks, *alone)

    def get(self, name: str) -> Declared | None:
        kept, added = self._seen
        configured = self._settings.models.get(name)
        if configured is not None:
            own = configured.api_key.get_secret_value()
            return Declared(name, configured, None, None if own else kept.keys.get(name))
        settings = added.get(name)
        if settings is None:
            return None
        return Declared(name, settings, kept.models[name], kept.keys.get(name))

    def all(self) -> list[Declared]:
        """Each of them, the configuration's first."""
        return [one for one in map(self.get, self.names) if one is not None]

    def keyed(self, name: str) -> bool:
        """An admin gave a key for that name, whether a model uses it or not."""
        return name in self._seen.kept.keys

    def leftover(self, name: str) -> bool:
        """An added model that is not used, because the configuration declares the name by now."""
        return name in self._settings.models and name in self._seen.kept.models

    def refresh(self) -> bool:
        """See whatever was changed by whichever process; true where something was. Blocks."""
        return self.see(self._store.revision())

    def see(self, revision: int) -> bool:
        """Read what was added if the revision is another one than was read. Blocks then."""
        if revision == self._seen.kept.revision:
            return False
        with self._lock:
            if revision == self._seen.kept.revision:
                return False
            kept = self._store.all()
            settings = {name: _settings(one) for name, one in kept.models.items()}
            usable = {name: one for name, one in settings.items() if one is not None}
            self._seen = _Seen(kept, usable)
        return True

    def whole(self, declared: Declared) -> ModelSettings:
        """The settings with the key. Raises ModelKeyless."""
        found = declared.settings
        settings = (
            found
            if isinstance(found, ModelSettings)
            else ModelSettings(**found.model_dump(), networks=self.networks)
        )
        key = self._key(declared)
        return settings.model_copy(update={"api_key": SecretStr(key)}) if key else settings

    def _key(self, declared: Declared) -> str:
        """What an admin gave; empty where it needs none, or the configuration has it."""
        name, key = declared.name, declared.key
        hint = f"Set it anew: rag models key {name}."
        if key is None:
            if declared.added is not None and declared.settings.provider in KEYED_PROVIDERS:
                # Its library would look for the machine's own in the environment.
                raise ModelKeyless(f"The model '{name}' has no key.", hint=hint)
            return ""
        if declared.misplaced:
            raise ModelKeyless(
                f"The key of the model '{name}' is for another address, and not sent to this one.",
                hint=hint,
            )
        try:
            return self._vault.open(key.sealed)[KEY]
        except Unavailable as error:
            raise ModelKeyless(
                f"The key of the model '{name}' cannot be read.",
                hint=f"Restore {self._vault.path.name} from a backup, or set it anew: "
                f"rag models key {name}.",
            ) from error


def key_info(one: Declared) -> KeyInfo | None:
    """That there is a key, and who gave it; None without one."""
    if one.configured_key:
        return KeyInfo(origin="configuration")
    if one.key is None:
        return None
    return KeyInfo(origin="added", set_by=one.key.set_by, set_at=one.key.set_at)


def address_of(settings: AddedModelSettings) -> str:
    """What a key is for: it is sent nowhere else."""
    return f"{settings.provider} {settings.base_url.rstrip('/')}".strip()


def _settings(model: AddedModel) -> AddedModelSettings | None:
    try:
        return AddedModelSettings.model_validate(model.settings)
    except ValidationError as error:
        # Of another version of Ratchet; the others answer.
        log.warning("added model unusable", model=model.name, problems=error.error_count())
        return None
