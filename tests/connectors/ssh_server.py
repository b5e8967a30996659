"""An SSH server on loopback that serves one folder over SFTP and one repository to git."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
from dulwich.protocol import ReceivableProtocol
from dulwich.repo import Repo
from dulwich.server import DictBackend, UploadPackHandler

USER_KEY = paramiko.ECDSAKey.generate()


@dataclass
class SshServer:
    root: Path | None = None
    repo: Repo | None = None
    port: int = 0
    key: paramiko.PKey = field(default_factory=paramiko.ECDSAKey.generate)
    commands: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Paths below the root that answer: permission denied."""

    @property
    def host_key(self) -> str:
        return f"{self.key.get_name()} {self.key.get_base64()}"

    @contextmanager
    def running(self) -> Iterator["SshServer"]:
        opened: list[paramiko.Transport] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            thread = threading.Thread(target=self._accept, args=(listener, opened))
            thread.start()
            try:
                yield self
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()
                for transport in opened:
                    transport.close()
                    transport.join()

    def _accept(self, listener: socket.socket, opened: list[paramiko.Transport]) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, self)
            opened.append(transport)
            try:
                transport.start_server(server=_Session(self))
            except (paramiko.SSHException, EOFError, OSError):
                transport.close()


class _Session(paramiko.ServerInterface):
    def __init__(self, server: SshServer) -> None:
        self.server = server

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        self.server.logins.append(username)
        right = (username, password) == ("me", "s3cret")
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.server.logins.append(username)
        return paramiko.AUTH_SUCCESSFUL if key == USER_KEY else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.server.commands.append(command.decode())
        threading.Thread(target=self._upload_pack, args=(channel,), daemon=True).start()
        return True

    def _upload_pack(self, channel: paramiko.Channel) -> None:
        protocol = ReceivableProtocol(channel.recv, lambda data: channel.sendall(data) or len(data))
        try:
            UploadPackHandler(
                DictBackend({"/r.git": self.server.repo}), ["/r.git"], protocol
            ).handle()
        except Exception:  # noqa: BLE001 - a client that only lists references hangs up
            return
        finally:
            with suppress(EOFError, OSError):
                channel.close()


class _Files(paramiko.SFTPServerInterface):
    """The folder, as its owner sees it."""

    def __init__(self, _session: Any, server: SshServer) -> None:
        self.server = server

    def _at(self, path: str) -> str:
        return f"{self.server.root}{self.canonicalize(path)}"

    def list_folder(self, path: str) -> Any:
        if self.canonicalize(path) in self.server.refused:
            return paramiko.SFTP_PERMISSION_DENIED
        try:
            entries = list(os.scandir(self._at(path)))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        return [
            paramiko.SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name)
            for entry in entries
        ]

    def _stat(self, path: str, follow: bool) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(
                os.stat(self._at(path), follow_symlinks=follow)  # noqa: PTH116
            )
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def stat(self, path: str) -> Any:
        return self._stat(path, follow=True)

    def lstat(self, path: str) -> Any:
        return self._stat(path, follow=False)

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            handle = paramiko.SFTPHandle(flags)
            handle.readfile = Path(self._at(path)).open("rb")  # noqa: SIM115 - the handle closes it
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        return handle
