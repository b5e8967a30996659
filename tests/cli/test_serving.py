"""What `serve` refuses before it makes anything."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from rag.cli import serving
from tests.api.fake import FakeApp


@pytest.mark.parametrize("verb", ["serve", "start"])
def test_125_a_port_in_use_is_told_before_anything_is_made(run, data: Path, verb: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = run(verb, "--port", port)
    assert ran.code == 6
    assert port in ran.err
    assert "--port" in ran.err
    assert not data.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_beyond_loopback_is_refused(run, data: Path, host: str) -> None:
    ran = run("serve", "--host", host, "--port", "0")
    assert ran.code == 2
    assert "nobody signs in" in ran.err
    assert not data.exists()


def test_a_start_tells_what_syncs_before_left_out(
    run, fake: FakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    run("add", "files", "docs", "--name", "manuals")
    fake.kept = [one.model_copy(update={"failed": 2}) for one in fake.kept]
    who = fake.person(None, None)
    asyncio.run(serving._read(fake, who, first=False, as_json=False))
    assert "2 documents are not indexed: rag documents --failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ('domain = "zz"', "no domain 'zz'"),
        ('[server]\nhost = "0.0.0.0"', "0.0.0.0"),
        ('[embedding]\nmodel = "/no/such/model"', "/no/such/model"),
    ],
)
@pytest.mark.parametrize("verb", [("config", "check"), ("serve", "--port", "0")])
def test_what_cannot_work_is_told_before_anything_is_opened(
    run, data: Path, verb: tuple[str, ...], setting: str, told: str
) -> None:
    data.mkdir()
    (data / "rag.toml").write_text(setting)
    ran = run(*verb)
    assert (ran.code, told in ran.err) == (2, True), ran.err
    assert [path.name for path in data.iterdir()] == ["rag.toml"]
