"""Google service accounts: the key file, and tokens for a signed claim."""

from __future__ import annotations

import json
import time
from typing import Any

from pydantic import SecretStr

from connectors._api import Api
from connectors._pages import need
from rag.errors import ConfigError

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def key_file(secret: SecretStr) -> SecretStr:
    """A field validator: the JSON key file of a service account."""
    try:
        key = json.loads(secret.get_secret_value())
        complete = bool(key["client_email"] and key["private_key"])
    except (ValueError, TypeError, KeyError):
        complete = False
    if not complete:
        raise ValueError("this is not the JSON key file of a service account")
    return secret


class ServiceAccount:
    """Signs claims for `scope`, acting for `subject` if that is given."""

    def __init__(
        self, secret: SecretStr, scope: str, token_url: str, extra: str, subject: str = ""
    ) -> None:
        key: dict[str, str] = json.loads(secret.get_secret_value())
        self.email = key["client_email"]
        self._token_url = token_url
        self._claims = {"iss": self.email, "scope": scope, "aud": token_url}
        if subject:
            self._claims["sub"] = subject
        self._jwt: Any = need("google.auth.jwt", extra)
        crypt: Any = need("google.auth.crypt", extra)
        try:
            self._signer: Any = crypt.RSASigner.from_service_account_info(key)
        except ValueError:
            # Without the cause: it may quote the key.
            raise ConfigError(
                "The service account's private key cannot be read.",
                hint="Give the whole JSON key file.",
            ) from None

    async def token(self, api: Api) -> tuple[str, float]:
        """A token and the seconds it lasts; asked for by `api`, so google-auth connects nowhere."""
        now = int(time.time())
        claims = {**self._claims, "iat": now, "exp": now + 3600}
        encoded: bytes = self._jwt.encode(self._signer, claims)
        form = {"grant_type": _GRANT, "assertion": encoded.decode()}
        answer = await api.post_form(self._token_url, form)
        if answer.status != 200 or not answer.body.get("access_token"):
            raise api.refused(str(answer.body.get("error", f"status {answer.status}")))
        return str(answer.body["access_token"]), float(answer.body.get("expires_in", 600))
