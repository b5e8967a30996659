"""Models that admins add while the server runs: asked at once, with keys that nobody sees again."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from rag.app import App
from rag.app.backups import back_up, refresh
from rag.app.declared import Declarations
from rag.app.models import Models
from rag.config import AddedModelSettings, Settings, load
from rag.errors import Conflict, InvalidInput, ModelKeyless, NotFound
from rag.models.budgets import Budgets
from rag.store.added import AddedModel, AddedModels, ModelKey
from rag.store.backups import Backup
from rag.store.choices import Choices
from rag.store.database import Database
from rag.store.models import AddedModelRow, ModelKeyRow
from rag.store.restoring import go_on
from rag.store.vault import Vault
from rag.types import LOCAL, AskRequest, Principal, Role, utc_now
from tests.app.test_app import BOB, add_documents, open_app
from tests.models.endpoint import Endpoint, endpoint

QUESTION = AskRequest(question="How much does the turbine pump TX-9 weigh?")
ROOT = Principal(id=LOCAL, roles=frozenset(Role))
FIRST, SECOND = "sk-first-0123456789", "sk-second-987654321"
Story = Callable[[App, Endpoint], Awaitable[None]]


def settings(url: str, **more: Any) -> AddedModelSettings:
    told = {"provider": "openai_like", "model": "m", "base_url": url, "retries": 0, **more}
    return AddedModelSettings.model_validate(told)


def run(root: Path, story: Story, more: str = "") -> None:
    """The story of an app with documents, and of an endpoint that writes an answer to them."""

    async def told() -> None:
        with endpoint() as stub:
            stub.text = ("It weighs ", "40 kg ", "[1].")
            await open_app(root).aclose()
            rag = root / "data" / "rag.toml"
            rag.write_text(rag.read_text() + more.replace("URL", stub.url))
            app = open_app(root)
            try:
                await add_documents(app, root)
                await story(app, stub)
            finally:
                await app.aclose()

    asyncio.run(told())


def everything(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (root / "data").rglob("*") if path.is_file())


def test_one_answers_from_the_next_question_on_with_its_key_that_stays_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        made = await app.declared.put(ROOT, "big", settings(stub.url), FIRST)
        assert (made.declared, made.problem) == ("added", "")
        assert made.key is not None
        assert (made.key.origin, made.key.set_by) == ("added", LOCAL)
        await app.choose_model(ROOT, "big")
        answers = [await app.ask(BOB, QUESTION)]
        await app.declared.set_key(ROOT, "big", SECOND)
        answers.append(await app.ask(BOB, QUESTION))
        assert stub.keys == [FIRST, SECOND]
        # Told again without a key, it keeps the one that it has.
        await app.declared.put(ROOT, "big", settings(stub.url, temperature=1), None)
        answers.append(await app.ask(BOB, QUESTION))
        assert stub.keys[-1] == SECOND
        assert stub.requests[-1]["temperature"] == 1
        assert {one.model for one in answers} == {"big"}
        listed = {one.name: one for one in await app.models(ROOT)}
        assert (listed["big"].declared, listed["big"].default) == ("added", True)
        told: list[Any] = [
            *answers,
            *listed.values(),
            *await app.declared.list(ROOT),
            *await app.accounts.audit(ROOT, 50, None),
            await app.check_models(ROOT),
            *[await app.trace(BOB, one.trace_id) for one in answers],
            await app.conform(ROOT, "big"),
            *await app.model_choices(ROOT),
            repr(app._models.model("big")),
        ]
        acts = [one.act for one in await app.accounts.audit(ROOT, 50, None)]
        assert [act for act in acts if "model" in act] == [
            "change model", "set model key", "choose model", "add model",
        ]  # fmt: skip
        said = capsys.readouterr()
        for key in (FIRST, SECOND):
            assert key not in "".join(map(str, told)) + said.out + said.err
            assert key.encode() not in everything(tmp_path)

    run(tmp_path, story)


def test_it_can_be_removed_once_nothing_needs_it(tmp_path: Path) -> None:
    more = (
        '[routes.main]\ncandidates = ["routed", "extractive"]\n[answer]\njudge = "judging"\n'
        '[routes.quoting]\ncandidates = ["extractive"]\n'
    )

    async def story(app: App, stub: Endpoint) -> None:
        for name in ("routed", "judging", "big", "tried"):
            await app.declared.put(ROOT, name, settings(stub.url), FIRST)
        await app.choose_model(ROOT, "big")
        await app.trials.begin(ROOT, "tried", "shadow", 0.5)
        for name, why in {
            "routed": "the route 'main'", "judging": "answer.judge",
            "big": "it answers in 'test'", "tried": "it is tried in 'test'",
        }.items():  # fmt: skip
            with pytest.raises(Conflict, match=why):
                await app.declared.remove(ROOT, name)
        asked = AskRequest(question=QUESTION.question, model="big")
        assert (await app.ask(BOB, asked)).model == "big"
        await app.choose_model(ROOT, "quoting")
        await app.declared.remove(ROOT, "big")
        await app.declared.remove(ROOT, "tried")
        with pytest.raises(NotFound, match="There is no model 'big'"):
            await app.ask(BOB, asked)
        assert (await app.ask(BOB, QUESTION)).model == "extractive"
        # What answered before is gone: a rollback passes it over.
        assert (await app.trials.roll_back(ROOT)).model == ""
        with pytest.raises(NotFound):
            await app.declared.remove(ROOT, "big")
        # Not its first three signs alone: among millions of bytes of vectors, chance writes them.
        assert FIRST.encode() not in everything(tmp_path)

    run(tmp_path, story, more)


def test_an_answer_under_way_keeps_what_it_began_with_which_is_closed_after(
    tmp_path: Path,
) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        goes_on = threading.Event()

        def text(body: Any) -> Any:
            yield "It weighs "
            assert goes_on.wait(20)
            yield "40 kg [1]."

        stub.text = text
        await app.declared.put(ROOT, "big", settings(stub.url), FIRST)
        asked = AskRequest(question=QUESTION.question, model="big")
        begun = asyncio.create_task(app.ask(BOB, asked))
        await asyncio.to_thread(stub.reached.wait, 20)
        old = app._models.model("big").generator
        await app.declared.set_key(ROOT, "big", SECOND)
        other = asyncio.create_task(app.ask(BOB, asked))
        while len(stub.keys) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert old._client is not None
        await app.declared.remove(ROOT, "big")
        goes_on.set()
        assert [(await one).answer.rstrip(" []1.") for one in (begun, other)] == [
            "It weighs 40 kg",
            "It weighs 40 kg",
        ]
        assert stub.keys == [FIRST, SECOND]
        assert old._client is None

    run(tmp_path, story)


def test_keys_for_the_configuration_s_models_go_where_they_were_given_for(tmp_path: Path) -> None:
    more = (
        '[models.bare]\nprovider = "openai_like"\nmodel = "m"\nbase_url = "URL"\n'
        '[models.keyed]\nprovider = "openai_like"\nmodel = "m"\nbase_url = "URL"\n'
        'api_key = "sk-configured"\n'
    )

    async def story(app: App, stub: Endpoint) -> None:
        with pytest.raises(Conflict, match=r"declared by .*rag\.toml"):
            await app.declared.put(ROOT, "bare", settings(stub.url))
        with pytest.raises(Conflict, match=r"declared by .*rag\.toml"):
            await app.declared.remove(ROOT, "bare")
        with pytest.raises(Conflict, match=r"key of 'keyed' is set by .*rag\.toml"):
            await app.declared.set_key(ROOT, "keyed", FIRST)
        found = {one.name: one for one in await app.models(ROOT)}
        assert found["bare"].key is None
        assert found["keyed"].key is not None
        assert found["keyed"].key.origin == "configuration"
        assert "sk-configured" not in str([found, await app.declared.list(ROOT)])
        await app.declared.set_key(ROOT, "bare", FIRST)
        asked = AskRequest(question=QUESTION.question, model="bare")
        await app.ask(BOB, asked)
        assert stub.keys == [FIRST]
        # The operator lets it lead elsewhere: the key does not go along.
        with endpoint() as elsewhere:
            moved = app.settings.models["bare"].model_copy(update={"base_url": elsewhere.url})
            app.settings.models["bare"] = moved
            with pytest.raises(ModelKeyless, match="for another address"):
                await app.ask(BOB, asked)
            assert elsewhere.keys == []
        await app.declared.remove_key(ROOT, "bare")
        with pytest.raises(NotFound):
            await app.declared.remove_key(ROOT, "bare")

    run(tmp_path, story, more)


def test_a_key_never_follows_a_model_to_another_address(tmp_path: Path) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        await app.declared.put(ROOT, "big", settings(stub.url), FIRST)
        with endpoint() as elsewhere:
            with pytest.raises(Conflict, match="not sent to this one"):
                await app.declared.put(ROOT, "big", settings(elsewhere.url))
            await app.declared.put(ROOT, "big", settings(elsewhere.url), SECOND)
            await app.check_models(ROOT, "big")
            assert elsewhere.keys == [SECOND]
        assert stub.keys == []

    run(tmp_path, story)


REFUSED = {
    "metadata": ({"base_url": "http://169.254.169.254/v1"}, "not a public address"),
    "private": ({"base_url": "http://10.1.2.3:8000/v1"}, "not a public address"),
    "mapped": ({"base_url": "http://[::ffff:127.0.0.1]:9/v1"}, "not a public address"),
    "decimal": ({"base_url": "http://2130706433/v1"}, "not a public address"),
    "name": ({"base_url": "http://localhost:6333/v1"}, "not a public address"),
    "port": ({"base_url": "http://8.8.8.8:25/v1"}, "not a web port"),
    "password": ({"base_url": "https://u:p@8.8.8.8/v1"}, "no place in a URL"),
    "query": ({"base_url": "https://8.8.8.8/admin?x="}, "has no query"),
    "file": ({"base_url": "file:///etc/passwd"}, "plain http or https"),
    "none": ({"base_url": ""}, "base_url"),
    "unknown": ({"provider": "opneai"}, "Did you mean 'openai'"),
    "own-client": ({"provider": "ollama"}, "would use what this machine has"),
    "own-credentials": ({"provider": "bedrock", "base_url": ""}, "would use what this machine"),
    "elsewhere": ({"provider": "anthropic", "base_url": "https://8.8.8.8"}, "leave it out"),
    "keyless": ({"provider": "anthropic", "base_url": ""}, "without a key"),
    "window": ({"base_url": "https://8.8.8.8", "max_output_tokens": 9000}, "leaves no room"),
}
SIGNED_IN = '[accounts]\nrequired = true\n[server]\npublic_url = "http://127.0.0.1"\n'


def test_what_must_not_be_contacted_is_refused_where_people_sign_in(tmp_path: Path) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        for given, why in REFUSED.values():
            with pytest.raises(InvalidInput, match=why):
                await app.declared.put(ROOT, "big", settings(stub.url, **given))
        with pytest.raises(InvalidInput, match="is not a public address") as caught:
            await app.declared.put(ROOT, "big", settings(stub.url))
        assert "gateway.added_networks" in caught.value.hint
        for key in ("", "two words", "ümlaut", "line\nbreak", "k" * 4001):
            with pytest.raises(InvalidInput, match="This is no key"):
                await app.declared.put(ROOT, "big", settings("https://8.8.8.8"), key)
        for name in ("", "..", "a/b", "-x", "a b", "n" * 101):
            with pytest.raises(InvalidInput, match="cannot name"):
                await app.declared.put(ROOT, name, settings("https://8.8.8.8"))
        with pytest.raises(Conflict, match="quoting"):
            await app.declared.put(ROOT, "extractive", settings("https://8.8.8.8"))
        assert await app.declared.list(ROOT) == []
        # A network that was allowed when it was added, and is no longer.
        store = AddedModels(app._parts.ledger.database, utc_now)
        sly = {"provider": "openai_like", "model": "m", "base_url": stub.url, "retries": 0}
        store.put(AddedModel(name="sly", settings=sly, changed_by="x", changed_at=utc_now()), None)
        (check,) = await app.check_models(ROOT)
        assert (check.ok, check.code) == (False, "forbidden")
        assert stub.requests == []

    run(tmp_path, story, SIGNED_IN)


def test_the_operator_says_in_which_networks_added_models_may_be(tmp_path: Path) -> None:
    networks = '[gateway]\nlocal_only = true\nadded_networks = ["127.0.0.0/8"]\n'

    async def story(app: App, stub: Endpoint) -> None:
        await app.declared.put(ROOT, "big", settings(stub.url), FIRST)
        assert [one.ok for one in await app.check_models(ROOT, "big")] == [True]
        with pytest.raises(InvalidInput, match="none of the allowed networks"):
            await app.declared.put(ROOT, "away", settings("https://8.8.8.8"))
        with pytest.raises(InvalidInput, match="local_only"):
            await app.declared.put(ROOT, "away", settings("", provider="anthropic"), FIRST)

    run(tmp_path, story, SIGNED_IN + networks)


def test_a_lost_key_of_the_vault_is_told_and_stops_no_other_model(tmp_path: Path) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        for name in ("big", "small"):
            await app.declared.put(ROOT, name, settings(stub.url), FIRST if name == "big" else None)
        await app.choose_model(ROOT, "big")
        keys = tmp_path / "data" / "secret.keys"
        right = keys.read_text()
        others = Vault(tmp_path / "other.keys")
        others.add_key()
        for number, wrong in enumerate(("not-a-key", others.path.read_text(), None)):
            keys.write_text(wrong) if wrong else keys.unlink()
            # What was opened before is used on until it changes.
            await app.declared.put(ROOT, "big", settings(stub.url, temperature=number))
            with pytest.raises(ModelKeyless, match="cannot be read") as caught:
                await app.ask(BOB, QUESTION)
            assert (caught.value.status, caught.value.retryable) == (409, False)
            asked = AskRequest(question=QUESTION.question, model="small")
            assert (await app.ask(BOB, asked)).model == "small"
            found = {one.name: one.problem for one in await app.declared.list(ROOT)}
            assert found["big"].startswith("The key of the model 'big' cannot be read")
            assert found["small"] == ""
            if wrong == "not-a-key":
                with pytest.raises(ModelKeyless, match="cannot be kept"):
                    await app.declared.set_key(ROOT, "big", SECOND)
            keys.write_text(right)
            # Restored, it is used again at once.
            assert (await app.ask(BOB, QUESTION)).model == "big"
        assert {*stub.keys} == {FIRST, ""}

    run(tmp_path, story)


def test_the_machine_s_own_keys_are_never_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-machine")

    async def story(app: App, stub: Endpoint) -> None:
        own = settings(stub.url, provider="openai")
        with pytest.raises(InvalidInput, match="without a key"):
            await app.declared.put(ROOT, "big", own)
        await app.declared.put(ROOT, "big", own, FIRST)
        await app.declared.remove_key(ROOT, "big")
        (check,) = await app.check_models(ROOT, "big")
        assert check.code == "model_keyless"
        assert stub.keys == []

    run(tmp_path, story)


def test_an_endpoint_that_repeats_the_key_does_not_give_it_away(tmp_path: Path) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        await app.declared.put(ROOT, "big", settings(stub.url), FIRST)
        stub.modes = [f"401:{FIRST}"]
        (check,) = await app.check_models(ROOT, "big")
        assert check.code == "model_refused"
        assert "********" in check.detail
        assert FIRST not in check.detail

    run(tmp_path, story)


def test_a_rotation_renews_keys_too(tmp_path: Path) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        await app.declared.put(ROOT, "big", settings(stub.url), FIRST)
        before = (tmp_path / "data" / "secret.keys").read_text()
        assert (await app.rotate_keys(ROOT)).models == 1
        assert (tmp_path / "data" / "secret.keys").read_text() != before
        asked = AskRequest(question=QUESTION.question, model="big")
        assert (await app.ask(BOB, asked)).model == "big"
        assert stub.keys == [FIRST]

    run(tmp_path, story)


def test_whether_models_changed_is_read_with_the_choice(tmp_path: Path) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        await app.declared.put(ROOT, "big", settings(stub.url))
        await app.choose_model(ROOT, "big")
        await app.ask(BOB, QUESTION)
        statements: list[str] = []
        engine = app._parts.ledger.database.engine

        def heard(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            statements.append(statement)

        event.listen(engine, "before_cursor_execute", heard)
        await app.ask(BOB, QUESTION)
        event.remove(engine, "before_cursor_execute", heard)
        about = [one for one in statements if "model" in one.partition("FROM")[2].split("WHERE")[0]]
        assert len([one for one in about if "model_choices" in one]) == 1
        assert [one for one in about if "model_revision" in one and "choices" not in one] == []
        assert not any("added_models" in one or "model_keys" in one for one in statements)

    run(tmp_path, story)


def test_routes_the_judge_and_readiness_know_what_was_added(tmp_path: Path) -> None:
    more = '[routes.main]\ncandidates = ["big", "extractive"]\n[answer]\nmodel = "main"\n'

    async def story(app: App, stub: Endpoint) -> None:
        assert (await app.ask(BOB, QUESTION)).model == "extractive"
        assert "no model 'big' is declared" in (await app.unusable())[0]
        await app.declared.put(ROOT, "big", settings(stub.url))
        assert await app.unusable() == []
        assert (await app.ask(BOB, QUESTION)).model == "big"

    run(tmp_path, story, more)


# --- in other processes, and later ---


def kept(database_url: str, data: Path) -> tuple[Database, AddedModels, Vault]:
    database = Database(database_url)
    database.migrate()
    data.mkdir(exist_ok=True)
    return database, AddedModels(database, utc_now), Vault(data / "secret.keys")


def given(vault: Vault, name: str, key: str, url: str) -> ModelKey:
    sealed = vault.seal({"key": key})
    address = f"openai_like {url}"
    return ModelKey(name=name, sealed=sealed, address=address, set_by="ada", set_at=utc_now())


def model(name: str, url: str = "https://8.8.8.8/v1") -> AddedModel:
    told = settings(url).model_dump(mode="json", exclude_unset=True)
    return AddedModel(name=name, settings=told, changed_by="ada", changed_at=utc_now())


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_another_process_sees_it_at_its_next_question(database_url: str, tmp_path: Path) -> None:
    database, store, vault = kept(database_url, tmp_path / "data")
    script = """
