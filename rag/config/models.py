"""The settings of language models, and of the routes that choose among them."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Annotated, Literal, Self, cast

from pydantic import Field, SecretStr, field_validator, model_validator

from rag.config.section import NETWORKS, Section

PROVIDERS = ("openai_like", "openai", "anthropic", "ollama", "google", "bedrock")
"""What a declared model may be served by."""
CHECKED_PROVIDERS = ("openai_like", "openai")
"""Those whose connections go through a client of ours, which checks each address."""
KEYED_PROVIDERS = ("openai", "anthropic", "google")
"""Those that answer nobody without a key."""
ADDED_PROVIDERS = ("openai_like", "openai", "anthropic", "google")
"""What an admin may add: of the others, the machine's own credentials or addresses would be used.
These are also the ones that take a key."""

_PRICE = "USD per million tokens"
_DEAREST = 1_000_000
_MOST_TOKENS = 1_000_000_000


class AddedModelSettings(Section):
    """A language model, as an admin may add it while the server runs."""

    # Plain text, so that one wrong model is a warning and every other one still answers.
    provider: str = Field(max_length=50, description=f"What serves it: {', '.join(PROVIDERS)}.")
    model: str = Field(max_length=200, description="The provider's name of the model.")
    base_url: str = Field(
        default="", max_length=2_000, description="Endpoint; needed by openai_like."
    )
    context_window: int = Field(
        default=8_192, ge=256, le=_MOST_TOKENS, description="Tokens the model reads and writes."
    )
    max_output_tokens: int = Field(
        default=512, ge=16, le=_MOST_TOKENS, description="Tokens the model may write."
    )
    temperature: float = Field(default=0.0, ge=0, le=2, description="Sampling temperature.")
    timeout_seconds: float = Field(
        default=60, gt=0, le=86_400, description="Deadline of one answer."
    )
    output_training_policy: Literal["allow", "deny", "unknown"] = Field(
        default="unknown", description="Whether the licence lets its text train models."
    )
    capabilities: tuple[Annotated[str, Field(max_length=100)], ...] = Field(
        default=(),
        max_length=50,
        description="What it can do, in words of yours that routes require.",
    )
    input_price: float | None = Field(
        default=None,
        ge=0,
        le=_DEAREST,
        description=f"{_PRICE} it reads; not set: the known price, if any.",
    )
    output_price: float | None = Field(
        default=None, ge=0, le=_DEAREST, description=f"{_PRICE} it writes."
    )
    candidate: str = Field(
        default="",
        max_length=36,
        description="The id of the candidate whose LoRA it serves; rag tune show tells it.",
    )
    retries: int = Field(
        default=1, ge=0, le=5, description="More tries before its first word, where one may help."
    )
    reports_usage: bool = Field(
        default=True, description="Ask the endpoint to count tokens (openai_like, openai)."
    )

    @model_validator(mode="after")
    def _priced_both_ways(self) -> Self:
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price belong together; set both")
        return self


class ModelSettings(AddedModelSettings):
    """A language model, declared under a name of your choice."""

    networks: tuple[str, ...] = Field(default=(), description=NETWORKS)
    api_key: SecretStr = Field(
        default=SecretStr(""), description="Key; an admin may set it later where it is not."
    )


class CandidateSettings(Section):
    """A model of a route, and when it is the one to ask; `candidates = ["a", "b"]` is short."""

    model: str = Field(description="A name under [models], or extractive.")
    domains: tuple[str, ...] = Field(default=(), description="Only in these domains.")
    classes: tuple[str, ...] = Field(
        default=(), description="Only for questions of one of these classes of the route."
    )
    min_chars: int = Field(
        default=0, ge=0, description="Only for questions, history included, this long."
    )
    max_chars: int | None = Field(default=None, ge=1, description="... and no longer than this.")
    max_cost: float | None = Field(
        default=None, ge=0, description="Only if the answer will cost no more (USD)."
    )
    first_token_seconds: float | None = Field(
        default=None, gt=0, description="Left for the next one if it has not begun by then."
    )
    needs_seconds: float = Field(
        default=0, ge=0, description="Only while this much of the route's deadline is left."
    )


class RouteSettings(Section):
    """Models in the order they are asked, each when its conditions hold and those before failed."""

    candidates: tuple[CandidateSettings, ...] = Field(
        min_length=1, max_length=20, description="In order."
    )
    requires: tuple[str, ...] = Field(
        default=(), description="Capabilities that a model must have to be asked."
    )
    classes: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Classes of questions: each a name, with words one of which the question has.",
    )
    deadline_seconds: float = Field(
        default=90, gt=0, description="For the whole answer, whoever writes it."
    )

    @field_validator("candidates", mode="before")
    @classmethod
    def _names_alone(cls, value: object) -> object:
        if not isinstance(value, (list, tuple)):
            return value
        given = cast("Sequence[object]", value)
        return [{"model": one} if isinstance(one, str) else one for one in given]

    @model_validator(mode="after")
    def _known_classes(self) -> Self:
        for candidate in self.candidates:
            for name in candidate.classes:
                if name not in self.classes:
                    raise ValueError(f"the class '{name}' is not under classes; add its words")
        return self


class GatewaySettings(Section):
    """What holds for every model."""

    local_only: bool = Field(
        default=False,
        description="Contact no model but on this machine or in its `networks`.",
    )
    added_networks: tuple[str, ...] = Field(
        default=(),
        description="Private networks (CIDR) that models added by an admin may be in, however "
        "their address is written; without accounts this machine is one.",
    )
    breaker_failures: int = Field(
        default=5, ge=1, description="Failures in a row after which a model is left alone."
    )
    breaker_seconds: float = Field(default=30, gt=0, description="... for this long.")

    @field_validator("added_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            ip_network(one)
        return value


class BudgetSettings(Section):
    """What may be spent on models in a day or a month (UTC); what costs nothing goes on."""

    per: Literal["all", "person", "domain", "model"] = Field(
        default="all", description="Whose spending is added up: everyone's, or each one's own."
    )
    period: Literal["day", "month"] = Field(default="month", description="How long it counts.")
    soft: float | None = Field(
        default=None,
        ge=0,
        description="USD from which on it is told: in the log and rag models cost.",
    )
    hard: float | None = Field(
        default=None,
        ge=0,
        description="USD that are not exceeded: models with a price are refused.",
    )

    @model_validator(mode="after")
    def _some_ceiling(self) -> Self:
        if self.soft is None and self.hard is None:
            raise ValueError("a budget needs a ceiling; set soft, hard or both")
        if self.soft is not None and self.hard is not None and self.soft > self.hard:
            raise ValueError("soft must not be above hard; lower it")
        return self
