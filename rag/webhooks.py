"""Tells webhooks what happened: signed, through the one way out, again until it was taken.

Signed as Standard Webhooks has it, so that receivers verify with a library they may have already:
HMAC of the id, the time of the try and the body, each try anew.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping

import structlog

from rag.config import WebhookSettings
from rag.egress import client
from rag.errors import RagError
from rag.store.outbox import Delivery, Outbox

AT_ONCE = 8
"""Deliveries tried together: a receiver that hangs holds up no more than these, for a while."""
TIMEOUT_S = 10
POLL_S = 1.0

log = structlog.get_logger(__name__)


class Webhooks:
    """Delivers what is in the outbox; any number of processes share it."""

    def __init__(
        self,
        outbox: Outbox,
        settings: Mapping[str, WebhookSettings],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._settings = settings
        self._clock = clock

    async def serve(self) -> None:
        """Deliver whatever is due, until cancelled."""
        while self._settings:
            try:
                tried = await self.deliver()
            except RagError as error:
                log.warning("webhooks cannot be served", reason=error.message)
                tried = 0
            except Exception:
                # Whatever it was, the next look may go well; nobody else would look.
                log.exception("webhooks cannot be served")
                tried = 0
            if not tried:
                await asyncio.sleep(POLL_S)

    async def deliver(self) -> int:
        """Try what is due, a few at once; returns how many were tried."""
        due = await asyncio.to_thread(self._outbox.claim, AT_ONCE)
        await asyncio.gather(*(self._try(one) for one in due))
        return len(due)

    async def _try(self, delivery: Delivery) -> None:
        problem = await self._send(delivery)
        if not problem:
            await asyncio.to_thread(self._outbox.done, delivery)
            return
        lost = await asyncio.to_thread(self._outbox.failed, delivery, problem)
        event = "webhook given up" if lost else "webhook not delivered"
        log.warning(event, webhook=delivery.webhook, id=delivery.id, reason=problem)

    async def _send(self, delivery: Delivery) -> str:
        """Why it was not taken; empty when it was."""
        import httpx

        to = self._settings[delivery.webhook]
        body, at = delivery.body.encode(), int(self._clock())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Ratchet",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(to.secret.get_secret_value(), delivery.id, at, body),
        }
        setting = f"webhooks.{delivery.webhook}.networks"
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                client([to.url], TIMEOUT_S, to.networks, setting) as http,
                # What it answers, and how much, is not looked at.
                http.stream("POST", to.url, content=body, headers=headers) as answer,
            ):
                if answer.is_success:
                    return ""
                return f"It answered {answer.status_code}."
        except TimeoutError:
            return f"It did not answer within {TIMEOUT_S} s."
        except httpx.HTTPError as error:
            return f"It cannot be reached: {error or type(error).__name__}."
        except RagError as error:
            return str(error)


def signature(secret: str, delivery_id: str, at: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 in base64. A secret that begins with `whsec_` is base64 itself."""
    bare = secret.removeprefix("whsec_")
    key = base64.b64decode(bare) if bare != secret else secret.encode()
    signed = b".".join((delivery_id.encode(), str(at).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
