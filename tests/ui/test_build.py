"""What a build leaves: small enough to begin with, and nothing that points elsewhere."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from rag.api.ui import BUILT, NONCE

FIRST_LOAD = 300_000
"""Bytes of compressed JavaScript before one can ask."""

pytestmark = pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="not built: make ui")


def loaded(manifest: dict, name: str, seen: set[str]) -> set[str]:
    """The scripts that come with one, whatever comes with those included."""
    entry = manifest[name]
    if entry["file"] not in seen:
        seen.add(entry["file"])
        for other in entry.get("imports", ()):
            loaded(manifest, other, seen)
    return seen


def test_asking_begins_after_little() -> None:
    manifest = json.loads((BUILT / ".vite" / "manifest.json").read_text())
    files: set[str] = set()
    for name in ("index.html", "src/features/ask/index.ts"):
        loaded(manifest, name, files)
    size = sum(len(gzip.compress((BUILT / file).read_bytes(), 9)) for file in files)
    assert 100_000 < size <= FIRST_LOAD
    assert not any("Pdf" in file for file in files)


def test_the_page_names_our_own_files_alone_and_has_a_place_for_the_nonce() -> None:
    page = (BUILT / "index.html").read_text()
    assert NONCE in page
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert all(
        re.match(r"/(assets|static)/", one) for one in re.findall(r'(?:src|href)="(.*?)"', page)
    )


def test_every_script_has_a_compressed_twin() -> None:
    for script in (BUILT / "assets").glob("*.js"):
        packed = script.with_name(f"{script.name}.gz")
        if script.stat().st_size > 1_024:
            assert gzip.decompress(packed.read_bytes()) == script.read_bytes()
