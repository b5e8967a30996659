"""`python -m sample [FOLDER]` writes the sample pack, by default `rag/packs/pumps`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sample import library, pack
from sample.questions import evals_yaml
from sample.render import render

HOME = Path(__file__).parent.parent / "rag" / "packs" / "pumps"


def write(folder: Path) -> None:
    """Replace the folder by the pack."""
    if folder.exists():
        shutil.rmtree(folder)
    documents = library.documents()
    files = {f"documents/{doc.path}": render(doc) for doc in documents}
    files |= {name: text.encode() for name, text in pack.FILES.items()}
    files["evals.yaml"] = evals_yaml(library.needs(documents)).encode()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HOME)