import sys
from pathlib import Path
from rag.app.declared import Declarations
from rag.app.models import Models
from rag.config import Settings
from rag.models.budgets import Budgets
from rag.store.added import AddedModels
from rag.store.choices import Choices
from rag.store.database import Database
from rag.store.vault import Vault
from rag.types import utc_now
database = Database(sys.argv[1])
declared = Declarations(
    Settings(), AddedModels(database, utc_now), Vault(Path(sys.argv[2]) / "secret.keys")
)
models = Models(Settings(), Budgets({}, None, utc_now), declared)
choices = Choices(database)
for line in sys.stdin:
    models.see(choices.standing("test")[1])
    names = [f"{n}={models.model(n).settings.api_key.get_secret_value()}" for n in declared.names]
    print(" ".join(names) or "none", flush=True)
"""
    url = "https://8.8.8.8/v1"
    arguments = [sys.executable, "-c", script, database_url, str(tmp_path / "data")]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None

        def next_question() -> str:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdin.write("\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        assert next_question() == "none"
        store.put(model("big"), given(vault, "big", FIRST, url))
        assert next_question() == f"big={FIRST}"
        store.set_key(given(vault, "big", SECOND, url))
        assert next_question() == f"big={SECOND}"
        before = vault.add_key()
        store.reseal(vault.renew)
        vault.drop(before)
        assert next_question() == f"big={SECOND}"
        store.remove_key("big")
        store.put(model("small"), None)
        assert next_question() == "big= small="
        store.remove("big")
        assert next_question() == "small="
        other.stdin.close()
    database.close()


def test_many_who_change_at_once_are_all_seen(database_url: str, tmp_path: Path) -> None:
    database, store, vault = kept(database_url, tmp_path / "data")
    declared = Declarations(Settings(), store, vault)
    models = Models(Settings(), Budgets({}, None, utc_now), declared)  # type: ignore[arg-type]
    choices = Choices(database)
    writers = [
        threading.Thread(target=store.put, args=(model(f"m{number}"), None)) for number in range(8)
    ]
    for thread in writers:
        thread.start()
    while any(thread.is_alive() for thread in writers):
        models.see(choices.standing("test")[1])
    for thread in writers:
        thread.join()
    models.see(choices.standing("test")[1])
    assert declared.names == [f"m{number}" for number in range(8)]
    assert store.revision() == 8
    database.close()


def test_a_restore_forgets_again_what_was_removed_since(tmp_path: Path) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        for name in ("gone", "bare", "stays"):
            await app.declared.put(ROOT, name, settings(stub.url), FIRST)
        where = load(tmp_path / "data")
        folder = tmp_path / "backup"
        manifest, remarks = await asyncio.to_thread(
            lambda: back_up(where, folder, keys=False, progress=lambda _: None)
        )
        assert manifest.credentials == 3
        assert any("3 of the sources and models" in line for line in remarks)
        assert FIRST.encode() not in b"".join(
            path.read_bytes() for path in folder.rglob("*") if path.is_file()
        )
        await app.declared.remove(ROOT, "gone")
        await app.declared.remove_key(ROOT, "bare")
        erasures = await asyncio.to_thread(refresh, where, folder)
        assert sorted(one.kind for one in erasures.erasures) == ["model", "model key"]
        restored = Database(f"sqlite:///{tmp_path / 'restored.db'}")
        from rag.store.restoring import restore_tables

        restore_tables(Backup(folder), manifest, restored)
        go_on(restored, erasures.erasures, utc_now, lambda _: "")
        with restored.read() as session:
            assert sorted(session.scalars(select(AddedModelRow.name))) == ["bare", "stays"]
            assert [*session.scalars(select(ModelKeyRow.name))] == ["stays"]
        restored.close()

    run(tmp_path, story)


def test_what_another_version_wrote_stops_nobody(tmp_path: Path) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        store = AddedModels(app._parts.ledger.database, utc_now)
        odd = model("odd").model_copy(update={"settings": {"engine": "steam"}})
        store.put(odd, None)
        await app.declared.put(ROOT, "big", settings(stub.url))
        assert [one.name for one in await app.declared.list(ROOT)] == ["big"]
        assert json.loads((await app.declared.list(ROOT))[0].model_dump_json())["key"] is None
        await app.declared.put(ROOT, "odd", settings(stub.url))
        assert len(await app.declared.list(ROOT)) == 2

    run(tmp_path, story)


def test_who_was_erased_is_named_no_more_though_the_model_goes_on(tmp_path: Path) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        ada = Principal(id="ada-lovelace", roles=frozenset(Role))
        await app.declared.put(ada, "big", settings(stub.url), FIRST)
        await app.privacy.erase(ROOT, "ada-lovelace")
        (told,) = await app.declared.list(ROOT)
        assert told.key is not None
        assert "ada" not in told.model_dump_json()
        asked = AskRequest(question=QUESTION.question, model="big")
        assert (await app.ask(BOB, asked)).model == "big"
        assert stub.keys == [FIRST]

    run(tmp_path, story)
