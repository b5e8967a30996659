"""Every operation of the OpenAPI document, sent by people of each role to a real server."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from rag.api.openapi import document
from rag.api.policy import Policy
from rag.api.server import create_app
from rag.errors import RagError
from rag.feedback import OfAnswer, Verdict
from rag.people.passwords import hashed
from rag.types import AskRequest, Principal, Role
from tests.api.routes import policy_of, routes_of
from tests.ways.conftest import Deployment, running, written

NOBODY, SUSPENDED = "nobody", "sam"
PEOPLE: dict[str, set[Role]] = {
    "ursula": {Role.USER},
    "dora": {Role.USER, Role.DATA},
    "adam": {Role.USER, Role.ADMIN},
    SUSPENDED: {Role.USER, Role.ADMIN, Role.DATA},
}
CALLERS = (NOBODY, SUSPENDED, "ursula", "dora", "adam")
CARRIERS = ("session", "key")
PASSWORD = "seven green lamps hum"
KNOWN_BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/connectors/{connector}/check": {"config": {"path": "documents"}},
    "POST /api/v1/models/conformance": {"model": "extractive"},
    "POST /api/v1/session": {"name": "ursula", "password": PASSWORD},
    "POST /api/v1/sources": {"connector": "uploads", "config": {}},
    "POST /v1/chat/completions": {
        "model": "lamps",
        "messages": [{"role": "user", "content": "How long is the warranty?"}],
    },
    "PUT /api/v1/models/declared/{name}": {
        "settings": {
            "provider": "openai_like",
            "model": "m",
            "base_url": "https://8.8.8.8/v1",
        },
    },
    "PUT /api/v1/models/declared/{name}/key": {"key": "sk-of-nobody"},
    "PUT /api/v1/models/default": {"model": "quoting"},
    "PUT /api/v1/models/trial": {"model": "quoting", "share": 0.5},
    "PUT /api/v1/password": {"before": PASSWORD, "after": PASSWORD},
}
"""What has to be so for anything to come of it; the rest of a body is as generated."""
PATIENCE_S = 60.0
"""Whatever takes longer hangs."""
STREAM = "text/event-stream"
ENDINGS = {"answer", "result", "error"}
ENDS_PEOPLE = ("/session", "/keys", "/data", "/password", "/accounts", "/people", "/invitations")
"""After what begins so, and changes something, the callers may not be who they were."""


def shallow() -> dict[str, Any]:
    """The document without filters inside filters: generating those takes a minute."""
    raw = document()
    leaf = {"$ref": "#/components/schemas/Match"}
    for name, key in (("And", "items"), ("Or", "items"), ("Not", None)):
        of = raw["components"]["schemas"][name]["properties"]["of"]
        if key is None:
            of.clear()
            of.update(leaf)
        else:
            of[key] = leaf
    return raw


SCHEMA = schemathesis.openapi.from_dict(shallow())
OPERATIONS = {
    operation.label: operation
    for operation in (found.ok() for found in SCHEMA.get_all_operations())
}
CHECKS = [
    schemathesis.checks.response_schema_conformance,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_headers_conformance,
]


@dataclass
class Site:
    """A deployment where people sign in, with one of every kind of object."""

    deployment: Deployment
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    carriers: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    own: dict[str, dict[str, str]] = field(default_factory=dict)
    http: requests.Session = field(default_factory=requests.Session)
    seen: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """Answers, by operation, caller and status."""
    slowest: dict[str, float] = field(default_factory=dict)
    """Seconds of the slowest answer of each operation."""

    @cached_property
    def needed(self) -> dict[str, Role | None]:
        """The role that each operation takes; None where anyone may come."""
        found: dict[str, Role | None] = {}
        for route in routes_of(create_app(self.deployment.app)):
            policy = policy_of(route)
            for method in route.methods:
                role = policy.role if isinstance(policy, Policy) else None
                found[f"{method} {route.path.replace(':path', '')}"] = role
        return found

    @cached_property
    def password(self) -> str:
        """A hash, made once as it takes a moment."""
        return hashed(PASSWORD)

    @property
    def app(self) -> Any:
        return self.deployment.app

    @property
    def parts(self) -> Any:
        return self.app._parts

    def do(self, work: Any) -> Any:
        return self.deployment.run(work)

    # --- the people ---

    def people(self) -> None:
        """Make whoever is not there, or not as they should be, and let them in anew."""
        for name, roles in PEOPLE.items():
            account = self.parts.accounts.find(name)
            if account is None:
                self._join(name, roles)
            elif account.roles != roles or account.suspended:
                self.parts.accounts.change(name, roles=roles, suspended=False)
            token = self.parts.sessions.open(name, "test")
            origin = {"Origin": self.deployment.url}
            self.carriers[name, "session"] = {"Cookie": f"ratchet={token}", **origin}
            _, key = self.parts.keys.add(name, "test", roles, timedelta(days=1))
            self.carriers[name, "key"] = {"Authorization": f"Bearer {key}"}
        self.parts.accounts.change(SUSPENDED, suspended=True)

    def _join(self, name: str, roles: set[Role]) -> None:
        link = self.do(self.app.accounts.invite(self.app.person(None), name, roles))
        self.parts.accounts.accept(link.partition("#")[2], name, self.password)

    def headers(self, caller: str, carrier: str) -> dict[str, str]:
        return self.carriers.get((caller, carrier), {})

    # --- what there is ---

    def known(self, caller: str, method: str, path: str) -> dict[str, str]:
        """A value for each path parameter that leads to something, of the caller's own if it can.

        What was taken away is made again.
        """
        keeper = self.app.person(None)
        found = {
            "source": "spare",
            "run_id": self.do(self.app.runs(keeper, limit=1))[0].id,
            "connector": "files",
            "model": "lamps",
            "group": "service",
            "user": "ursula",
            "name": "note.txt" if "uploads" in path else "erin",
            **self._own(caller if caller in PEOPLE and caller != SUSPENDED else "ursula"),
        }
        if path.endswith("/accounts/{name}") and self.parts.accounts.find("erin") is None:
            self._join("erin", {Role.USER})
        if "{source}" in path:
            self._uploads(keeper)
        if (method, path) == ("DELETE", "/api/v1/documents/{document_id}"):
            found["document_id"] = self._note(keeper)
        return found

    def _own(self, caller: str) -> dict[str, str]:
        """An answer of theirs in a conversation, and a document that it cites."""
        who, kept = self.app.person(caller), self.own.get(caller)
        with suppress(RagError):
            if kept is not None:
                self.do(self.app.trace(who, kept["trace_id"]))
                self.do(self.app.conversations.show(who, kept["conversation_id"]))
                return kept
        conversation = self.do(self.app.conversations.begin(who))
        question = "How long is the warranty on a new lamp?"
        asked = AskRequest(question=question, conversation=conversation.id)
        answer = self.do(self.app.ask(who, asked))
        verdict = Verdict(target=OfAnswer(), value=1)
        rated = self.do(self.app.rate(who, answer.trace_id, verdict))
        self.own[caller] = {
            "conversation_id": conversation.id,
            "trace_id": answer.trace_id,
            "completion": f"chatcmpl-{answer.trace_id}",
            "feedback_id": rated.id,
            "document_id": answer.citations[0].document_id,
            "version": str(answer.citations[0].version),
            "session_id": self.parts.sessions.list(caller)[0].id,
            "key_id": self.parts.keys.list(caller)[0].id,
        }
        return self.own[caller]

    def _uploads(self, keeper: Principal) -> None:
        with suppress(RagError):
            self.do(self.app.source(keeper, "spare"))
            return
        self.do(self.app.add_source(keeper, connector="uploads", config={}, name="spare"))

    def _note(self, keeper: Principal) -> str:
        """A document that nothing else needs."""
        self._uploads(keeper)
        text = f"The spare lamp {self.rng.random()} is blue.".encode()
        self.do(self.app.upload(keeper, "spare", "note.txt", text))
        self.do(self.app.pause_source(keeper, "spare", paused=False))
        self.do(self.app.sync(keeper, source="spare"))
        found = self.do(self.app.documents(keeper))
        return next(one.id for one in found if one.source == "spare")

    # --- one request ---

    def send(self, case: Any, caller: str, known: str, carrier: str, *, events: bool) -> None:
        """One case as one caller; `known` says whose objects its path leads to.

        Raises AssertionError where the answer breaks a promise.
        """
        operation = case.operation
        method, path = operation.method.upper(), operation.path
        role = self.needed[f"{method} {path}"]
        given = dict(case.path_parameters)
        if given and known != "none":
            whose = caller if known == "own" else "adam" if caller != "adam" else "dora"
            there = self.known(whose, method, path)
            case.path_parameters = {name: there.get(name, value) for name, value in given.items()}
        headers = self.headers(caller, carrier)
        streams = STREAM in json.dumps(operation.definition.raw.get("responses", {}))
        if events and streams:
            headers = {**headers, "Accept": STREAM}
        response = case.call(
            base_url=self.deployment.url, session=self.http, headers=headers, timeout=PATIENCE_S
        )
        # Signing in sets a cookie, which is not for the next caller.
        self.http.cookies.clear()
        case.path_parameters = given
        self.seen[operation.label, caller, response.status_code] += 1
        slowest = self.slowest.get(operation.label, 0.0)
        self.slowest[operation.label] = max(slowest, response.elapsed)
        told = f"{method} {path} as {caller} by {carrier}: {response.status_code} {response.text}"
        assert response.status_code < 500, told
        if role is not None:
            self._let_in(caller, role, response.status_code, case, told)
        if whose_own(path) and known == "another's" and role is Role.USER:
            assert caller in ("dora", "adam") or response.status_code >= 400, told
        self._as_documented(case, response, told)
        changed = method != "GET" and response.status_code < 400
        if changed and path.removeprefix("/api/v1").startswith(ENDS_PEOPLE):
            self.people()

    def _let_in(self, caller: str, role: Role, status: int, case: Any, told: str) -> None:
        may = caller in PEOPLE and caller != SUSPENDED and role in PEOPLE[caller]
        # A control character is refused at the door, whoever sends it.
        good = case.meta.generation.mode is GenerationMode.POSITIVE and status not in (400, 422)
        if caller == NOBODY:
            assert status == 401 if good else status >= 400, told
        elif not may:
            # A domain that is named and is not there has no roles to lack.
            allowed = {401, 403} if caller == SUSPENDED else {403, 404}
            assert status in allowed if good else status >= 400, told
        else:
            assert status != 401, told

    def _as_documented(self, case: Any, response: Any, told: str) -> None:
        (kind,) = response.headers["content-type"] if response.content else ("",)
        if response.status_code >= 400:
            # The routes of OpenAI's API tell failures as theirs does, where one is reached.
            theirs = case.path.startswith("/v1/") and kind == "application/json"
            assert theirs or kind == "application/problem+json", told
        elif kind.startswith(STREAM):
            assert last_event(response.text) in ENDINGS, told
            return
        case.validate_response(response, checks=CHECKS)


def whose_own(path: str) -> bool:
    """Whether a path leads to something that is one person's."""
    return any(name in path for name in ("{trace_id}", "{conversation_id}", "{completion}"))


