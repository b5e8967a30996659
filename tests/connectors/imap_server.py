"""A small IMAP server on loopback: what a reader needs, and the faults that real ones have."""

import asyncio
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Folder:
    validity: int = 1
    messages: dict[int, bytes] = field(default_factory=dict)


@dataclass
class ImapServer:
    """Set the fields while it runs; the next command sees them."""

    folders: dict[str, Folder]
    tls: ssl.SSLContext | None = None
    offers_starttls: bool = True
    cut_messages: bool = False
    lie_about_size: bool = False
    silent: bool = False
    busy: bool = False
    port: int = 0
    heard: list[str] = field(default_factory=list)
    """Every command line, as it arrived before or after encryption."""

    @contextmanager
    def running(self, implicit_tls: bool = False) -> Iterator["ImapServer"]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()

        async def start() -> asyncio.Server:
            context = self.tls if implicit_tls else None
            return await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)

        async def stop(server: asyncio.Server) -> None:
            server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        server = asyncio.run_coroutine_threadsafe(start(), loop).result()
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(stop(server), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (OSError, ssl.SSLError, _HangUp, asyncio.CancelledError):
            return
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        folder = Folder()
        writer.write(b"* OK ready\r\n")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.heard.append(line)
            if self.silent:
                await asyncio.sleep(3600)
            tag, command, *rest = line.split(" ", 2)
            argument, answer = rest[0] if rest else "", b"OK done"
            match command:
                case "CAPABILITY":
                    offer = " STARTTLS" if self.offers_starttls else ""
                    writer.write(f"* CAPABILITY IMAP4rev1{offer}\r\n".encode())
                case "STARTTLS":
                    writer.write(f"{tag} OK begin\r\n".encode())
                    await writer.drain()
                    await writer.start_tls(self.tls)
                    continue
                case "LOGIN":
                    if argument != '"me" "s3cret"':
                        answer = b"NO [AUTHENTICATIONFAILED] wrong"
                case "EXAMINE":
                    found = self.folders.get(argument.strip('"'))
                    if found is None:
                        answer = b"NO no such folder"
                    else:
                        folder = found
                        writer.write(f"* {len(folder.messages)} EXISTS\r\n".encode())
                        writer.write(f"* OK [UIDVALIDITY {folder.validity}] ok\r\n".encode())
                        answer = b"OK [READ-ONLY] done"
                case "UID" if argument.startswith("SEARCH"):
                    uids = " ".join(str(uid) for uid in folder.messages)
                    writer.write(f"* SEARCH {uids}\r\n".encode())
                case "UID" if self.busy:
                    answer = b"NO [INUSE] try later"
                case "UID" if argument.startswith("FETCH"):
                    self._fetch(writer, folder, argument)
                case "LOGOUT":
                    writer.write(b"* BYE bye\r\n")
                case _:
                    answer = b"BAD unknown"
            writer.write(f"{tag} ".encode() + answer + b"\r\n")
            await writer.drain()

    def _fetch(self, writer: asyncio.StreamWriter, folder: Folder, argument: str) -> None:
        _, uids, parts = argument.split(" ", 2)
        for number, uid in enumerate(map(int, uids.split(",")), 1):
            data = folder.messages.get(uid)
            if data is None:
                continue
            if "BODY.PEEK[]" in parts:
                writer.write(f"* {number} FETCH (UID {uid} BODY[] {{{len(data)}}}\r\n".encode())
                writer.write(data[: len(data) // 2] if self.cut_messages else data)
                if self.cut_messages:
                    raise _HangUp
                writer.write(b")\r\n")
            elif not re.search("BODY", parts):
                size = 10 if self.lie_about_size else len(data)
                facts = f'RFC822.SIZE {size} INTERNALDATE "17-Nov-2026 02:44:25 +0200"'
                writer.write(f"* {number} FETCH (UID {uid} {facts})\r\n".encode())


class _HangUp(Exception):
    """The server drops the connection."""
