"""Sign-in at an identity provider: OpenID Connect's code flow with PKCE, state and nonce."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict

from rag.config import OidcSettings
from rag.egress.endpoints import client
from rag.errors import ConfigError, Forbidden, Unauthenticated, Unavailable
from rag.types import Data

TIMEOUT_S = 10.0
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""By a key that only the provider has: `none` and shared secrets prove nothing."""
LEEWAY_S = 60
LONGEST_CLAIM = 200
MOST_GROUPS = 500
_JSON = {"Accept": "application/json"}


class Pending(Data):
    """What is remembered between leaving for the provider and coming back."""

    state: str
    nonce: str
    verifier: str


class Identity(Data):
    """Somebody whom the provider vouches for; `subject` is theirs for ever, `name` may change."""

    issuer: str
    subject: str
    name: str
    groups: tuple[str, ...]


class _Discovered(BaseModel):
    model_config = ConfigDict(extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Token(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id_token: str


class Provider:
    """One identity provider. Contacts its own addresses and those that its discovery names."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings

    async def begin(self, redirect_uri: str) -> tuple[str, Pending]:
        """Where to send the browser, and what to remember until it is back."""
        pending = Pending(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
        )
        found = await self._discover()
        challenge = hashlib.sha256(pending.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.scopes,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return str(httpx.URL(found.authorization_endpoint).copy_merge_params(asked)), pending

    async def finish(self, pending: Pending, code: str, redirect_uri: str) -> Identity:
        """Who came back with this code. Raises Unauthenticated for what does not verify."""
        found = await self._discover()
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._settings.client_id,
            "code_verifier": pending.verifier,
        }
        try:
            async with self._client(found.token_endpoint, found.jwks_uri) as http:
                answer = await http.post(
                    found.token_endpoint, data=given, auth=self._ours(), headers=_JSON
                )
                if answer.is_client_error:
                    raise Unauthenticated(
                        "The identity provider refused the sign-in.", hint="Begin again."
                    )
                token = _Token.model_validate_json(answer.raise_for_status().content)
                keys = (await http.get(found.jwks_uri)).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._unreachable(error) from error
        return self._identity(self._verified(token.id_token, keys, pending.nonce))

    def _client(self, *more: str) -> httpx.AsyncClient:
        allowed = (self._settings.issuer, *more)
        return client(allowed, TIMEOUT_S, self._settings.networks, "oidc.networks")

    def _ours(self) -> httpx.Auth:
        """The secret as RFC 6749 wants it; a public client proves itself by PKCE alone."""
        secret = self._settings.client_secret.get_secret_value()
        name = self._settings.client_id
        if not secret:
            return httpx.Auth()
        return httpx.BasicAuth(quote(name, safe=""), quote(secret, safe=""))

    async def _discover(self) -> _Discovered:
        issuer = self._settings.issuer
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            async with self._client() as http:
                response = (await http.get(url, headers=_JSON)).raise_for_status()
            found = _Discovered.model_validate_json(response.content)
        except (httpx.HTTPError, ValueError) as error:
            raise self._unreachable(error) from error
        if found.issuer.rstrip("/") != issuer.rstrip("/"):
            raise ConfigError(
                f"The identity provider calls itself {found.issuer[:200]}, not {issuer}.",
                hint="Set oidc.issuer to what it calls itself.",
            )
        if issuer.startswith("https:"):
            for one in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                if not one.startswith("https:"):
                    raise Forbidden("The identity provider names an address without TLS.")
        return found

    def _verified(self, token: str, keys: Any, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that is signed, ours, of now, and of this very sign-in."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        try:
            decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY_S,
                iss={"essential": True},
                sub={"essential": True},
                aud={"essential": True, "value": self._settings.client_id},
                exp={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(decoded.claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise Unauthenticated(
                "What the identity provider said could not be verified.", hint="Try again."
            ) from error
        claims: Mapping[str, Any] = decoded.claims
        audience = claims["aud"]
        others = isinstance(audience, list) and len(cast("list[Any]", audience)) > 1
        if others and claims.get("azp") != self._settings.client_id:
            raise Unauthenticated("The sign-in was meant for another application.")
        if str(claims["iss"]).rstrip("/") != self._settings.issuer.rstrip("/"):
            raise Unauthenticated("The sign-in is of another identity provider.")
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        name_claim = self._settings.name_claim
        name, said = claims.get(name_claim), claims.get(self._settings.groups_claim)
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_CLAIM:
            raise Unauthenticated(
                f"The identity provider does not say the '{name_claim}' of this person.",
                hint="See oidc.name_claim and oidc.scopes.",
            )
        if name_claim == "email" and claims.get("email_verified") is not True:
            # Elsewhere anyone may write anyone's address.
            raise Unauthenticated("The identity provider has not verified this email address.")
        listed = cast("list[Any]", said) if isinstance(said, list) else []
        groups = [one for one in listed if isinstance(one, str) and 0 < len(one) <= LONGEST_CLAIM]
        return Identity(
            issuer=self._settings.issuer.rstrip("/"),
            subject=str(claims["sub"])[:255],
            name=name,
            groups=tuple(groups[:MOST_GROUPS]),
        )

    def _unreachable(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"The identity provider at {self._settings.issuer} does not answer as it should "
            f"({type(error).__name__}).",
            hint="Try again in a moment.",
        )
