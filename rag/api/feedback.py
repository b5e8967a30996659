"""The routes of feedback: rate an answer, look at it, take it back, agree to its use."""

from __future__ import annotations

from fastapi import APIRouter

from rag.api.once import Key
from rag.api.policy import User
from rag.api.routes import RESPONSES, Id
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.feedback import Consent, ConsentAsked, Feedback, Verdict
from rag.types import Data as Body

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class Given(Body):
    feedback: list[Feedback]


@router.post("/traces/{trace_id}/feedback", status_code=201)
async def rate(
    trace_id: Id, body: Verdict, who: User, server: Server, idempotency_key: Key = None
) -> Feedback:
    """Rate one's own answer, a citation or passage of it, a span, a pair, or say what is missing.

    The last verdict on each target counts; saying the same again changes nothing.
    """
    return await server.app.rate(who, trace_id, body, key=idempotency_key, surface="api")


@router.get("/traces/{trace_id}/feedback")
async def feedback(trace_id: Id, who: User, server: Server, history: bool = False) -> Given:
    """One's own verdicts on a trace: those in effect, or with `history` every event."""
    return Given(feedback=await server.app.feedback(who, trace_id, history=history))


@router.delete("/traces/{trace_id}/feedback/{feedback_id}")
async def retract(trace_id: Id, feedback_id: Id, who: User, server: Server) -> Feedback:
    """Take a verdict back; the event that says so is the answer. 409 if another replaced it."""
    return await server.app.retract(who, trace_id, feedback_id)


@router.get("/consent")
async def consent(who: User, server: Server) -> ConsentAsked:
    """What one's feedback may be used for, and the text that asks for it."""
    return await server.app.consent(who)


@router.put("/consent")
async def agree(body: Consent, who: User, server: Server) -> ConsentAsked:
    """Let feedback given from now on be used for exactly these purposes.

    409 where `version` is not that of the text in force.
    """
    return await server.app.agree(who, body)
