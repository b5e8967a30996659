"""Bad configuration, by the numbers of the list: each is refused or warned of, and says how."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag.config import load, warnings
from rag.errors import ConfigError

MODEL = '[models.small]\nprovider = "openai_like"\nmodel = "m"\nbase_url = "http://127.0.0.1:1"\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


REFUSED = [
    # number, rag.toml, variables, what the message must say
    ("115-key", '[models.small]\nmodel = "m"\n', {}, ["rag.toml", "models.small.provider", "Add"]),
    ("115-pack", "[domains.pumps]\n", {}, ["rag.toml", "domains.pumps.pack", "Add"]),
    ("115-url", '[index]\nengine = "qdrant_server"\n', {}, ["rag.toml", "index.url"]),
    ("115-endpoint", '[embedding]\nprovider = "openai_compatible"\n', {}, ["base_url"]),
    ("116-int", '[server]\nport = "http"\n', {}, ["rag.toml", "server.port", "integer"]),
    ("116-table", "server = 3\n", {}, ["rag.toml", "server"]),
    ("116-list", "[log]\nlevel = ['info']\n", {}, ["rag.toml", "log.level"]),
    ("116-variable", "", {"RAG_SERVER__PORT": "http"}, ["RAG_SERVER__PORT", "integer"]),
    ("116-bounds", "[server]\nport = 99999\n", {}, ["server.port", "65535"]),
    ("116-negative", "[sync]\nmax_attempts = -1\n", {}, ["sync.max_attempts"]),
    ("116-origin", '[server]\nembed_in = ["https://a.b", "*"]\n', {}, ["embed_in", "number 2"]),
    ("116-nan", f"{MODEL}temperature = nan\n", {}, ["models.small.temperature", "finite"]),
    ("116-inf", f"{MODEL}timeout_seconds = inf\n", {}, ["timeout_seconds", "finite"]),
    ("116-empty", "[log]\nlevel = ''\n", {}, ["log.level", "info"]),
    ("117-key", "[server]\nprot = 1\n", {}, ["rag.toml", "server.prot", "mean 'port'"]),
    ("117-section", "[servr]\nport = 1\n", {}, ["rag.toml", "servr", "mean 'server'"]),
    ("117-model", f"{MODEL}tempreture = 1\n", {}, ["tempreture", "mean 'temperature'"]),
    ("117-case", "[server]\nPort = 1\n", {}, ["server.Port", "mean 'port'"]),
    ("117-variable", "", {"RAG_SERVER__PROT": "1"}, ["RAG_SERVER__PROT", "'RAG_SERVER__PORT'"]),
    ("117-whole", "", {"RAG_SERVER": "1"}, ["RAG_SERVER", "'RAG_SERVER__PORT'"]),
    ("117-deep", "", {"RAG_SERVER__PORT__X": "1"}, ["RAG_SERVER__PORT__X", "unknown"]),
    ("117-junk", "", {"RAG___": "1"}, ["RAG___", "unknown"]),
    ("119-file", "", {"RAG_INDEX__API_KEY_FILE": "/nowhere/key"}, ["_FILE", "/nowhere/key"]),
    ("119-twice", "", {"RAG_INDEX__API_KEY_FILE": "/k", "RAG_INDEX__API_KEY": "k"}, ["too"]),
    ("119-config", "", {"RAG_CONFIG": "/nowhere/rag.toml"}, ["/nowhere/rag.toml", "exists"]),
    ("122-equal", "[chunking]\nsize = 64\noverlap = 64\n", {}, ["overlap (64)", "size (64)"]),
    ("122-above", "[chunking]\noverlap = 500\n", {}, ["overlap (500)", "lower"]),
    ("122-variable", "", {"RAG_CHUNKING__OVERLAP": "900"}, ["RAG_CHUNKING__OVERLAP", "overlap"]),
    ("123-syntax", "[server]\nport = 1\nhost =\n", {}, ["rag.toml", "line 3"]),
    ("123-twice", "[server]\nport = 1\nport = 2\n[log]\n", {}, ["rag.toml", "line 3"]),
    ("123-section-twice", "[server]\n[server]\n[log]\n", {}, ["rag.toml", "line 2"]),
    ("123-deep", "a = " + "[" * 20_000 + "\n", {}, ["rag.toml", "not valid TOML"]),
    ("123-nul", "[server]\nhost = 'a\0b'\n", {}, ["rag.toml", "line 2"]),
    ("123-huge", "# " + "x" * 1_000_001, {}, ["rag.toml", "larger than"]),
]


@pytest.mark.parametrize(
    ("text", "environ", "says"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_refused(data: Path, text: str, environ: dict[str, str], says: list[str]) -> None:
    (data / "rag.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(data=data, environ=environ)
    assert caught.value.exit_code == 2
    for word in says:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("data_bytes", "line"),
    [(b"[server]\nhost = '\xff\xfe'\n", 2), ("[server]\n".encode("utf-16"), 1), (b"#\n#\n\x80", 3)],
)
def test_123_not_utf8_is_refused_with_its_line(data: Path, data_bytes: bytes, line: int) -> None:
    (data / "rag.toml").write_bytes(data_bytes)
    with pytest.raises(ConfigError, match=f"rag.toml: line {line} is not UTF-8"):
        load(data=data, environ={})


def test_115_a_config_file_named_but_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml: cannot be read"):
        load(config=tmp_path / "missing.toml", environ={})


def test_115_a_config_file_that_is_a_folder_is_refused(data: Path) -> None:
    (data / "rag.toml").mkdir()
    with pytest.raises(ConfigError, match=r"rag\.toml: cannot be read"):
        load(data=data, environ={})


WARNED = [
    ("118-model", '[answer]\nmodel = "smal"\n' + MODEL, ["answer.model", "'smal'", "'small'"]),
    ("118-none", '[answer]\nmodel = "gpt"\n', ["answer.model", "gpt", "extractive"]),
    ("118-provider", MODEL.replace("openai_like", "opneai"), ["models.small.provider", "openai"]),
    ("118-endpoint", MODEL.replace('base_url = "http://127.0.0.1:1"', ""), ["base_url"]),
    ("119-key", MODEL.replace("openai_like", "anthropic"), ["RAG_MODELS__SMALL__API_KEY"]),
    ("118-window", MODEL + "context_window = 500\n", ["max_output_tokens", "500"]),
]


@pytest.mark.parametrize(("text", "says"), [c[1:] for c in WARNED], ids=[c[0] for c in WARNED])
def test_118_an_unusable_model_is_a_warning_and_the_rest_loads(
    data: Path, text: str, says: list[str]
) -> None:
    (data / "rag.toml").write_text(text, encoding="utf-8")
    settings = load(data=data, environ={})
    (warning,) = warnings(settings, mounts="")
    for word in says:
        assert word in warning
    assert settings.index.engine == "qdrant_edge"


def test_118_good_models_give_no_warning(data: Path) -> None:
    (data / "rag.toml").write_text(MODEL + '[answer]\nmodel = "small"\n', encoding="utf-8")
    assert warnings(load(data=data, environ={}), mounts="") == []


def test_124_a_folder_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_bytes(b"mine")
    with pytest.raises(ConfigError, match=r"holds something else \(thesis\.docx\)"):
        load(data=tmp_path, environ={})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_folder_with_only_the_cache_of_a_measurement_is_ours(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    assert load(tmp_path, environ={}).data == tmp_path


def test_124_a_folder_inside_another_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "owner.lock").write_text("")
    with pytest.raises(ConfigError, match="lies inside another one"):
        load(data=tmp_path / "blobs" / "mine", environ={})


def test_124_a_file_as_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigError, match="data is a file"):
        load(data=tmp_path / "data", environ={})


def test_124_a_fresh_mount_or_a_folder_with_a_rag_toml_is_taken(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".keep").write_text("")
    assert load(data=tmp_path, environ={}).data == tmp_path
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "rag.toml").write_text("")
    assert load(data=tmp_path, environ={}).data == tmp_path


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_124_a_read_only_folder_is_refused_by_name(tmp_path: Path) -> None:
    from rag.store.folder import DataFolder

    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        DataFolder.acquire(tmp_path)
    tmp_path.chmod(0o700)


def test_129_an_edit_that_is_wrong_leaves_what_was_loaded(data: Path) -> None:
    path = data / "rag.toml"
    path.write_text("[server]\nport = 9000\n")
    settings = load(data=data, environ={})
    path.write_text("[server]\nport = 'x'\n")
    with pytest.raises(ConfigError):
        load(data=data, environ={})
    assert settings.server.port == 9000


@pytest.mark.parametrize("pattern", ["**/" * 30 + "x", "*a" * 30 + "b", "**" * 30 + "b"])
def test_128_a_hostile_glob_ends_quickly(pattern: str) -> None:
    """Patterns are globs, never regular expressions; those of a pack must not hang either."""
    code = f"from rag.globs import matches\nassert not matches('a/' * 60 + 'a' * 60, [{pattern!r}])"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
