"""The verbs of language models as candidates: train one further, and serve it."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, through, valid
from rag.errors import InvalidInput, NotFound, counted

if TYPE_CHECKING:
    from rag.app import App
    from rag.candidates import Candidate
    from rag.config import Settings
    from rag.learn.lora import Base, Recipe
    from rag.remote import RemoteApp
    from rag.types import Principal

PORT = 18_100
Named = Annotated[str, typer.Argument(metavar="CANDIDATE", help="As llm-1; see: rag tune list.")]


class Method(StrEnum):
    SFT = "sft"
    DPO = "dpo"
    KTO = "kto"


def llm(
    ctx: typer.Context,
    dataset: Annotated[str, typer.Option(help="A version, as month@1.")],
    base: Annotated[str, typer.Option(help="What is trained further: a name of tuning.bases.")],
    method: Annotated[
        Method, typer.Option(help="By answers, by pairs of answers, or by verdicts.")
    ] = Method.SFT,
    epochs: Annotated[float, typer.Option(help="How often each row is seen.")] = 1.0,
    steps: Annotated[int, typer.Option(help="So many steps instead; 0: by epochs.")] = 0,
    rate: Annotated[
        float | None, typer.Option(help="How far a step goes; else by the method.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Rows of a step.")] = 2,
    rank: Annotated[int, typer.Option(help="How much the LoRA can hold.")] = 16,
    max_length: Annotated[
        int | None, typer.Option(help="In tokens; else what the longest row needs.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 1,
    merge: Annotated[bool, typer.Option("--merge", help="Also keep base and LoRA as one.")] = False,
    as_json: Json = False,
) -> None:
    """Train a language model further on a dataset version, on a GPU where there is one."""
    from rag.learn.lora import Recipe

    recipe = valid(
        Recipe,
        dataset=dataset,
        base=base,
        method=method.value,
        epochs=epochs,
        steps=steps,
        rate=rate,
        batch=batch,
        rank=rank,
        max_length=max_length,
        seed=seed,
        merge=merge,
    )

    async def work(app: App | RemoteApp, who: Principal) -> Candidate:
        return await app.tuning.train(who, recipe, ctx.obj.domain, progress)

    with output.progress_bar() as progress:
        made = through(ctx, work)
    if as_json:
        output.say_json(made)
        return
    tell(made)
    say_serving(ctx.obj.settings(), made)


def serve(
    ctx: typer.Context,
    name: Named,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="On the loopback address.")] = PORT,
    context: Annotated[int, typer.Option(min=256, help="Tokens it reads and writes.")] = 4_096,
    threads: Annotated[int, typer.Option(min=0, help="0: as llama.cpp chooses.")] = 0,
) -> None:
    """Serve a trained model with llama.cpp until it is stopped (extra: llama)."""
    from rag.backends.llama_cpp import served
    from rag.learn.lora import GGUF

    found, _ = through(ctx, lambda app, who: app.tuning.get(who, name, ctx.obj.domain), looks=True)
    settings = ctx.obj.settings()
    folder, base, _ = _files(settings, found)
    if not base.file or not (folder / GGUF).exists():
        raise InvalidInput(
            f"llama.cpp does not serve '{name}' as it is.", hint=f"See: rag tune show {name}."
        )
    with served(
        base.path, folder / GGUF, served_name(found), port=port, context=context, threads=threads
    ) as url:
        output.say(f"{name} is served at {url} until this is stopped.")
        output.say(f"Let it be a model here: {adding(found, url, context)}")
        try:
            while True:
                time.sleep(3_600)
        except KeyboardInterrupt:
            output.note("Stopped.")


def tell(one: Candidate) -> None:
    """What a trained model was made of."""
    figures, lineage = one.figures, one.lineage
    recipe = lineage["recipe"]
    output.say(
        f"{one.name} is {lineage['base']}, trained further on {lineage['dataset']} by "
        f"{recipe['method'].upper()}: {counted(figures['rows'], 'row')}, "
        f"{counted(figures['steps'], 'step')} in {figures['seconds']:g} s on {figures['device']}."
    )
    losses = figures["losses"]
    output.say(f"  loss {losses[0]:.3f} at first, {losses[-1]:.3f} at last")
    if held := figures["validation_loss"]:
        output.say(f"  on rows that it did not learn from: {held[0]:.3f} before, {held[1]:.3f} now")
    if figures.get("withdrawn"):
        output.say("  Its dataset version is withdrawn: it learned what is erased since.")


def say_serving(settings: Settings, one: Candidate) -> None:
    """How it is served, and made a model that can be asked, where its files are here."""
    from rag.learn.lora import commands

    try:
        folder, base, recipe = _files(settings, one)
    except (InvalidInput, NotFound) as why:
        output.note(why.message)
        return
    if base.file:
        output.say(f"Serve it: rag tune serve {one.name} --port {PORT}")
    for server, command in commands(folder, base, served_name(one), recipe, PORT).items():
        output.say(f"With {server}: {command}")
    output.say(f"Then: {adding(one, f'http://127.0.0.1:{PORT}/v1', 4_096)}")
    output.say(f"Then: rag eval --candidate {one.name}")


def served_name(one: Candidate) -> str:
    return f"{one.domain}-{one.name}"


def adding(one: Candidate, url: str, context: int) -> str:
    """The command by which it becomes a model that can be asked."""
    name = served_name(one)
    return (
        f"rag models add {name} --base-url {url} --set candidate={one.id} "
        f"--set context_window={context}"
    )


def _files(settings: Settings, one: Candidate) -> tuple[Path, Base, Recipe]:
    """Its folder, its base and how it was made. Raises NotFound or InvalidInput."""
    from rag.learn.lora import Recipe, base_at, folder_of

    if one.kind != "llm":
        raise InvalidInput(f"'{one.name}' is no language model.")
    folder = folder_of(settings.data, one.id)
    if not folder.is_dir():
        raise NotFound(f"The files of '{one.name}' are where it was trained, not here.")
    lineage = one.lineage
    recipe = Recipe(dataset=lineage["dataset"], base=lineage["base"], **lineage["recipe"])
    path = settings.tuning.bases.get(recipe.base)
    if path is None:
        raise NotFound(f"No base is called '{recipe.base}' any more.")
    return folder, base_at(settings.data / path.expanduser()), recipe
