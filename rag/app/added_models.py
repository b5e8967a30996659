"""What admins do with models while the server runs: add, change, remove one; give it a key."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack

from rag.app.accounts import Accounts
from rag.app.credentials import Credentials
from rag.app.declared import KEY, Declared, address_of, key_info
from rag.app.domains import Domains
from rag.app.models import Models
from rag.app.parts import Parts
from rag.config import (
    ADDED_PROVIDERS,
    EXTRACTIVE,
    KEYED_PROVIDERS,
    AddedModelSettings,
    masked,
    unusable_model,
)
from rag.egress import require_endpoint
from rag.errors import (
    ConfigError,
    Conflict,
    Forbidden,
    InvalidInput,
    ModelKeyless,
    NotFound,
    RagError,
    SourceError,
    Unavailable,
    did_you_mean,
)
from rag.models.told import DeclaredModel
from rag.store.added import AddedModel, AddedModels, ModelKey
from rag.store.choices import Choices
from rag.types import Principal

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_KEY = re.compile(r"[\x21-\x7e]{1,4000}")
"""What a header can carry."""
_NETWORKS = "gateway.added_networks"


class DeclaredModels:
    """Each act counts from the next question on, in every process, and is in the audit log.

    Keys go in and never come out again.
    """

    def __init__(
        self,
        parts: Parts,
        domains: Domains,
        models: Models,
        store: AddedModels,
        credentials: Credentials,
        accounts: Accounts,
    ) -> None:
        self._settings = parts.settings
        self._domains = domains
        self._models = models
        self._declared = models.declared
        self._store = store
        self._choices = Choices(parts.ledger.database)
        self._credentials = credentials
        self._accounts = accounts

    async def list(self, principal: Principal) -> list[DeclaredModel]:
        """The models of the configuration, then those that were added."""
        await self._refresh()
        found = self._declared.all()
        return await asyncio.to_thread(lambda: [self._told(one) for one in found])

    async def put(
        self, principal: Principal, name: str, settings: AddedModelSettings, key: str | None = None
    ) -> DeclaredModel:
        """Add a model, or let it be another. Without a key the one that it has stays.

        Raises Conflict for a name that is taken, and where the key that it has is for another
        address; InvalidInput for what could not be asked.
        """
        await self._refresh()
        self._require_free(name)
        before = self._declared.get(name)
        await self._require_usable(name, settings)
        has = before.key if before is not None else None
        if key is not None:
            _require_key(key, settings)
        elif has is not None and has.address != address_of(settings):
            raise Conflict(
                f"The key of '{name}' is for another address, and is not sent to this one.",
                hint="Give the key along, or remove it first.",
            )
        elif has is None and settings.provider in KEYED_PROVIDERS:
            raise InvalidInput(
                f"{settings.provider} answers nobody without a key.", hint="Give the key along."
            )
        model = AddedModel(
            name=name,
            settings=settings.model_dump(mode="json", exclude_unset=True),
            changed_by=principal.id,
            changed_at=self._store.now(),
        )
        await self._keep(principal, name, settings, key, model)
        act = "add model" if before is None else "change model"
        said = {"provider": settings.provider, "base_url": settings.base_url}
        await self._accounts.wrote(principal, act, name, **said, key=key is not None)
        return await self._one(name)

    async def remove(self, principal: Principal, name: str) -> None:
        """Forget an added model and its key. Raises NotFound; Conflict naming what needs it."""
        await self._refresh()
        found = self._known(name)
        if self._declared.leftover(name):
            # What was added before the configuration declared the name.
            await asyncio.to_thread(self._store.remove, name)
        elif found.added is None:
            raise self._configured(name, "Remove it there.")
        else:
            if needed := await asyncio.to_thread(self._needed, name):
                raise Conflict(
                    f"'{name}' is needed: {', '.join(needed)}.", hint="Let another one do it first."
                )
            await asyncio.to_thread(self._store.remove, name)
        await self._accounts.wrote(principal, "remove model", name)
        await self._refresh()

    async def set_key(self, principal: Principal, name: str, key: str) -> DeclaredModel:
        """Give a model another key, or its first. Raises NotFound, InvalidInput; Conflict where
        the configuration has one."""
        await self._refresh()
        found = self._known(name)
        if found.configured_key:
            where = self._settings.origins.get(f"models.{name}.api_key", "the configuration")
            raise Conflict(f"The key of '{name}' is set by {where}.", hint="Change it there.")
        _require_key(key, found.settings)
        await self._keep(principal, name, found.settings, key)
        await self._accounts.wrote(principal, "set model key", name)
        return await self._one(name)

    async def remove_key(self, principal: Principal, name: str) -> None:
        """Forget the key that an admin gave, used or not. Raises NotFound where there is none."""
        await self._refresh()
        if not self._declared.keyed(name):
            raise NotFound(f"Nobody gave a model '{name}' a key.")
        await asyncio.to_thread(self._store.remove_key, name)
        await self._accounts.wrote(principal, "remove model key", name)
        await self._refresh()

    # --- what is refused ---

    def _require_free(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                "This cannot name a model.", hint="Use letters, digits, dots, dashes, underscores."
            )
        if name in self._settings.models:
            raise self._configured(name, "Change it there, or choose another name.")
        if name == EXTRACTIVE or name in self._settings.routes:
            what = "quoting" if name == EXTRACTIVE else "a route of the configuration"
            raise Conflict(f"'{name}' is the name of {what}.", hint="Choose another name.")

    def _configured(self, name: str, hint: str) -> Conflict:
        where = self._settings.origins.get(f"models.{name}.provider", "the configuration")
        return Conflict(f"The model '{name}' is declared by {where}.", hint=hint)

    async def _require_usable(self, name: str, settings: AddedModelSettings) -> None:
        """Raise InvalidInput for what could not be asked, or must not be contacted."""
        local = self._settings.gateway.local_only
        if why := unusable_model(name, settings, local_only=local):
            raise InvalidInput(why)
        if settings.provider not in ADDED_PROVIDERS:
            raise InvalidInput(
                f"A model of {settings.provider} is declared in rag.toml: it would use what this "
                "machine has.",
                hint=f"Here are added: {', '.join(ADDED_PROVIDERS)}.",
            )
        if not settings.base_url:
            return
        if settings.provider not in ("openai_like", "openai"):
            raise InvalidInput(f"{settings.provider} has no base_url of its own; leave it out.")
        try:
            await require_endpoint(
                settings.base_url, self._declared.networks, _NETWORKS, local_only=local
            )
        except (Forbidden, SourceError) as error:
            raise InvalidInput(error.message, hint=error.hint) from error

    def _needed(self, name: str) -> list[str]:
        """What would be without the model."""
        answer = self._settings.answer
        needed = [f"answer.{part}" for part in ("model", "judge") if getattr(answer, part) == name]
        needed += [
            f"the route '{route}'"
            for route, one in self._settings.routes.items()
            if any(candidate.model == name for candidate in one.candidates)
        ]
        for choice in self._choices.latest():
            try:
                self._domains.get(choice.domain)
            except NotFound:
                continue
            if choice.model == name:
                needed.append(f"it answers in '{choice.domain}'")
            if choice.trial is not None and choice.trial.model == name:
                needed.append(f"it is tried in '{choice.domain}'")
        return needed

    # --- what is done ---

    async def _keep(
        self,
        principal: Principal,
        name: str,
        settings: AddedModelSettings,
        key: str | None,
        model: AddedModel | None = None,
    ) -> None:
        async with AsyncExitStack() as stack:
            secrets = {KEY: key} if key is not None else {}
            try:
                sealed = await stack.enter_async_context(self._credentials.sealed(secrets))
            except (ConfigError, Unavailable) as error:
                said = f"The key cannot be kept: {error.message}"
                raise ModelKeyless(said, hint=error.hint) from error
            given = ModelKey(
                name=name,
                sealed=sealed,
                address=address_of(settings),
                set_by=principal.id,
                set_at=self._store.now(),
            )
            if model is not None:
                await asyncio.to_thread(self._store.put, model, given if sealed else None)
            else:
                await asyncio.to_thread(self._store.set_key, given)

    async def _refresh(self) -> None:
        await asyncio.to_thread(self._models.refresh)
        await self._models.tidy()

    def _known(self, name: str) -> Declared:
        found = self._declared.get(name)
        if found is None:
            hint = did_you_mean(name, self._declared.names)
            raise NotFound(f"There is no model '{name}'.", hint=hint)
        return found

    async def _one(self, name: str) -> DeclaredModel:
        await self._refresh()
        return await asyncio.to_thread(self._told, self._known(name))

    def _told(self, one: Declared) -> DeclaredModel:
        try:
            self._models.model(one.name)
            problem = ""
        except RagError as error:
            problem = error.message
        added = one.added
        return DeclaredModel(
            name=one.name,
            declared=one.origin,
            where=self._settings.origins.get(f"models.{one.name}.provider", "")
            if not added
            else "",
            settings=masked(one.settings.model_dump(mode="json", exclude={"api_key"})),
            key=key_info(one),
            changed_by=added.changed_by if added else "",
            changed_at=added.changed_at if added else None,
            problem=problem,
        )


def _require_key(key: str, settings: AddedModelSettings) -> None:
    if settings.provider not in ADDED_PROVIDERS:
        raise InvalidInput(f"{settings.provider} takes no key.")
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            "This is no key.", hint="Printable ASCII without blanks, 4,000 characters at most."
        )
