"""A person's data from the command line, here and through a server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from rag.api.server import create_app
from rag.config import Settings
from rag.errors import NotFound, Unavailable
from rag.remote import RemoteApp
from tests.api.fake import FakeApp


def known(app: FakeApp, *acts: str) -> FakeApp:
    app.settings.data.mkdir(exist_ok=True)
    (app.settings.data / "rag.toml").touch()
    for act in acts:
        app.parts.audit.write("ada", act, "x")
    return app


def test_a_person_is_exported_and_erased(run, fake: FakeApp) -> None:
    known(fake, "first", "second")
    ran = run("people", "export", "ada")
    assert ran.code == 0, ran.err
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["row"]["act"] for line in lines[1:-1]] == ["first", "second"]
    assert lines[-1] == {"end": {"rows": 2}}
    refused = run("people", "erase", "ada")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    done = json.loads(run("people", "erase", "ada", "--yes", "--json").out)
    # The two acts, and that her data was exported.
    assert (done["deleted"], done["renamed"]) == ({}, {"audit": 3})
    for again in ("export", "erase"):
        ran = run("people", again, "ada", *(["--yes"] if again == "erase" else []))
        assert (ran.code, "Nothing is kept of 'ada'" in ran.err) == (NotFound.exit_code, True)
    known(fake, "third")
    assert f"1 act stay under {done['pseudonym']}" in run("people", "erase", "ada", "--yes").out


def test_a_server_gives_the_same_and_a_cut_export_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = known(FakeApp(Settings(data=tmp_path)), "first")
    transport = httpx.ASGITransport(create_app(served))  # type: ignore[arg-type]
    remote = RemoteApp(served.settings, "http://127.0.0.1:8000", transport)
    me = remote.person(None)

    async def exported(name: str) -> list[object]:
        return [line async for line in await remote.privacy.export(me, name)]

    async def told() -> None:
        assert len(await exported("ada")) == 3
        assert (await remote.privacy.erase(me, "ada")).renamed == {"audit": 2}
        with pytest.raises(NotFound):
            await exported("ada")
        assert len(await exported("local")) > 2, "one's own, by the route of one's own"

        async def broken(*_: object) -> object:
            async def lines() -> object:
                yield {"export": {}}

            return lines()

        monkeypatch.setattr(served.privacy, "export", broken)
        with pytest.raises(Unavailable, match="whole"):
            await exported("ada")
        await remote.aclose()

    asyncio.run(told())
