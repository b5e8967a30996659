"""The Slack connector against a workspace of our own, whose answers follow Slack's schema."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from connectors import slack
from connectors.slack import SlackConfig, SlackConnector
from rag import plugins
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor
from tests.connectors.vendor import LOOPBACK, SIGN_IN, Vendor

TOKEN = "xoxb-s3cret"
NOW = datetime(2024, 5, 20, 12, tzinfo=UTC)


def ts(days_ago=0, number=0):
    return f"{int((NOW - timedelta(days=days_ago)).timestamp())}.{number:06}"


class Workspace(Vendor):
    """Channels with messages and threads; two items to a page."""

    def __init__(self):
        super().__init__(answer=self.reply)
        self.token = TOKEN
        self.channels = {
            "C1": {"id": "C1", "name": "general", "is_member": True, "is_private": False},
            "C2": {"id": "C2", "name": "board", "is_member": True, "is_private": True},
            "C3": {"id": "C3", "name": "elsewhere", "is_member": False, "is_private": False},
        }
        self.people = {
            "U1": {"id": "U1", "profile": {"display_name": "Ann", "email": "Ann@x.y"}},
            "U2": {"id": "U2", "profile": {"real_name": "Ben", "email": "ben@x.y"}},
            "U3": {"id": "U3", "name": "bot", "profile": {}},
        }
        self.members = {"C2": ["U1", "U2", "U3"]}
        self.messages = {"C1": [], "C2": [], "C3": []}
        self.threads = {}

    def say(self, channel, when, text, user="U1", **more):
        message = {"type": "message", "ts": when, "user": user, "text": text} | more
        self.messages[channel].append(message)
        return message

    def answer_in_thread(self, parent, when, text, user="U2"):
        thread = self.threads.setdefault(parent["ts"], [parent])
        thread.append({"type": "message", "ts": when, "thread_ts": parent["ts"], "user": user,
                       "text": text})  # fmt: skip
        parent |= {"thread_ts": parent["ts"], "reply_count": len(thread) - 1}

    def reply(self, asked):
        if asked.headers.get("Authorization") != f"Bearer {self.token}":
            return 200, {}, {"ok": False, "error": "invalid_auth"}
        query, channel = asked.query, asked.query.get("channel", "")
        if channel and channel not in self.channels:
            return 200, {}, {"ok": False, "error": "channel_not_found"}
        match asked.path:
            case "/auth.test":
                return 200, {}, {"ok": True, "url": "https://team.slack.com/", "team": "Team"}
            case "/users.list":
                return self.page("members", list(self.people.values()), query)
            case "/conversations.list":
                return self.page("channels", list(self.channels.values()), query)
            case "/conversations.members":
                return self.page("members", self.members[channel], query)
            case "/conversations.info":
                return 200, {}, {"ok": True, "channel": self.channels[channel]}
            case "/conversations.history":
                if not self.channels[channel]["is_member"]:
                    return 200, {}, {"ok": False, "error": "not_in_channel"}
                found = [
                    one
                    for one in self.messages[channel]
                    if query["oldest"] <= one["ts"] <= query.get("latest", "9")
                ]
                found.sort(key=lambda one: one["ts"], reverse=True)
                return self.page("messages", found, query)
            case "/conversations.replies":
                if query["ts"] not in self.threads:
                    return 200, {}, {"ok": False, "error": "thread_not_found"}
                return self.page("messages", self.threads[query["ts"]], query)
        return 200, {}, {"ok": False, "error": "unknown_method"}

    @staticmethod
    def page(name, found, query):
        skip = int(query.get("cursor") or 0)
        following = str(skip + 2) if skip + 2 < len(found) else ""
        page = {"ok": True, name: found[skip : skip + 2]}
        return 200, {}, page | {"response_metadata": {"next_cursor": following}}


@pytest.fixture
def team(monkeypatch):
    monkeypatch.setattr(slack, "utc_now", lambda: NOW)
    with Workspace().up() as running:
        running.say("C1", ts(2), "Hello all")
        running.say("C1", ts(2, 1), "The <https://x.y/?a=1&amp;b|menu> is out", user="U2")
        running.say("C1", ts(1), "joined", subtype="channel_join")
        question = running.say("C1", ts(1, 1), "Where is <@U2>?\nAsking for <#C2|board>.")
        running.answer_in_thread(question, ts(0), "At lunch.")
        running.say("C2", ts(40), "Secret plans")
        yield running


def connector(team, waits=None, **changed):
    async def sleep(seconds):
        if waits is not None:
            waits.append(seconds)

    basic = {"token": TOKEN, "api_url": team.url, "networks": LOOPBACK}
    return SlackConnector(SlackConfig(**(basic | changed)), sleep=sleep)


def run(source, work):
    async def closing():
        try:
            return await work(source)
        finally:
            await source.aclose()

    return asyncio.run(closing())


def listing(team, cursor=None, waits=None, **changed):
    async def work(source):
        return [change async for change in source.discover(Cursor(value=cursor))]

    return run(connector(team, waits, **changed), work)


def documents(team, **changed):
    async def work(source):
        changes = [one async for one in source.discover(Cursor()) if one.kind == "upsert"]
        return {one.key: await source.fetch(one) for one in changes}

    return run(connector(team, **changed), work)


def fetch(team, key, **changed):
    change = Change(kind="upsert", key=key, uri=f"https://x/{key}", revision="1")
    return run(connector(team, **changed), lambda source: source.fetch(change))


def listed(changes, kind="upsert"):
    return {one.key: one for one in changes if one.kind == kind}


GENERAL, THREAD, BOARD = "C1/2024-05-18", f"C1/{ts(1, 1)}", "C2/2024-04-10"


class TestSlackContract(ConnectorContract):
    @pytest.fixture
    def source(self, team):
        def broken():
            team.token = "another"

        return ConnectorSource(
            make=lambda: connector(team),
            count=3,
            edit=lambda: team.threads[ts(1, 1)][1].update(text="Back now."),
            remove=lambda: team.messages["C2"].clear(),
            broken=broken,
        )


def test_a_day_is_a_document_and_so_is_a_thread(team):
    found = documents(team)
    assert set(found) == {GENERAL, THREAD, BOARD}
    day, thread = found[GENERAL], found[THREAD]
    assert day.title == "#general, 2024-05-18"
    assert day.uri == f"https://team.slack.com/archives/C1/p{ts(2).replace('.', '')}"
    assert "<p><strong>Ann</strong>, 2024-05-18 12:00: Hello all</p>" in day.data.decode()
    assert '<a href="https://x.y/?a=1&amp;b">menu</a>' in day.data.decode()
    assert thread.title == "#general: Where is @Ben?"
    assert ": Where is @Ben?<br>Asking for #board.</p>" in thread.data.decode()
    assert "<strong>Ben</strong>, 2024-05-20 12:00: At lunch." in thread.data.decode()
    assert "<h2" not in thread.data.decode()  # or question and answer would be cut apart
    assert thread.modified_at == NOW


def test_what_people_write_stays_text(team):
    team.say("C1", ts(0, 5), "<script>alert(1)</script> &lt;b&gt; <javascript:x|y> ```a < b```")
    text = documents(team)["C1/2024-05-20"].data.decode()
    assert "<script" not in text
    assert "javascript" not in text
    assert "&lt;b&gt;" in text
    assert "<pre>a &lt; b</pre>" in text


def test_what_apps_post_and_what_files_are_called_is_read(team):
    posted = {"subtype": "bot_message", "username": "CI", "attachments": [{"fallback": "Build 7"}]}
    team.say("C1", ts(0, 1), "", user="", **posted)
    team.say("C1", ts(0, 2), "", files=[{"title": "Plan <1>"}], subtype="file_share")
    text = documents(team)["C1/2024-05-20"].data.decode()
    assert "<strong>CI</strong>, 2024-05-20 12:00: Build 7</p>" in text
    assert "File: Plan &lt;1&gt;</p>" in text


def test_members_of_a_private_channel_are_its_readers(team):
    changes = listed(listing(team, readers=("group:staff",)))
    assert changes[GENERAL].readers == {"group:staff"}
    assert changes[BOARD].readers == {"user:ann@x.y", "user:ben@x.y"}


def test_unknown_members_end_the_listing_rather_than_let_everybody_in(team):
    for one in team.people.values():
        one["profile"].pop("email", None)
    with pytest.raises(SourceError, match=r"users:read\.email"):
        listing(team)


def test_from_a_cursor_on_only_the_last_days_are_read(team):
    cursor = listing(team)[-1].cursor
    team.say("C1", ts(0, 9), "News")
    assert set(listed(listing(team, cursor))) == {GENERAL, THREAD, "C1/2024-05-20"}


def test_a_member_who_left_counts_for_all_that_was_ever_written(team):
    cursor = listing(team)[-1].cursor
    team.members["C2"] = ["U1"]
    changes = listing(team, cursor)
    assert listed(changes)[BOARD].readers == {"user:ann@x.y"}
    assert BOARD not in listed(listing(team, changes[-1].cursor))


def test_a_day_of_which_nothing_is_left_is_deleted(team):
    cursor = listing(team)[-1].cursor
    team.messages["C1"] = [one for one in team.messages["C1"] if "reply_count" in one]
    changes = listing(team, cursor)
    assert GENERAL in listed(changes, "delete")
    assert THREAD not in listed(changes, "delete")
    assert BOARD not in listed(changes, "delete")


def test_a_channel_that_is_gone_leaves_the_next_listing_full(team):
    cursor = listing(team)[-1].cursor
    del team.channels["C2"]
    assert listing(team, cursor)[-1].cursor is None
    assert listing(team)[-1].cursor


def test_old_messages_may_be_left_out(team):
    assert set(listed(listing(team, since_days=30))) == {GENERAL, THREAD}


def test_channels_may_be_chosen(team):
    assert set(listed(listing(team, channels=("#board",)))) == {BOARD}
    with pytest.raises(SourceError, match="no channel 'nowhere'"):
        listing(team, channels=("nowhere",))
    with pytest.raises(SourceError, match="Invite it"):
        listing(team, channels=("elsewhere",))


def test_a_busy_slack_is_waited_for_within_bounds(team):
    waits = []
    busy = (429, {"Retry-After": "30"}, {"ok": False, "error": "ratelimited"})
    team.first["GET /conversations.history"] = [busy, (503, {"Retry-After": "999999"}, "")]
    assert len(listed(listing(team, waits=waits))) == 3
    assert waits == [30, 120]
    team.first["GET /conversations.history"] = [busy] * 5
    with pytest.raises(SourceError, match="too busy"):
        listing(team)


def test_a_refused_token_is_an_auth_error_without_the_token(team):
    team.token = "changed"
    with pytest.raises(SourceError, match=r"invalid_auth \(auth_error\)") as caught:
        listing(team)
    assert TOKEN not in str(caught.value)
    with pytest.raises(DocumentFailed) as failed:
        fetch(team, GENERAL)
    assert failed.value.reason == "auth_error"
    assert TOKEN not in repr(connector(team).config)


@pytest.mark.parametrize(
    "body", [SIGN_IN, b"", {"ok": True}, {"ok": False, "error": "fatal_error"}]
)
def test_what_is_no_listing_ends_it(team, body):
    team.first["GET /conversations.history"] = [(200, {}, body)]
    with pytest.raises(SourceError):
        listing(team)


def test_a_document_fetched_later_is_read_again(team):
    whole = documents(team)
    for key in (GENERAL, THREAD, BOARD):
        assert fetch(team, key).data == whole[key].data
    team.messages["C1"].clear()
    team.threads.clear()
    for key in (GENERAL, THREAD, "C9/2024-05-18"):
        with pytest.raises(DocumentFailed) as caught:
            fetch(team, key)
        assert caught.value.reason == "vanished"


def test_a_thread_that_vanishes_while_all_is_listed_is_left_out(team):
    team.threads.clear()
    changes = listing(team)
    assert set(listed(changes)) == {GENERAL, BOARD}
    assert changes[-1].kind == "complete"


def test_addresses_that_are_not_allowed_are_not_contacted(team):
    with pytest.raises(Forbidden):
        listing(team, networks=())
    with pytest.raises(DocumentRejected) as caught:
        fetch(team, GENERAL, networks=())
    assert caught.value.reason == "blocked_address"
    assert team.asked == []


def test_the_form_refuses_an_open_address():
    with pytest.raises(ConfigError, match="https"):
        plugins.connector("slack", {"token": "x", "api_url": "http://slack.example.org"})
    assert isinstance(plugins.connector("slack", {"token": "x"}), SlackConnector)
