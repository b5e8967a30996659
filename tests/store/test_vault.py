"""Credentials at rest: unreadable without the keys, and no rotation loses one."""

import stat
from pathlib import Path

import pytest

from rag.errors import Unavailable
from rag.store.vault import Vault

SECRETS = {"password": "hünter2", "auth.token": "t"}


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "secret.keys")


def test_what_is_sealed_comes_back_and_shows_nothing(vault: Vault) -> None:
    token = vault.seal(SECRETS)
    assert vault.open(token) == SECRETS
    assert "hünter2" not in token
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600


def test_no_secrets_need_no_key(vault: Vault) -> None:
    assert vault.open(vault.seal({})) == {}
    assert not vault.path.exists()


def test_a_rotation_keeps_every_secret_and_ends_the_old_key(vault: Vault, tmp_path: Path) -> None:
    token = vault.seal(SECRETS)
    old = Vault(tmp_path / "old.keys")
    old.path.write_bytes(vault.path.read_bytes())
    before = vault.add_key()
    renewed = vault.renew(token)
    vault.drop(before)
    assert vault.open(renewed) == SECRETS
    with pytest.raises(Unavailable, match="cannot be decrypted"):
        vault.open(token)
    with pytest.raises(Unavailable):
        old.open(renewed)


def test_lost_or_spoilt_keys_are_said_and_not_made_anew(vault: Vault) -> None:
    token = vault.seal(SECRETS)
    vault.path.write_text("not-a-key")
    with pytest.raises(Unavailable, match="is no key"):
        vault.open(token)
    vault.path.unlink()
    with pytest.raises(Unavailable, match="missing"):
        vault.open(token)
    assert not vault.path.exists()
