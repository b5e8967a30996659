"""Which data folder, domain and person a command line is about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.config import Settings


@dataclass(frozen=True)
class Target:
    """What the global options chose."""

    data: Path | None
    domain: str | None
    config: Path | None
    user: str | None

    def settings(self) -> Settings:
        from rag.config import load

        return load(data=self.data, domain=self.domain, config=self.config)
