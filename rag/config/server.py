"""The settings of the server: where it listens, under which name, who may show it in a frame."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from rag.config.section import Section

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(rf"https?://{_LABEL}(\.{_LABEL})*(:(?P<port>[1-9]\d{{0,4}}))?", re.ASCII)
"""As a browser writes one. It goes into a header as it is, so nothing else may be in it."""


class ServerSettings(Section):
    """Where the API listens."""

    host: str = Field(
        default="127.0.0.1", description="Address to bind; beyond loopback needs accounts."
    )
    port: int = Field(default=8000, ge=1, le=65535, description="TCP port.")
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+)?$",
        description="Where people reach it, when not at host and port: https://ask.example.org.",
    )
    embed_in: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description="Origins whose pages may show the Ask widget: https://intranet.example.",
    )
    max_body_bytes: int = Field(
        default=1_000_000, ge=1_000, description="Largest JSON body accepted."
    )
    max_upload_bytes: int = Field(
        default=250_000_000, ge=1_000, description="Largest document accepted as an upload."
    )
    max_concurrent: int = Field(
        default=256, ge=1, description="Answers being made at once; more get 503."
    )

    @field_validator("embed_in")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number, origin in enumerate(value, 1):
            match = _ORIGIN.fullmatch(origin)
            if match is None or int(match["port"] or 1) > 65_535:
                raise ValueError(
                    f"number {number} is no origin; write scheme, host in small letters and port, "
                    "if any, like https://intranet.example or http://localhost:8080, no more"
                )
        return value

    def local_url(self, port: int | None = None) -> str:
        """Where this machine itself reaches it, whichever addresses it listens on."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{port or self.port}"

    @property
    def url(self) -> str:
        """Where people reach it."""
        return self.public_url or self.local_url()
