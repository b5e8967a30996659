"""What every part of the settings is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

NETWORKS = (
    "Private networks (CIDR) that the name in base_url may lead to; an IP or localhost needs none."
)


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
