"""Every module that can open a connection is named here, with what it opens it with."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLIENTS = {
    "httpx", "requests", "urllib3", "aiohttp", "http.client", "urllib.request",
    "urllib.robotparser", "ftplib", "smtplib", "imaplib", "poplib", "telnetlib",
    "xmlrpc.client", "websockets", "grpc", "paramiko", "imap_tools", "aiobotocore", "botocore",
    "boto3", "s3fs", "azure", "gcsfs", "google.cloud", "fsspec", "httpcore", "huggingface_hub",
    "openai", "qdrant_client", "authlib.integrations", "httpx2",
    "llama_index.core.readers",
}  # fmt: skip
ADAPTERS = {
    # the one way out, and what is built on it
    "rag/egress/connecting.py": {"httpcore"},
    "rag/egress/endpoints.py": {"httpx", "httpcore"},
    "rag/egress/fetch.py": {"httpx", "httpcore"},
    "rag/egress/sessions.py": {"httpx", "requests"},
    "rag/backends/openai_embeddings.py": {"httpx"},
    "rag/backends/llamaindex.py": {"httpx"},
    "rag/backends/openai_chat.py": {"httpx"},
    "rag/webhooks.py": {"httpx"},
    "rag/backends/model_endings.py": {"httpx"},
    "rag/backends/model_lines.py": {"httpx"},
    "rag/backends/oidc.py": {"httpx"},
    # our own server, on this machine
    "rag/remote/line.py": {"httpx"},
    # what the administrator names in the configuration
    "rag/backends/qdrant_server.py": {"qdrant_client"},
    "rag/backends/local_model.py": {"huggingface_hub"},
    # protocols that are not HTTP, and SDKs: they connect to an address that egress has checked
    "connectors/_git_remote.py": {"urllib3"},
    "connectors/_ssh.py": {"paramiko"},
    "connectors/_sdk.py": {"requests"},
    "connectors/mail.py": {"imaplib", "imap_tools"},
    "connectors/_objects.py": {"aiohttp"},
    "connectors/azure.py": {"aiohttp", "azure"},
    "connectors/objects.py": {"aiobotocore", "botocore"},
    "connectors/sftp.py": {"paramiko"},
    # a stranger's code that connects as it likes, which its documentation says
    "connectors/llamahub.py": {"llama_index.core.readers"},
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            yield from (client for client in CLIENTS if f"{name}.".startswith(f"{client}."))


def used() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package in ("rag", "connectors"):
        for path in sorted((ROOT / package).rglob("*.py")):
            clients = set(imported(path))
            if clients:
                found[path.relative_to(ROOT).as_posix()] = clients
    return found


def test_no_other_module_opens_connections() -> None:
    strays = {path: clients - ADAPTERS.get(path, set()) for path, clients in used().items()}
    assert {path: clients for path, clients in strays.items() if clients} == {}


def test_the_list_names_only_what_is_there() -> None:
    found = used()
    idle = {
        path: clients - found.get(path, set())
        for path, clients in ADAPTERS.items()
        if not (ROOT / path).is_file() or clients - found.get(path, set())
    }
    assert idle == {}
