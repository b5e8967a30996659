"""Credentials at rest: encrypted with keys that lie beside, not in, the database.

The first key encrypts, every key decrypts, so a rotation loses nothing: a new first key is made,
everything is written again, the old keys go.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast
from uuid import uuid4

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from rag.errors import Unavailable

KEY_FILE = "secret.keys"
OPERATOR_PREFIX = "ro_"


class Vault:
    """Encrypts small mappings of secrets. A copy of the database alone gives none of them away."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def seal(self, secrets: Mapping[str, str]) -> str:
        """The token to keep; empty for no secrets, so that nobody needs a key for nothing."""
        if not secrets:
            return ""
        return self._cipher(make=True).encrypt(json.dumps(dict(secrets)).encode()).decode()

    def open(self, token: str) -> dict[str, str]:
        """What was sealed. Raises Unavailable when no key fits."""
        if not token:
            return {}
        try:
            plain = self._cipher(make=False).decrypt(token.encode())
        except InvalidToken as error:
            raise Unavailable(
                "The stored credentials cannot be decrypted with the keys at hand.",
                hint=f"Restore {self.path.name} from a backup, or enter the credentials again.",
            ) from error
        return cast("dict[str, str]", json.loads(plain))

    def renew(self, token: str) -> str:
        """The same secrets under the newest key. Raises Unavailable when no key fits."""
        return self.seal(self.open(token))

    def operator(self) -> str:
        """The bearer token of whoever can read the keys, and so runs the server."""
        self._cipher(make=True)
        return _proof(self._keys()[0])

    def is_operator(self, token: str) -> bool:
        """Also while a rotation is dropping the key that the token was made with."""
        return any(hmac.compare_digest(_proof(key), token) for key in self._keys())

    def add_key(self) -> list[str]:
        """A new first key; those before, which are returned, go on decrypting."""
        before = self._keys()
        self._write([Fernet.generate_key().decode(), *before])
        return before

    def drop(self, keys: Sequence[str]) -> None:
        """These keys decrypt no longer; what was not renewed is lost."""
        self._write([key for key in self._keys() if key not in keys])

    def _cipher(self, *, make: bool) -> MultiFernet:
        keys = self._keys()
        if not keys and make:
            self.add_key()
            keys = self._keys()
        if not keys:
            raise Unavailable(
                f"The keys of the stored credentials are missing: {self.path}.",
                hint="Restore the file from a backup, or enter the credentials again.",
            )
        try:
            return MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise Unavailable(
                f"{self.path} holds something that is no key.",
                hint="Restore it from a backup.",
            ) from error

    def _keys(self) -> list[str]:
        try:
            return self.path.read_text(encoding="ascii", errors="replace").split()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be read: {error.strerror}.") from error

    def _write(self, keys: Sequence[str]) -> None:
        draft = self.path.with_name(f"{self.path.name}.{uuid4().hex}")
        # Never readable by others, not even for a moment.
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write("\n".join(keys) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)


def _proof(key: str) -> str:
    return OPERATOR_PREFIX + hmac.new(key.encode(), b"operator", hashlib.sha256).hexdigest()
