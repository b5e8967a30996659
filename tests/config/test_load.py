"""What `load` promises: the order of sources, the origin of values, secrets, data folders."""

from __future__ import annotations

import json
import logging
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from rag.config import LogSettings, Settings, load, setup_logging, show, warnings
from rag.errors import ConfigError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def write(data: Path, text: str) -> Path:
    path = data / "rag.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_need_no_file_and_no_variable(tmp_path: Path) -> None:
    settings = load(data=tmp_path / "new", environ={})
    assert settings.server.port == 8000
    assert settings.answer.model == "extractive"
    assert settings.data == tmp_path / "new"
    assert not (tmp_path / "new").exists(), "loading settings makes nothing"


def test_variables_win_over_the_file_and_arguments_over_both(data: Path) -> None:
    write(data, 'domain = "file"\n[server]\nport = 9000\nhost = "localhost"\n')
    environ = {"RAG_SERVER__PORT": "9001", "RAG_DOMAIN": "variable", "RAG_DATA": "/elsewhere"}
    settings = load(data=data, domain="argument", environ=environ)
    assert (settings.server.host, settings.server.port) == ("localhost", 9001)
    assert settings.domain == "argument"
    assert settings.data == data
    assert settings.origins["server.port"] == "RAG_SERVER__PORT"
    assert settings.origins["server.host"] == str(data / "rag.toml")
    assert settings.origins["domain"] == "--domain"


def test_rag_data_names_the_folder_whose_file_is_read(data: Path) -> None:
    write(data, "[server]\nport = 9000\n")
    assert load(environ={"RAG_DATA": str(data)}).server.port == 9000


def test_a_named_file_replaces_the_folders_and_places_data_beside_itself(tmp_path: Path) -> None:
    named = tmp_path / "etc" / "ratchet.toml"
    named.parent.mkdir()
    named.write_text('data = "store"\n[server]\nport = 9002\n')
    for settings in (load(config=named, environ={}), load(environ={"RAG_CONFIG": str(named)})):
        assert settings.server.port == 9002
        assert settings.data == tmp_path / "etc" / "store"


def test_the_folders_own_file_cannot_name_another_folder(data: Path) -> None:
    write(data, 'data = "other"\n')
    with pytest.raises(ConfigError, match="cannot name another data folder"):
        load(data=data, environ={})


def test_a_byte_order_mark_is_no_error(data: Path) -> None:
    (data / "rag.toml").write_bytes(b"\xef\xbb\xbf[server]\nport = 9000\n")
    assert load(data=data, environ={}).server.port == 9000


def test_an_empty_variable_counts_as_not_set(data: Path) -> None:
    assert load(data=data, environ={"RAG_SERVER__PORT": ""}).server.port == 8000


def test_variables_of_others_are_left_alone(data: Path) -> None:
    assert load(data=data, environ={"PORT": "1", "SERVER": "x", "DOMAIN": "y"}).domain == "pumps"


def test_building_settings_reads_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAIN", "leaked")
    monkeypatch.setenv("RAG_DOMAIN", "leaked")
    assert Settings().domain == "pumps"


def test_a_variable_reaches_a_model_whose_name_no_shell_can_spell(data: Path) -> None:
    write(data, '[models."Gpt-4.1"]\nprovider = "openai"\nmodel = "gpt-4.1"\n')
    settings = load(data=data, environ={"RAG_MODELS__GPT_4_1__API_KEY": "k"})
    assert settings.models["Gpt-4.1"].api_key.get_secret_value() == "k"
    assert list(settings.models) == ["Gpt-4.1"]


def test_a_variable_may_be_a_list(data: Path) -> None:
    environ = {"RAG_OIDC__ADMIN_GROUPS": '["staff", "it"]', "RAG_INDEX__API_KEY": "[1]"}
    settings = load(data=data, environ=environ)
    assert settings.oidc.admin_groups == ("staff", "it")
    assert settings.index.api_key.get_secret_value() == "[1]"
    with pytest.raises(ConfigError, match="RAG_OIDC__ADMIN_GROUPS"):
        load(data=data, environ={"RAG_OIDC__ADMIN_GROUPS": "staff"})


def test_a_secret_comes_from_a_file_without_its_line_end(data: Path, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("s3cret\n")
    settings = load(data=data, environ={"RAG_INDEX__API_KEY_FILE": str(secret)})
    assert settings.index.api_key.get_secret_value() == "s3cret"
    assert settings.origins["index.api_key"] == "RAG_INDEX__API_KEY_FILE"


def test_a_database_url_may_be_a_secret_file_too(data: Path, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://u:p@h/d\n")
    settings = load(data=data, environ={"RAG_DATABASE__URL_FILE": str(secret)})
    assert settings.database.url == "postgresql://u:p@h/d"


def test_no_secret_is_shown(data: Path) -> None:
    environ = {
        "RAG_INDEX__API_KEY": "hidden-1",
        "RAG_DATABASE__URL": "postgresql://user:hidden-2@host/db",
        "RAG_MODELS__M__API_KEY": "hidden-3",
        "RAG_MODELS__M__PROVIDER": "openai",
        "RAG_MODELS__M__MODEL": "m",
    }
    settings = load(data=data, environ=environ)
    shown = json.dumps(show(settings))
    assert "hidden" not in shown
    assert "hidden" not in repr(settings).replace(settings.database.url, "")
    assert "postgresql://user:" in shown
    assert show(settings)["origins"]["models.m.api_key"] == "RAG_MODELS__M__API_KEY"


def test_no_secret_is_in_an_error(data: Path) -> None:
    write(data, '[index]\napi_key = ["hidden"]\n')
    with pytest.raises(ConfigError) as caught:
        load(data=data, environ={})
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_settings_travel_to_other_processes(data: Path) -> None:
    settings = load(data=data, environ={"RAG_SERVER__PORT": "9000"})
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_settings_cannot_be_changed(data: Path) -> None:
    settings = load(data=data, environ={})
    with pytest.raises(ValueError, match="frozen"):
        settings.server.port = 1  # type: ignore[misc]


def test_all_problems_are_told_at_once(data: Path) -> None:
    write(data, "[server]\nprot = 1\nhost = 5\n")
    with pytest.raises(ConfigError) as caught:
        load(data=data, environ={})
    assert "server.prot" in str(caught.value)
    assert "server.host" in str(caught.value)


def test_the_committed_reference_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "configuration.md"
    command = [sys.executable, "-m", "rag.config.reference"]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert page.read_text(encoding="utf-8") == made, (
        "run: python -m rag.config.reference > docs/configuration.md"
    )


@pytest.mark.parametrize(
    ("kind", "warned"), [("ext4", False), ("nfs4", True), ("cifs", True), ("tmpfs", False)]
)
def test_a_data_folder_on_a_network_disk_is_warned_of(kind: str, warned: bool) -> None:
    mounts = f"/dev/root / ext4 rw 0 0\nhost:/x /mnt/my\\040data {kind} rw 0 0\n"
    found = warnings(Settings(data=Path("/mnt/my data/ratchet")), mounts)
    assert any("network file system" in line for line in found) is warned


@pytest.fixture
def _restored_logging():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_restored_logging")
def test_logs_are_json_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging(LogSettings(level="info", format="json"))
    structlog.get_logger("rag").info("synced", documents=3)
    structlog.get_logger("rag").debug("quiet")
    logging.getLogger("a.library").warning("from %s", "outside")
    out, err = capsys.readouterr()
    ours, theirs = [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert (ours["event"], ours["documents"], ours["level"]) == ("synced", 3, "info")
    assert (theirs["event"], theirs["level"]) == ("from outside", "warning")
