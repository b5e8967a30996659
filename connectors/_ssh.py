"""SSH to a checked address and a known host: what git and SFTP share."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from io import StringIO
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from rag import egress
from rag.errors import ConfigError, SourceError


class SshConfig(BaseModel):
    """How to log in, and which key the server must show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    username: str = Field(min_length=1, description="The user to log in as, e.g. git.")
    password: SecretStr | None = Field(None, description="The password, where no key is used.")
    private_key: SecretStr | None = Field(
        None, description="The private key to log in with, in OpenSSH or PEM format, unencrypted."
    )
    host_key: str = Field(
        description="The server's public key as in known_hosts, e.g. 'ssh-ed25519 AAAA...'."
    )


def connect(
    host: str, port: int, config: SshConfig, networks: Sequence[str], timeout: float
) -> Any:
    """A logged-in `paramiko.Transport`; blocking.

    The address is checked, and nothing is said to a server that does not show the expected key.
    Agents, known_hosts and keys of this machine's user are never looked at.
    """
    try:
        import paramiko
    except ImportError as error:
        raise ConfigError(
            "SSH needs the package paramiko.", hint="Install it: pip install 'ratchet-rag[sftp]'"
        ) from error
    wanted = config.host_key.split()
    if len(wanted) < 2:
        raise ConfigError("host_key must name a type and a key, e.g. 'ssh-ed25519 AAAA...'.")
    address = egress.resolve_now(host, port, networks)
    try:
        connection = socket.create_connection((address, port), timeout)
    except OSError as error:
        raise SourceError(f"{host}:{port} cannot be reached: {error}.") from error
    transport: Any = None
    try:
        transport = paramiko.Transport(connection)
        transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = timeout
        transport.get_security_options().key_types = _signatures(
            wanted[0], transport.get_security_options().key_types
        )
        transport.start_client(timeout=timeout)
        shown: Any = transport.get_remote_server_key()
        if (shown.get_name(), shown.get_base64()) != (wanted[0], wanted[1]):
            raise SourceError(
                f"{host} shows another host key: {shown.get_name()} {shown.fingerprint}.",
                hint="If the server's key was changed on purpose, change host_key. "
                "Nothing was sent to it.",
            )
        if config.private_key is not None:
            transport.auth_publickey(config.username, _private_key(config.private_key))
        elif config.password is not None:
            transport.auth_password(config.username, config.password.get_secret_value())
        else:
            raise ConfigError("SSH needs a password or a private_key.")
    except paramiko.AuthenticationException as error:
        raise SourceError(
            f"{host} refuses the login of '{config.username}' (auth_error).",
            hint="Check the user name and the key or password.",
        ) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise SourceError(f"The SSH connection to {host} failed: {error}.") from error
    finally:
        if transport is None:
            connection.close()
        elif not transport.is_authenticated():
            transport.close()
    return transport


def _signatures(key_type: str, known: Sequence[str]) -> list[str]:
    """The host key algorithms to ask for: the expected key's, so that it is the one shown."""
    family = [name for name in known if name == key_type]
    if key_type == "ssh-rsa":
        family = [name for name in known if name.startswith("rsa-sha2-")]
    if not family:
        raise ConfigError(f"host_key has the type '{key_type}', which is not supported.")
    return family


def _private_key(secret: SecretStr) -> Any:
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(StringIO(secret.get_secret_value()))
        except (paramiko.SSHException, ValueError):
            continue
    raise ConfigError("private_key is not an unencrypted Ed25519, ECDSA or RSA key.")
