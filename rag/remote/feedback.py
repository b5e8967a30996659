"""The verbs of feedback, over HTTP."""

from __future__ import annotations

from urllib.parse import quote

from rag.feedback import Consent, ConsentAsked, Feedback, Verdict
from rag.remote.line import Line
from rag.types import Principal


class FeedbackVerbs(Line):
    """Rating answers; the server knows by itself through which face it is asked."""

    async def rate(
        self,
        principal: Principal,
        trace_id: str,
        verdict: Verdict,
        *,
        key: str | None = None,
        surface: str = "program",
    ) -> Feedback:
        body = verdict.model_dump(mode="json")
        headers = {"Idempotency-Key": key} if key else {}
        made = await self.json("POST", _path(trace_id), principal, json=body, headers=headers)
        return Feedback.model_validate(made)

    async def feedback(
        self, principal: Principal, trace_id: str, *, history: bool = False
    ) -> list[Feedback]:
        params = {"history": "true"} if history else {}
        found = await self.json("GET", _path(trace_id), principal, params=params)
        return [Feedback.model_validate(one) for one in found["feedback"]]

    async def retract(self, principal: Principal, trace_id: str, feedback_id: str) -> Feedback:
        path = f"{_path(trace_id)}/{quote(feedback_id, safe='')}"
        return Feedback.model_validate(await self.json("DELETE", path, principal))

    async def consent(self, principal: Principal) -> ConsentAsked:
        return ConsentAsked.model_validate(await self.json("GET", "consent", principal))

    async def agree(self, principal: Principal, consent: Consent) -> ConsentAsked:
        body = consent.model_dump(mode="json")
        return ConsentAsked.model_validate(await self.json("PUT", "consent", principal, json=body))


def _path(trace_id: str) -> str:
    return f"traces/{quote(trace_id, safe='')}/feedback"
