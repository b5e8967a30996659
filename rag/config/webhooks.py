"""The settings of webhooks."""

from __future__ import annotations

import base64
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from rag.config.section import Section


class WebhookSettings(Section):
    """Whom to tell what happened, under a name of your choice."""

    url: str = Field(description="Where it is posted to, http or https.")
    secret: SecretStr = Field(
        min_length=16,
        description="What each message is signed with; known to the receiver as well.",
    )
    events: tuple[Literal["sync.done", "feedback.given", "candidate.trial"], ...] = Field(
        default=("sync.done",),
        min_length=1,
        description="What it is told: `sync.done`, `feedback.given`, `candidate.trial`.",
    )
    networks: tuple[str, ...] = Field(
        default=(),
        description="Private networks (CIDR) that the name in url may lead to; an IP or localhost "
        "needs none.",
    )

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url is no http or https address; set it")
        if parts.username or parts.password:
            raise ValueError(
                "url has a name or password in it; the secret is what proves who we are"
            )
        bare = self.secret.get_secret_value()
        if bare.startswith("whsec_"):
            try:
                base64.b64decode(bare.removeprefix("whsec_"), validate=True)
            except ValueError:
                raise ValueError("secret begins with whsec_, but the rest is no base64") from None
        return self
