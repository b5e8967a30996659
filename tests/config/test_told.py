"""Settings as they are shown, and a text that is looked over before it becomes the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.app.drafting import drafted
from rag.config import MASK, changes, draft, load, told
from rag.config.reference import reference

SECRET = "sk-nobody-may-read-this"
FILE = f"""
domain = "lamps"
[domains.lamps]
pack = "../lamps"
[server]
port = 9000
[models.big]
provider = "openai_like"
model = "m"
base_url = "http://user:{SECRET}@127.0.0.1:1/v1?key={SECRET}"
api_key = "{SECRET}"
[routes.main]
candidates = ["big", "extractive"]
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rag.toml").write_text(FILE)
    return tmp_path / "data"


def test_every_value_has_its_meaning_and_where_it_is_from(data: Path) -> None:
    environ = {"RAG_INDEX__API_KEY": SECRET, "RAG_SERVER__HOST": "localhost"}
    sections = told(load(data=data, environ=environ))
    found = {one.key: one for part in sections for one in part.settings}
    assert SECRET not in repr(sections)
    assert (found["server.port"].value, found["server.port"].origin) == (9000, "file")
    assert found["server.port"].where == str(data / "rag.toml")
    assert found["server.port"].about == "TCP port."
    assert (found["server.host"].origin, found["server.host"].where) == (
        "variable",
        "RAG_SERVER__HOST",
    )
    assert found["data"].origin == "option"
    assert found["log.level"].origin == "default"
    for key in ("index.api_key", "models.big.api_key"):
        assert (found[key].secret, found[key].value) == (True, MASK)
    assert (found["oidc.client_secret"].secret, found["oidc.client_secret"].value) == (True, None)
    named = [part.name for part in sections]
    assert named[0] == ""
    assert {"server", "models.big", "routes.main", "domains.lamps"} <= {*named}
    (route,) = (one for one in found.values() if one.key == "routes.main.candidates")
    assert [one["model"] for one in route.value] == ["big", "extractive"]
    # These have tables of their own.
    del found["routes.main.candidates"], found["redaction.recognisers"]
    assert all(one.about in reference() for one in found.values())


def test_a_draft_is_told_every_problem_and_no_value(data: Path) -> None:
    now = load(data=data, environ={})
    text = f'nonsense = 1\n[server]\nport = "{SECRET}"\nhots = "x"\n[oidc]\nissuer = "{SECRET}"\n'
    made, problems = draft(text, now, environ={})
    assert made is None
    assert len(problems) == 4
    assert SECRET not in " ".join(problems)
    for key in ("nonsense", "server.port", "Did you mean 'host'?", "client_id"):
        assert any(key in one for one in problems)
    _, (line,) = draft("[server]\nport = \n", now, environ={})
    assert "line 2" in line


def test_a_draft_is_read_with_the_variables_that_are_set(data: Path) -> None:
    now = load(data=data, environ={})
    environ = {"RAG_SERVER__PORT": "7000"}
    made, problems = draft("[server]\nport = 9001\n", now, environ=environ)
    assert problems == []
    assert made is not None
    assert made.server.port == 7000
    assert made.data == now.data


def test_what_the_command_line_said_is_said_again(data: Path) -> None:
    now = load(data=data, domain="lamps", environ={})
    server = now.server.model_copy(update={"port": 7001})
    origins = {**now.origins, "server.port": "--port"}
    now = now.model_copy(update={"server": server}).came_from(origins)
    made, _ = draft(FILE.replace("9000", "9001"), now, environ={})
    assert made is not None
    assert (made.server.port, made.domain) == (7001, "lamps")


def test_a_draft_cannot_move_the_data_folder(data: Path) -> None:
    for text in ('data = "/etc"\n', "data = 1\n"):
        made, (problem,) = draft(text, load(data=data, environ={}), environ={})
        assert made is None
        assert "data folder" in problem


def test_what_a_restart_would_change_is_told_without_secrets(data: Path) -> None:
    now = load(data=data, environ={})
    text = FILE.replace("9000", "9001").replace(f'api_key = "{SECRET}"', 'api_key = "other"')
    made, _ = draft(text, now, environ={})
    assert made is not None
    found = {one.key: (one.before, one.after) for one in changes(now, made)}
    assert found == {"server.port": (9000, 9001), "models.big.api_key": (MASK, MASK)}
    assert drafted(FILE, now).changes == ()


def test_a_draft_is_refused_for_what_start_up_refuses(data: Path) -> None:
    now = load(data=data, environ={})
    text = FILE.replace("[server]", '[server]\nhost = "0.0.0.0"')
    assert "nobody signs in" in drafted(text, now).problems[0]
    assert "no domain 'pums'" in drafted('domain = "pums"\n', now).problems[0]
    warned = drafted(f'{FILE}\n[answer]\nmodel = "gone"\n', now)
    assert warned.problems == ()
    assert "gone" in warned.warnings[0]
