"""Every error Ratchet raises on purpose, each saying who acts and how.

Third-party errors are translated into these once, at the boundary where they arise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from math import ceil
from typing import Any, ClassVar


class RagError(Exception):
    """Base of the tree: a stable code, an HTTP status, a process exit code and a way out.

    `retryable` means that the same call may succeed later without anyone changing anything.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    retry_after_s: ClassVar[int | None] = None

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInput(RagError):
    """The caller's request cannot be understood or is out of bounds."""

    code, status, exit_code = "invalid_input", 422, 2


class TooLarge(RagError):
    """The request body or an input exceeds a stated limit."""

    code, status, exit_code = "too_large", 413, 2


class ConfigError(RagError):
    """The configuration or a pack is wrong; its author must change it."""

    code, status, exit_code = "config", 500, 2


class NotFound(RagError):
    """No such object for this principal; another's object says the same."""

    code, status, exit_code = "not_found", 404, 4


class Unauthenticated(RagError):
    """Nobody is signed in, or what was shown for it is worth nothing."""

    code, status, exit_code = "unauthenticated", 401, 5


class Forbidden(RagError):
    """The principal lacks a role or a scope."""

    code, status, exit_code = "forbidden", 403, 5


class Conflict(RagError):
    """The object exists already or was changed meanwhile."""

    code, status, exit_code = "conflict", 409, 6


class Behind(Conflict):
    """An index lacks documents that are answered from by now, or has them as they were."""

    code = "behind"


class TooSoon(RagError):
    """The object is being made; it can be spoken of in a moment."""

    code, status, exit_code = "too_soon", 409, 6
    retryable, retry_after_s = True, 1


class RateLimited(RagError):
    """The caller asks more often than is allowed."""

    code, status, exit_code = "rate_limited", 429, 11
    retryable = True
    after_s: int = 60

    def __init__(self, message: str, *, hint: str = "", after_s: float = 60) -> None:
        super().__init__(message, hint=hint)
        self.after_s = max(1, ceil(after_s))


class Superseded(RagError):
    """This run was ended or taken over by another worker; nothing more of it is written."""

    code, status, exit_code = "superseded", 409, 6


class Locked(RagError):
    """Another process owns the data folder and could not be reached."""

    code, status, exit_code = "locked", 503, 3
    retryable, retry_after_s = True, 5


class Unavailable(RagError):
    """A part that the call needs is not ready or not reachable."""

    code, status, exit_code = "unavailable", 503, 7
    retryable, retry_after_s = True, 2


class EngineError(Unavailable):
    """The vector engine refused or lost the call."""

    code = "engine"


class ModelError(Unavailable):
    """A language or embedding model failed."""

    code = "model"


class ModelUnreachable(ModelError):
    """No connection to the endpoint, or it closed before it answered."""

    code = "model_unreachable"


class ModelBusy(ModelError):
    """The endpoint limits the rate. `wait_seconds` is what it asked for, None if it did not."""

    code = "model_busy"
    wait_seconds: float | None = None


class ModelBroken(ModelError):
    """The endpoint answered that it failed."""

    code = "model_broken"


class ModelRefused(ModelError):
    """The endpoint does not take the request: a wrong key, an unknown model, a prompt too long."""

    code, retryable = "model_refused", False


class ModelKeyless(ModelError):
    """The key that the model needs is not there, or cannot be read; an admin sets it."""

    code, status, exit_code = "model_keyless", 409, 6
    retryable, retry_after_s = False, None


class ModelTimeout(ModelError):
    """The model did not begin, or did not end, in time."""

    code = "model_timeout"


class ModelCut(ModelError):
    """The connection was lost while the model wrote."""

    code = "model_cut"


class ModelUnfinished(ModelError):
    """The stream ended without saying why: nobody knows whether the answer is whole."""

    code = "model_unfinished"


class ModelGarbled(ModelError):
    """The endpoint sent what is no answer: broken JSON, a wrong shape, text without end."""

    code = "model_garbled"


class ModelEmpty(ModelError):
    """The model wrote nothing."""

    code = "model_empty"


class BudgetSpent(Unavailable):
    """A budget's hard ceiling is reached, and nothing that costs nothing could answer instead."""

    code, status, exit_code = "budget", 429, 11
    retry_after_s = 3_600


class StorageFull(RagError):
    """No room on the disk; what was acknowledged is kept."""

    code, status, exit_code = "storage_full", 507, 8
    retryable, retry_after_s = True, 60


class SourceError(RagError):
    """A source cannot be read as a whole; a sync that it breaks deletes nothing."""

    code, status, exit_code = "source", 502, 9
    retryable = True


class GenerationMismatch(RagError):
    """The index was built by another embedder, chunker or parser; writing would mix vectors."""

    code, status, exit_code = "generation_mismatch", 409, 6


class DocumentRejected(RagError):
    """One document can never be indexed as it is; `reason` is a stable word for why."""

    code, status, exit_code = "rejected", 422, 10

    def __init__(self, reason: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class DocumentFailed(RagError):
    """One document failed this time; it is tried again later."""

    code, status, exit_code = "failed_transient", 503, 10
    retryable = True

    def __init__(self, reason: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


def wait_of(error: RagError) -> int | None:
    """Seconds after which the same call may succeed, where that is known."""
    return error.after_s if isinstance(error, RateLimited) else error.retry_after_s


def of_code(code: str, message: str, hint: str = "") -> RagError:
    """An error told elsewhere, as the class that its code names."""
    for kind in _tree(RagError):
        if kind.code == code:
            # Some classes want more than was told: made without asking them.
            error = kind.__new__(kind)
            RagError.__init__(error, message, hint=hint)
            return error
    return RagError(message, hint=hint)


def _tree(kind: type[RagError]) -> Iterator[type[RagError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _tree(child)


def counted(count: int, noun: str) -> str:
    """A number with its noun, as in `1 chunk` and `2 chunks`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def plainly(problem: Mapping[str, Any]) -> str:
    """What a validator found wrong with a field, in words that follow the field's name."""
    if problem["type"] == "missing":
        return "is missing"
    if problem["type"] == "extra_forbidden":
        return "is not known"
    said = re.sub(r"^[A-Z][a-z]+ should ", "must ", problem["msg"].removeprefix("Value error, "))
    return said[:1].lower() + said[1:]


def did_you_mean(word: str, known: list[str]) -> str:
    """A closing sentence that names the nearest known word, or all of them when none is near."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Known: {', '.join(sorted(known))}." if known else ""
