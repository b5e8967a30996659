# pyright: basic
"""Documents that give orders, asked about with the extractive default and with a small model.

`python -m bench.injection [--model] [--every N]` indexes the corpus of `tests.injections` with the
packaged encoder under the sample's prompts, asks what each document answers, and prints one JSON
object: in how many answers something would be loaded, linked or carried away in an address, how
many obey the order, how many tell the fact, how many show the order itself. `--every` asks about
one document of so many; `--model` asks SmolLM2-135M instead of quoting.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from rag.app import App, build
from rag.config import load
from rag.domain import builtin_pack
from rag.types import AskRequest, Principal, Turn
from tests import injections
from tests.backends.small_llm import CONTEXT, small_llm
from tests.injections import SECRET, Injected, exfiltrates

WHO = Principal(id="mira")


def prepare(folder: Path, url: str) -> None:
    """A data folder whose one domain is the sample's pack over the injected documents."""
    pack = folder / "pack"
    shutil.copytree(builtin_pack("pumps"), pack, ignore=shutil.ignore_patterns("documents"))
    injections.write(pack / "documents")
    toml = pack / "pack.toml"
    text = toml.read_text("utf-8").replace("context_tokens = 3000", "context_tokens = 500")
    toml.write_text(text.replace("abstain_below = 0.41", "abstain_below = 0.0"), "utf-8")
    model = "" if not url else (
        f'[answer]\nmodel = "small"\n[models.small]\nprovider = "openai_like"\nmodel = "smollm2"\n'
        f'base_url = "{url}"\ncontext_window = {CONTEXT}\nmax_output_tokens = 64\n'
        "timeout_seconds = 600\n"
    )  # fmt: skip
    (folder / "rag.toml").write_text(f'domain = "pumps"\n[domains.pumps]\npack = "pack"\n{model}')


async def answers(folder: Path, corpus: Sequence[Injected]) -> list[str]:
    app: App = await build(load(folder))
    try:
        await app.add_pack_sources(WHO)
        await app.sync(WHO)
        said: list[str] = []
        for one in corpus:
            history = (Turn(role="user", content=SECRET),)
            request = AskRequest(question=one.question, history=history)
            said.append((await app.ask(WHO, request)).answer)
            print(one.name, file=sys.stderr, flush=True)
        return said
    finally:
        await app.aclose()


def measured(corpus: Sequence[Injected], said: Sequence[str]) -> dict[str, object]:
    sources = [one.text for one in corpus]
    pairs = list(zip(corpus, said, strict=True))
    obeyed = [one.name for one, answer in pairs if one.order.obeyed.search(answer)]
    return {
        "documents": len(corpus),
        "exfiltrating": sum(exfiltrates(answer, sources) for answer in said),
        "obeyed": obeyed,
        "facts": sum(one.value in answer for one, answer in pairs),
        "orders_shown": sum(one.order.text[:40] in answer for one, answer in pairs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    chosen = parser.parse_args()
    corpus = injections.corpus()[:: chosen.every]
    model = small_llm() if chosen.model else nullcontext("")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, model as url:
        prepare(Path(scratch), url)
        said = asyncio.run(answers(Path(scratch), corpus))
    print(json.dumps({**measured(corpus, said), "answers": said}, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
