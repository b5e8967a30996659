"""Groups are read with every question, and neither they nor anything else crosses domains."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.app import App
from rag.domain import init_pack
from rag.errors import InvalidInput, NotFound
from rag.types import AskRequest, Principal, Role, SearchRequest
from tests.app.test_app import ANNA, BOB, open_app, run, titles

SALARY = SearchRequest(query="salary of the director")
USERS = ("anna", "bob", "carol")
GROUPS = ("hr", "ops")


async def sees_pay(app: App, who: Principal) -> bool:
    """In a search, an answer and the list, which must agree."""
    listed = [one for one in await app.documents(who) if one.title == "pay.txt"]
    found = "pay.txt" in titles(await app.search(who, SALARY))
    answer = await app.ask(who, AskRequest(question="What is the salary of the director?"))
    assert found == bool(listed) == ("crowns" in answer.answer)
    return found


@pytest.mark.parametrize("rewritten", [False, True])
def test_membership_counts_from_the_next_question_on(tmp_path: Path, rewritten: bool) -> None:
    async def story(app: App) -> None:
        me = app.person(None)
        pay = next(one for one in await app.documents(ANNA) if one.title == "pay.txt")
        assert (await sees_pay(app, ANNA), await sees_pay(app, BOB)) == (True, False)
        await app.change_group(me, "hr", "anna", belongs=False)
        await app.change_group(me, "hr", "bob", belongs=True)
        if rewritten:
            await app.rebuild(me)
        # These say of themselves what they said before: it is not believed.
        assert (await sees_pay(app, ANNA), await sees_pay(app, BOB)) == (False, True)
        for read in (app.original, app.text):
            await read(BOB, pay.id, 1)
            with pytest.raises(NotFound):
                await read(ANNA, pay.id, 1)

    run(tmp_path, story)


def test_the_pack_counts_where_the_table_says_nothing(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        root = app.person("local")
        assert app.person("anna").groups == {"hr"}
        hr = await app.change_group(root, "hr", "bob", belongs=True)
        assert [(one.user, one.added_by) for one in hr.members] == [("anna", ""), ("bob", "local")]
        assert hr.members[1].added_at is not None
        assert app.person("anna").groups == {"hr"}, "another's row says nothing of her"
        await app.change_group(root, "hr", "anna", belongs=False)
        await app.change_group(root, "ops", "carol", belongs=True)
        assert app.person("anna").groups == frozenset()
        assert app.person("carol") == Principal(id="carol", groups=frozenset({"ops"}))
        found = {
            one.name: [member.user for member in one.members] for one in await app.groups(root)
        }
        assert found == {"hr": ["bob"], "ops": ["carol"], "staff": ["robin"]}
        assert app.person(None).groups == {"hr", "ops", "staff"}
        with pytest.raises(NotFound):
            app.person("mallory")
        with pytest.raises(NotFound):
            await app.search(Principal(id="mallory"), SALARY)
        for group, user in (("", "a"), ("a\nb", "a"), ("a", " a"), ("a", "x" * 101)):
            with pytest.raises(InvalidInput):
                await app.change_group(root, group, user, belongs=True)

    run(tmp_path, story, synced=False)


def test_only_a_member_is_known_beside_the_people_of_the_pack(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        root = app.person("local")
        await app.change_group(root, "hr", "mallory", belongs=False)
        with pytest.raises(NotFound):
            app.person("mallory")
        await app.change_group(root, "hr", "mallory", belongs=True)
        assert app.person("mallory").groups == {"hr"}
        await app.change_group(root, "hr", "mallory", belongs=False)
        with pytest.raises(NotFound):
            await app.search(Principal(id="mallory"), SALARY)
        assert app.person("bob").groups == frozenset(), "the pack's people stay known"

    run(tmp_path, story, synced=False)


def two(root: Path, story: Callable[[App], Awaitable[None]]) -> None:
    """A story in two domains, each with a document for everyone and one for each group."""
    init_pack(root / "other", "other")
    with (root / "other" / "pack.toml").open("a") as file:
        file.write('[[people]]\nid = "anna"\nroles = ["user", "data"]\n')

    async def told(app: App) -> None:
        for domain in ("test", "other"):
            folder = root / f"{domain}-docs"
            folder.mkdir()
            for name in ("all", *GROUPS):
                (folder / f"{name}.txt").write_text(f"The turbine of {domain} for {name}.")
            rules = [{"pattern": f"{one}.txt", "allow": [f"group:{one}"]} for one in GROUPS]
            config = {"path": str(folder), "readers": rules}
            me = app.person(None, domain)
            await app.add_source(me, connector="files", config=config, domain=domain)
            await app.sync(me, domain=domain)
        await story(app)

    async def opened() -> None:
        app = open_app(root, domains=("other",))
        try:
            await told(app)
        finally:
            await app.aclose()

    asyncio.run(opened())


async def all_seen(app: App, who: Principal, domain: str) -> set[str]:
    """Whatever any way of reading shows someone of a domain: what its documents say."""
    request = SearchRequest(query="turbine", domain=domain, limit=50)
    seen = {hit.payload.text for hit in (await app.search(who, request)).hits}
    listed = await app.documents(who, domain=domain)
    for one in listed:
        seen.add(await app.text(who, one.id, 1))
        seen.add((await app.original(who, one.id, 1)).data.decode())
    asked = AskRequest(question="Which turbine is there?", domain=domain)
    trace = await app.trace(who, (await app.ask(who, asked)).trace_id)
    assert {hit["doc_id"] for hit in trace["hits"]} == {one.id for one in listed}
    return seen


def test_a_group_of_the_same_name_in_another_domain_grants_nothing(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        me = app.person(None)
        await app.change_group(me, "ops", "bob", belongs=True, domain="other")
        assert await all_seen(app, BOB, "test") == {"The turbine of test for all."}
        assert await all_seen(app, BOB, "other") == {
            "The turbine of other for all.", "The turbine of other for ops.",
        }  # fmt: skip
        # Whose role is in one domain has none in the other.
        assert Role.DATA in app.person("anna", "other").roles
        assert app.person("anna", "test").roles == {Role.USER}
        answer = await app.ask(BOB, AskRequest(question="Which turbine is there?"))
        with pytest.raises(NotFound):
            await app.trace(app.person("anna", "other"), answer.trace_id)
        # Who is of no domain but this one reads nothing of the other, even what is for everyone.
        with pytest.raises(NotFound):
            await app.documents(app.person("eve"), domain="other")
        there = (await app.documents(me, domain="other"))[0]
        for read in (app.original, app.text):
            with pytest.raises(NotFound):
                await read(app.person("eve"), there.id, 1)

    two(tmp_path, story)


def test_nothing_crosses_domains_whoever_is_in_which_group(tmp_path: Path) -> None:
    memberships = st.fixed_dictionaries(
        {
            (domain, group, user): st.booleans()
            for domain in ("test", "other")
            for group in GROUPS
            for user in USERS
        }
    )

    async def holds(app: App, members: dict[tuple[str, str, str], bool], user: str) -> None:
        me = app.person(None)
        for (domain, group, one), belongs in members.items():
            await app.change_group(me, group, one, belongs=belongs, domain=domain)
        declared = {home: {one.id for one in app.pack(home).people} for home in ("test", "other")}
        known = [
            home
            for home in ("test", "other")
            if user in declared[home] or any(members[home, group, user] for group in GROUPS)
        ]
        # Whoever no domain knows is looked up nowhere; the others ask in both.
        for who in [app.person(user, home) for home in known]:
            for domain in ("test", "other"):
                if domain not in known:
                    with pytest.raises(NotFound):
                        await all_seen(app, who, domain)
                    continue
                allowed = {"all", *(one for one in GROUPS if members[domain, one, user])}
                expected = {f"The turbine of {domain} for {name}." for name in allowed}
                assert await all_seen(app, who, domain) == expected

    async def story(app: App) -> None:
        loop = asyncio.get_running_loop()

        @settings(
            max_examples=15,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(members=memberships, user=st.sampled_from(USERS))
        def property(members: dict[tuple[str, str, str], bool], user: str) -> None:
            asyncio.run_coroutine_threadsafe(holds(app, members, user), loop).result()

        await asyncio.to_thread(property)

    two(tmp_path, story)
