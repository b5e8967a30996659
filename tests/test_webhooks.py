"""Webhooks against a real receiver: signed, told again until taken, never about what was not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.config import WebhookSettings, load
from rag.errors import ConfigError
from rag.feedback import Verdict
from rag.store import outbox as outboxes
from rag.store.database import Database
from rag.store.outbox import MAX_ATTEMPTS, Outbox, call_off
from rag.store.runs import Runs
from rag.types import AskRequest, RunProgress
from rag.webhooks import AT_ONCE, Webhooks, signature
from tests.app.test_app import ANNA, add_documents, open_app

SECRET = "a secret of both sides"
START = datetime(2026, 1, 1, tzinfo=UTC)


class Receiver:
    """Answers what it is told to, the last answer for ever; keeps what it was sent."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers) or [204]
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if answer == 0:
                    return  # hangs up without a word
                self.send_response(answer)
                if answer == 302:
                    self.send_header("Location", f"{outer.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing on standard error."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/hook?to=me"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


class Steady(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return 1.0


class Post:
    """An outbox with one webhook, at a time of its own."""

    def __init__(self, url: str, to: str, events: tuple[str, ...] = ("sync.done",)) -> None:
        self.clock = Clock()
        self.database = Database(url)
        self.database.migrate()
        self.outbox = Outbox(self.database, self.clock, {"us": events}, Steady())
        settings = WebhookSettings.model_validate({"url": to, "secret": SECRET})
        self.webhooks = Webhooks(self.outbox, {"us": settings}, lambda: self.clock.now.timestamp())

    def announce(self, **data: Any) -> None:
        with self.database.write() as session:
            self.outbox.announce(session, "sync.done", data)

    def deliver(self) -> int:
        return asyncio.run(self.webhooks.deliver())

    def counts(self) -> dict[str, int]:
        return self.outbox.counts()["us"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as made:
        yield made


@pytest.fixture
def post(database_url: str, receiver: Receiver) -> Iterator[Post]:
    made = Post(database_url, receiver.url)
    yield made
    made.database.close()


def test_the_signature_is_the_one_of_standard_webhooks() -> None:
    """The example that its libraries are tested with."""
    signed = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(body=st.binary(max_size=50), other=st.binary(max_size=50), at=st.integers(0, 2**33))
def test_another_body_time_id_or_secret_has_another_signature(
    body: bytes, other: bytes, at: int
) -> None:
    signed = signature(SECRET, "id", at, body)
    assert signed != signature(SECRET, "id", at + 1, body)
    assert signed != signature(SECRET, "other", at, body)
    assert signed != signature("another secret", "id", at, body)
    assert (signed == signature(SECRET, "id", at, other)) is (body == other)


def test_what_is_told_can_be_verified_and_is_told_once(post: Post, receiver: Receiver) -> None:
    post.announce(source="dœcs", n=1)
    assert post.deliver() == 1
    assert post.deliver() == 0
    ((headers, body),) = receiver.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    assert headers["webhook-timestamp"] == str(int(START.timestamp()))
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "type": "sync.done",
        "timestamp": START.isoformat(),
        "data": {"source": "dœcs", "n": 1},
    }
    assert post.counts() == {"delivered": 1}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("answer", [500, 404, 302, 429, 0])
def test_what_is_not_taken_is_told_again_later_with_the_same_id(
    post: Post, receiver: Receiver, answer: int
) -> None:
    receiver.answers = [answer, answer, 200]
    post.announce(n=1)
    waited: list[timedelta] = []
    for expected in (5, 20):
        assert post.deliver() == 1
        assert post.counts() == {"waiting": 1}
        before = post.clock.now
        post.clock.now = before + timedelta(seconds=expected - 0.5)
        assert post.deliver() == 0, "not before its time"
        post.clock.now = before + timedelta(seconds=expected)
        waited.append(post.clock.now - before)
    assert post.outbox.last_failure("us")
    assert post.deliver() == 1
    assert post.counts() == {"delivered": 1}
    ids = {headers["webhook-id"] for headers, _ in receiver.got}
    times = [headers["webhook-timestamp"] for headers, _ in receiver.got]
    assert (len(receiver.got), len(ids), len(set(times))) == (3, 1, 3)
    assert len({headers["webhook-signature"] for headers, _ in receiver.got}) == 3
    assert len({body for _, body in receiver.got}) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_is_given_up_in_the_end(post: Post, receiver: Receiver) -> None:
    receiver.answers = [503]
    post.announce(n=1)
    for _ in range(MAX_ATTEMPTS):
        assert post.deliver() == 1
        post.clock.now += timedelta(hours=6)
    assert post.deliver() == 0
    assert post.counts() == {"failed": 1}
    assert "503" in post.outbox.last_failure("us")
    span = sum(min(5 * 4**n, 6 * 3600) for n in range(MAX_ATTEMPTS - 1))
    assert 24 * 3600 < span < 48 * 3600, "about a day and a half"


def test_what_did_not_happen_is_told_to_nobody(post: Post) -> None:
    def fail() -> None:
        with post.database.write() as session:
            post.outbox.announce(session, "sync.done", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with post.database.write() as session:
        post.outbox.announce(session, "another.event", {})
    assert post.deliver() == 0


def test_two_processes_do_not_tell_the_same_at_once(post: Post) -> None:
    for number in range(AT_ONCE + 2):
        post.announce(n=number)
    other = Outbox(post.database, post.clock, {"us": ("sync.done",)})
    first, second = post.outbox.claim(AT_ONCE), other.claim(AT_ONCE)
    assert (len(first), len(second)) == (AT_ONCE, 2)
    assert {one.id for one in first}.isdisjoint(one.id for one in second)
    # One that was killed amid it leaves it to others; when it wakes it says nothing any more.
    post.clock.now += outboxes.LEASE
    again = other.claim(AT_ONCE)
    assert {one.id for one in again} == {one.id for one in first}
    post.outbox.done(first[0])
    assert post.counts() == {"waiting": AT_ONCE + 2}
    other.done(next(one for one in again if one.id == first[0].id))
    assert post.counts() == {"waiting": AT_ONCE + 1, "delivered": 1}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_receiver_that_is_gone_or_forbidden_is_told_of(database_url: str) -> None:
    with Receiver().listening() as receiver:
        url = receiver.url
    gone = Post(database_url, url)
    gone.announce(n=1)
    gone.deliver()
    assert "cannot be reached" in gone.outbox.last_failure("us")
    gone.database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_private_address_behind_a_name_has_to_be_allowed(
    database_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolved(self: object, host: str, port: int, **_: object) -> list[Any]:
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolved)
    to = receiver.url.replace("127.0.0.1", "intranet.example")
    post = Post(database_url, to)
    post.announce(n=1)
    post.deliver()
    assert receiver.got == []
    assert "webhooks.us.networks" in post.outbox.last_failure("us")
    post.database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_restore_tells_no_old_news(post: Post) -> None:
    post.announce(n=1)
    with post.database.write() as session:
        call_off(session, "A backup was restored.")
    assert post.deliver() == 0
    assert post.counts() == {"failed": 1}


@pytest.mark.parametrize("state", ["succeeded", "failed"])
def test_the_end_of_a_sync_is_told_in_its_transaction(post: Post, state: Any) -> None:
    runs = Runs(post.database, post.clock, post.outbox.announce)
    for kind, told in (("rebuild", 0), ("sync", 1)):
        run, _ = runs.request(kind, "test", None, "me")  # type: ignore[arg-type]
        mine = runs.claim("worker")
        assert mine is not None
        assert mine.id == run.id
        assert runs.finish(mine, state, progress=RunProgress(), report={"added": 3})
        assert not runs.finish(mine, state, progress=RunProgress()), "it is told once"
        assert len(post.outbox.claim(9)) == told


def test_syncs_and_feedback_are_told_without_a_word_of_anybody(
    tmp_path: Path, receiver: Receiver
) -> None:
    app = open_app(tmp_path)
    asyncio.run(app.aclose())
    path = tmp_path / "data" / "rag.toml"
    path.write_text(
        f'{path.read_text()}[webhooks.us]\nurl = "{receiver.url}"\nsecret = "{SECRET}"\n'
        'events = ["sync.done", "feedback.given"]\n'
    )

    async def story() -> None:
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            trace = (await app.ask(ANNA, AskRequest(question="What is the salary?"))).trace_id
            down = Verdict(value=-1, comment="A word about the salary.")
            rated = await app.rate(ANNA, trace, down)
            assert (await app.rate(ANNA, trace, down)).id == rated.id, "says nothing new"
            await app.retract(ANNA, trace, rated.id)
            await app.retract(ANNA, trace, rated.id)
            checks = {check.name: check for check in await app.doctor()}
            assert "us: 3 waiting, 0 given up" in checks["webhooks"].detail
            working = asyncio.ensure_future(app.work())
            async with asyncio.timeout(60):
                while app._parts.outbox.counts()["us"] != {"delivered": 3}:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            working.cancel()
            await asyncio.wait({working})
            assert working.cancelled()
            checks = {check.name: check for check in await app.doctor()}
            assert checks["webhooks"].ok
        finally:
            await app.aclose()

    asyncio.run(story())
    told = {json.loads(body)["data"].get("signal", "sync"): body for _, body in receiver.got}
    assert set(told) == {"sync", "thumb", "retract"}
    voted, taken = (json.loads(told[name])["data"] for name in ("thumb", "retract"))
    assert (voted["value"], taken["supersedes"]) == (-1, voted["id"])
    data = json.loads(told["sync"])["data"]
    assert (data["domain"], data["source"], data["state"]) == ("test", "docs", "succeeded")
    assert data["report"]["added"] == 2
    for body in told.values():
        assert SECRET not in body.decode()
        assert "salary" not in body.decode()
        assert "anna" not in body.decode()


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ('url = "ftp://x/"\nsecret = "0123456789abcdef"', "http or https"),
        ('url = "https://me:pw@x/"\nsecret = "0123456789abcdef"', "name or password"),
        ('url = "https://x/"\nsecret = "short"', "16"),
        ('url = "https://x/"\nsecret = "whsec_not base64 at all"', "base64"),
        ('url = "https://x/"\nsecret = "0123456789abcdef"\nevents = []', "events"),
        ('url = "https://x/"\nsecret = "0123456789abcdef"\nevents = ["sync.dune"]', "sync.done"),
    ],
)
def test_a_webhook_that_cannot_work_is_refused(tmp_path: Path, lines: str, word: str) -> None:
    (tmp_path / "rag.toml").write_text(f"[webhooks.us]\n{lines}\n")
    with pytest.raises(ConfigError, match=word) as caught:
        load(tmp_path, environ={})
    assert "0123456789abcdef" not in str(caught.value)


def test_its_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rag.toml").write_text('[webhooks.my-hook]\nurl = "https://x/"\n')
    found = load(
        tmp_path / "data",
        environ={"RAG_WEBHOOKS__MY_HOOK__SECRET_FILE": str(tmp_path / "key")},
    )
    assert found.webhooks["my-hook"].secret.get_secret_value() == SECRET
