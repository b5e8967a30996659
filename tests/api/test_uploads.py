"""The upload routes: their own limit, names as data, readers, and a real socket."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi.testclient import TestClient

import rag.api.uploads
from rag.api.server import create_app
from rag.config import ServerSettings, Settings
from rag.errors import TooLarge
from rag.remote import RemoteApp
from tests.api.fake import FakeApp
from tests.api.test_bad_requests import assert_problem
from tests.api.test_served import served

LIMIT = 50_000
AT = "/api/v1/sources/inbox/uploads"


@pytest.fixture
def fake(tmp_path: Path) -> FakeApp:
    server = ServerSettings(max_body_bytes=20_000, max_upload_bytes=LIMIT)
    made = FakeApp(Settings(data=tmp_path, server=server))
    asyncio.run(made.add_source(made.person(None), connector="uploads", config={}, name="inbox"))
    return made


@pytest.fixture
def client(fake: FakeApp) -> Iterator[TestClient]:
    with TestClient(create_app(fake), base_url="http://localhost:8000") as made:  # type: ignore[arg-type]
        yield made


def kept(fake: FakeApp) -> dict[str, bytes]:
    return {name: data for (_, name), (_, data) in fake.uploaded.items()}


def test_the_body_is_the_document_and_may_be_larger_than_json(
    client: TestClient, fake: FakeApp
) -> None:
    data = bytes(range(256)) * 195
    made = client.put(f"{AT}/a.bin", content=data, headers={"Content-Type": "x/y"})
    assert made.status_code == 200
    assert (made.json()["size"], made.json()["media_type"]) == (len(data), "x/y")
    assert kept(fake) == {"a.bin": data}
    assert client.get(AT).json() == {"uploads": [made.json()]}
    assert client.delete(f"{AT}/a.bin").status_code == 204
    assert client.get(AT).json() == {"uploads": []}
    assert_problem(client.delete(f"{AT}/a.bin"), 404)


@pytest.mark.anyio
async def test_a_name_is_data(fake: FakeApp) -> None:
    names = [
        *("a b.txt", "pümp.txt", "日本.txt", "100%.txt", "%41.txt", "%2F", "a?b#c&d=e;f", "-rf"),
        *("a..b", ".hidden", "a:b", "x" * 254, "\U0001f600", "e\u0301", "\u00e9", "\u202etxt.a"),
    ]
    async with (
        served(fake) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        for name in names:
            made = await http.put(f"{AT}/{quote(name, safe='')}", content=b"x")
            assert made.json()["name"] == name
        assert list(kept(fake)) == names
        for name in names:
            assert (await http.delete(f"{AT}/{quote(name, safe='')}")).status_code == 204
    assert kept(fake) == {}


NAMES = {
    "none": "",
    "blank": "%20",
    "slash": "a/b",
    "encoded-slash": "a%2Fb",
    "absolute": "%2Fetc%2Fpasswd",
    "dots": "%2E%2E",
    "climb": "..%2F..%2Fsecret.keys",
    "backslash": "..%5Ca",
    "nul": "a%00b",
    "newline": "a%0Ab",
    "last-newline": "a.txt%0A",
    "escape": "a%1B[31m",
    "c1": "a%C2%9B",
    "not-utf8": "a%FF",
    "overlong": "a%C0%AF",
    "long": "x" * 255,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_that_could_be_a_path_is_refused(
    client: TestClient, fake: FakeApp, name: str
) -> None:
    for method in ("PUT", "DELETE"):
        assert_problem(client.request(method, f"{AT}/{name}", content=b"x"), 422)
    assert kept(fake) == {}


def test_48_a_body_over_the_limit_is_refused_by_its_length(
    client: TestClient, fake: FakeApp
) -> None:
    assert client.put(f"{AT}/a", content=b"x" * LIMIT).status_code == 200
    problem = assert_problem(client.put(f"{AT}/b", content=b"x" * (LIMIT + 1)), 413)
    assert (problem["code"], str(LIMIT) in problem["detail"]) == ("too_large", True)
    assert list(kept(fake)) == ["a"]


def test_48_a_body_over_the_limit_is_refused_while_it_arrives(fake: FakeApp) -> None:
    """Whatever length was promised, it is read no further than the limit and nothing is kept."""
    sent = 0

    async def endless() -> AsyncIterator[dict]:
        nonlocal sent
        while True:
            sent += 1_000
            assert sent <= LIMIT + 1_000, "the server goes on reading"
            yield {"type": "http.request", "body": b"x" * 1_000, "more_body": True}

    assert put_raw(fake, endless(), b"transfer-encoding", b"chunked") == 413
    sent = 0
    assert put_raw(fake, endless(), b"content-length", b"5") == 413
    assert kept(fake) == {}


def test_an_upload_that_is_cut_off_is_not_kept(fake: FakeApp) -> None:
    async def cut() -> AsyncIterator[dict]:
        yield {"type": "http.request", "body": b"half", "more_body": True}
        yield {"type": "http.disconnect"}

    assert put_raw(fake, cut(), b"content-length", b"8") is None
    assert kept(fake) == {}


def test_a_bad_name_or_caller_is_told_before_the_body_is_read(fake: FakeApp) -> None:
    async def unread() -> AsyncIterator[dict]:
        raise AssertionError("the body is read")
        yield {}

    assert put_raw(fake, unread(), b"content-length", b"8", "..") == 422
    assert put_raw(fake, unread(), b"x-ratchet-as", b"anna") == 403


def test_a_sender_that_falls_silent_gives_its_place_up(
    fake: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.api.uploads, "STALL_SECONDS", 0.05)

    async def silent() -> AsyncIterator[dict]:
        yield {"type": "http.request", "body": b"half", "more_body": True}
        await asyncio.Event().wait()

    assert put_raw(fake, silent(), b"content-length", b"8") == 408
    assert kept(fake) == {}


def put_raw(
    fake: FakeApp, body: AsyncIterator[dict], header: bytes, value: bytes, name: str = "a.txt"
) -> int | None:
    """The status of one upload whose body arrives as told, or None without an answer."""

    async def run() -> int | None:
        path = f"{AT}/{name}"
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "PUT",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "scheme": "http", "client": None, "server": None,
            "headers": [(b"host", b"localhost"), (header, value)],
        }  # fmt: skip
        statuses: list[int] = []

        async def send(message: dict) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await create_app(fake)(scope, lambda: anext(body), send)
        return statuses[0] if statuses else None

    return asyncio.run(run())


def test_more_uploads_than_memory_is_meant_for_take_turns_or_are_told_to_come_back(
    fake: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = rag.api.uploads.AT_ONCE

    async def run() -> None:
        hold, receiving = asyncio.Event(), 0

        async def slow() -> AsyncIterator[bytes]:
            nonlocal receiving
            receiving += 1
            yield b"x"
            await hold.wait()

        transport = httpx.ASGITransport(create_app(fake))
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
            asyncio.TaskGroup() as group,
        ):

            def start(name: str) -> asyncio.Task[httpx.Response]:
                return group.create_task(http.put(f"{AT}/{name}", content=slow()))

            first = [start(f"{n}") for n in range(count)]
            while receiving < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            with monkeypatch.context() as patch:
                patch.setattr(rag.api.uploads, "WAIT_SECONDS", 0.05)
                refused = assert_problem(await start("refused"), 503)
            second = start("in-turn")
            await asyncio.sleep(0.1)
            assert (refused["retryable"], receiving) == (True, count)
            hold.set()
            assert [(await one).status_code for one in (*first, second)] == [200] * (count + 1)

    asyncio.run(run())
    assert set(kept(fake)) == {*map(str, range(count)), "in-turn"}


def test_readers_are_named_in_the_query(client: TestClient) -> None:
    def put(query: str) -> httpx.Response:
        return client.put(f"{AT}/a.txt?{query}", content=b"x")

    assert put("readers=group:hr,user:anna").json()["readers"] == ["group:hr", "user:anna"]
    assert put("").json()["readers"] == []
    for query in ("readers=", "readers=a&readers=b", "reader=everyone", "domain="):
        assert_problem(put(query), 422)


def test_only_admins_upload_and_only_to_what_there_is(client: TestClient, fake: FakeApp) -> None:
    anna = {"X-Ratchet-As": "anna"}
    for method, path in (("PUT", f"{AT}/a"), ("DELETE", f"{AT}/a"), ("GET", AT)):
        assert_problem(client.request(method, path, headers=anna), 403)
    assert_problem(client.put("/api/v1/sources/none/uploads/a", content=b"x"), 404)
    assert_problem(client.get("/api/v1/sources/none/uploads"), 404)
    assert_problem(client.get(f"{AT}/a"), 405)
    assert_problem(client.put(f"{AT}/a", content=b"x", headers={"Origin": "http://evil"}), 403)
    assert kept(fake) == {}


def test_no_other_route_takes_as_much(client: TestClient) -> None:
    body = b"x" * 20_001
    assert_problem(client.post(f"{AT}/a", content=body), 413)
    assert_problem(client.put("/api/v1/sources/inbox/pause", content=body), 413)
    assert_problem(client.put("/api/v1/sources/uploads/pause", content=body), 413)


@pytest.mark.anyio
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_uploads_a_file(fake: FakeApp, tmp_path: Path) -> None:
    (tmp_path / "small file.txt").write_bytes(b"turbine")
    (tmp_path / "large").write_bytes(b"x" * (LIMIT + 1))
    async with served(fake) as port:
        url = f"http://127.0.0.1:{port}{AT}/"

        async def curl(*arguments: str) -> str:
            process = await asyncio.create_subprocess_exec(
                "curl", "-q", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*",
                *arguments, url, cwd=tmp_path, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, _ = await asyncio.wait_for(process.communicate(), 20)
            return out.decode()

        assert await curl("-T", "small file.txt") == "200"
        assert await curl("-T", "large") == "413"
        chunked = ("-H", "Transfer-Encoding: chunked")
        assert await curl("-T", "large", *chunked) == "413"
    assert kept(fake) == {"small file.txt": b"turbine"}


@pytest.mark.anyio
async def test_a_client_that_sends_too_much_is_told_so_on_a_real_socket(fake: FakeApp) -> None:
    async with served(fake) as port:
        remote = RemoteApp(fake.settings, f"http://127.0.0.1:{port}")
        who = remote.person(None)
        with pytest.raises(TooLarge):
            await remote.upload(who, "inbox", "a", b"x" * (LIMIT + 1))
        assert (await remote.upload(who, "inbox", "a", b"x" * LIMIT)).size == LIMIT
        await remote.aclose()
