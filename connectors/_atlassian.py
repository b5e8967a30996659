"""What Jira and Confluence have in common: where they are, who asks, and what they answer."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors._api import Refused, secure
from connectors._pages import need
from connectors._sdk import understood, vendor_session
from rag.errors import SourceError
from rag.readers import Reader
from rag.types import EVERYONE


class AtlassianConfig(BaseModel):
    """Where the site is and who asks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="Address of the site, e.g. https://acme.atlassian.net.")
    deployment: Literal["cloud", "server"] = Field(
        "cloud", description="Atlassian's cloud, or Server and Data Center of your own."
    )
    username: str = Field("", description="Whose token it is: in the cloud an e-mail address.")
    token: SecretStr = Field(
        SecretStr(""),
        description="API token; without a username a personal access token of Data Center.",
    )
    timeout_s: float = Field(60, gt=0, le=600, description="Longest time for one request.")
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )

    @field_validator("url")
    @classmethod
    def _secure(cls, url: str) -> str:
        return secure(url)

    @model_validator(mode="after")
    def _whole(self) -> AtlassianConfig:
        if self.username and not self.token.get_secret_value():
            raise ValueError("a username needs its token")
        return self


class Atlassian:
    """One site; `vendor` is how messages call it."""

    def __init__(self, vendor: str, config: AtlassianConfig, base: str) -> None:
        self.vendor = vendor
        token = config.token.get_secret_value()
        self.anonymous = not token
        basic = {"username": config.username, "password": token}
        self._client = need("atlassian.rest_client", "atlassian").AtlassianRestAPI(
            base,
            session=vendor_session(
                vendor, base, networks=config.networks, timeout=config.timeout_s
            ),
            **(basic if config.username else {"token": token} if token else {}),
        )

    async def get(self, path: str, **asked: Any) -> Any:
        """The JSON at `path`; None where there is nothing, or nothing that the token may see."""
        response = await asyncio.to_thread(self._client.get, path, params=asked, advanced_mode=True)
        if response.status_code == 404:
            return None
        body = response.json() if response.ok else _said(response)
        if not response.ok:
            raise SourceError(
                f"{self.vendor} answers {response.status_code}: {body}",
            )
        return body

    async def signed_in(self, path: str) -> None:
        """Raises Refused if the credentials no longer count: then both answer as to a stranger,
        with fewer documents or none.
        """
        if self.anonymous:
            return
        who = await self.get(path)
        with understood(self.vendor):
            known = who is not None and dict(who).get("type") != "anonymous"
        if not known:
            raise Refused(
                f"{self.vendor} does not know the credentials any more (auth_error).",
                hint="Check username and token.",
            )

    async def aclose(self) -> None:
        await asyncio.to_thread(self._client.session.close)


def _said(response: Any) -> str:
    """What is wrong with the question, in the vendor's words."""
    try:
        body = response.json()
        said = body.get("errorMessages") or [body.get("message", "")]
        return " ".join(str(one) for one in said)[:500]
    except (AttributeError, TypeError, ValueError):
        return "no reason given."