def last_event(text: str) -> str:
    """What a stream of ours ends with; OpenAI's ends with a word of its own."""
    if text.rstrip().endswith("data: [DONE]"):
        return "answer"
    names = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event")]
    return names[-1] if names else ""


@contextmanager
def site(root: Path) -> Iterator[Site]:
    more = (
        "[accounts]\nrequired = true\nerase_self = true\n"
        "[limits]\nrequests_per_minute = 0\nanswers_at_once = 0\n"
        '[routes.quoting]\ncandidates = ["extractive"]\n'
    )
    with running(written(root, more)) as deployment:
        made = Site(deployment)
        made.people()
        yield made


def try_operation(of: Site, label: str, examples: int, *, fresh: bool = False) -> None:
    """Send examples of an operation as every caller; `fresh` ones are others each time.

    Raises AssertionError, or what the document says otherwise.
    """

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=not fresh,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=cases(OPERATIONS[label]),
        known=st.sampled_from(("own", "own", "another's", "none")),
        carrier=st.sampled_from(CARRIERS),
        named=st.booleans(),
        events=st.booleans(),
    )
    def send(case: Any, known: str, carrier: str, named: bool, events: bool) -> None:
        if not named and isinstance(case.body, dict):
            # There is one domain and few objects: what names another is refused at the door.
            for name in ("domain", "conversation"):
                case.body.pop(name, None)
            case.body |= KNOWN_BODIES.get(label, {})
        for caller in CALLERS:
            of.send(case, caller, known, carrier, events=events)

    send()


def cases(operation: Any) -> st.SearchStrategy[Any]:
    """What the document allows, and what it does not where it forbids anything."""
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not operation.path_parameters and not operation.query and not operation.body:
        return good
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return st.one_of(good, good, bad)
