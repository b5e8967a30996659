"""The Jira connector, Cloud and Server, against a server on loopback that answers by Atlassian's
published schema."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from connectors._sdk import when
from connectors.jira import JiraConfig, JiraConnector
from rag.errors import DocumentFailed, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from tests.connectors.cases import SECRET, Made, VendorCases, fetched, listing, waits
from tests.connectors.vendor import LOOPBACK, Vendor

__all__ = ["waits"]


def ago(**span):
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


class Jira:
    """The issues of HELP, which a test changes; `most` are on a page."""

    def __init__(self):
        self.issues, self.comments, self.most, self.known = {}, {}, 100, True

    def put(self, number, updated, html="<p>Text.</p>", **fields):
        self.issues[number] = {
            "id": str(1000 + number), "key": f"HELP-{number}",
            "fields": {
                "summary": f"Title {number}", "issuetype": {"name": "Bug"},
                "status": {"name": "Open"}, "priority": None, "resolution": None,
                "labels": ["net"], "components": [{"name": "VPN"}],
                "reporter": {"displayName": "Ada"}, "assignee": None, "security": None,
                "created": "2024-01-01T00:00:00.000+0000", "updated": updated, **fields,
            },
            "renderedFields": {"description": html},
        }  # fmt: skip

    def answer(self, asked):
        match asked.path.split("/")[4:]:
            case ["myself"] if not self.known:
                return 401, {}, {"message": "Client must be authenticated"}
            case ["myself"]:
                return 200, {}, {"accountId": "a-1", "displayName": "Ada"}
            case ["search"]:
                found, start = self.found(asked), int(asked.query["startAt"])
                return 200, {}, {"issues": found[start : start + self.most], "startAt": start,
                                 "maxResults": self.most, "total": len(found)}  # fmt: skip
            case ["search", "jql"]:
                found, start = self.found(asked), int(asked.query.get("nextPageToken", "0"))
                end = start + self.most
                more = {"nextPageToken": str(end)} if end < len(found) else {"isLast": True}
                return 200, {}, {"issues": found[start:end], **more}
            case ["issue", id] if int(id) - 1000 in self.issues:
                return 200, {}, self.issues[int(id) - 1000]
            case ["issue", id, "comment"]:
                said, start = self.comments.get(int(id) - 1000, []), int(asked.query["startAt"])
                return 200, {}, {"comments": said[start : start + 2], "startAt": start,
                                 "maxResults": 2, "total": len(said)}  # fmt: skip
        return 404, {}, {"errorMessages": ["Not found"], "errors": {}}

    def found(self, asked):
        assert asked.query["jql"].endswith(" ORDER BY created ASC, key ASC")
        issues = [self.issues[number] for number in sorted(self.issues)]
        if minutes := re.search(r'updated >= "-(\d+)m"', asked.query["jql"]):
            since = datetime.now(UTC) - timedelta(minutes=int(minutes[1]))
            issues = [one for one in issues if when(one["fields"]["updated"]) >= since]
        return issues


@pytest.fixture
def jira():
    return Jira()


@pytest.fixture
def vendor(jira):
    jira.put(1, ago(days=3))
    jira.put(2, ago(days=2))
    with Vendor(jira.answer).up() as running:
        yield running


@pytest.fixture(params=["cloud", "server"])
def deployment(request):
    return request.param


@pytest.fixture
def make(vendor, deployment):
    def connector(**config):
        given = {
            "url": vendor.url, "deployment": deployment, "token": SECRET, "projects": ("HELP",),
            "networks": LOOPBACK, **({"username": "ada@acme.com"} if deployment == "cloud" else {}),
        }  # fmt: skip
        return JiraConnector(JiraConfig.model_validate(given | config))

    return connector


@pytest.fixture
def made(vendor, make, deployment):
    search = "/rest/api/2/search" + ("/jql" if deployment == "cloud" else "")
    return Made(vendor, make, search, "/rest/api/2/issue/1001")


class TestContract(ConnectorContract):
    @pytest.fixture
    def source(self, jira, vendor, make):
        return ConnectorSource(
            make=make,
            count=2,
            edit=lambda: jira.put(1, ago(days=1)),
            remove=lambda: jira.issues.pop(1),
            broken=lambda: setattr(vendor, "answer", lambda _: (404, {}, {})),
        )


class TestRefusals(VendorCases):
    """See cases.py."""


def comment(author, text, **fields):
    return {"id": text, "author": {"displayName": author}, "renderedBody": f"<p>{text}</p>",
            "created": "2024-05-01T10:00:00.000+0200", **fields}  # fmt: skip


def test_an_issue_is_a_page_with_the_comments_that_everybody_sees(jira, make, vendor):
    jira.comments[1] = [
        comment("Bob", "one"), comment("Bob", "two"), comment("Bob", "three"),
        comment("Eve", "role only", visibility={"type": "role", "value": "Admins"}),
        comment("Eve", "agents only", jsdPublic=False), comment("Bob", "six", jsdPublic=True),
    ]  # fmt: skip
    jira.put(1, "2024-05-02T10:00:00.000+0200", "<h2>Steps</h2><p>Press &amp; wait.</p>")
    raw = fetched(make())[0]
    text = raw.data.decode()
    assert (raw.key, raw.uri) == ("1001", f"{vendor.url}/browse/HELP-1")
    assert (raw.title, raw.name) == ("HELP-1 Title 1", "HELP-1.html")
    assert raw.modified_at.isoformat() == "2024-05-02T08:00:00+00:00"
    assert "<h1>HELP-1 Title 1</h1>" in text
    assert (
        "<p>Type: Bug · Status: Open · Reporter: Ada · Labels: net · Components: VPN · "
        "Created: 2024-01-01</p>" in text
    )
    assert "<h2>Steps</h2><p>Press &amp; wait.</p>" in text
    shown = [word for word in ("one", "two", "three", "role", "agents", "six") if word in text]
    assert shown == ["one", "two", "three", "six"]
    assert "<h2>Comment by Bob, 2024-05-01</h2>" in text


def test_all_pages_are_read(jira, make):
    jira.most = 3
    for number in range(3, 12):
        jira.put(number, ago(days=1))
    assert [one.key for one in listing(make())][:-1] == [str(1001 + n) for n in range(11)]


def test_the_next_sync_asks_for_what_was_updated(jira, make):
    cursor = listing(make())[-1].cursor
    jira.put(1, ago(minutes=1))
    jira.put(3, ago(minutes=1))
    assert [one.key for one in listing(make(), cursor)][:-1] == ["1001", "1002", "1003"]
    cursor = listing(make(), cursor)[-1].cursor
    assert [one.key for one in listing(make(), cursor)][:-1] == ["1001", "1003"]


def test_a_cursor_is_never_later_than_the_beginning_of_its_listing(jira, make):
    before = datetime.now(UTC)
    jira.put(3, ago(minutes=-30))
    assert before <= when(listing(make())[-1].cursor) <= datetime.now(UTC)


@pytest.mark.parametrize("deployment", ["server"], indirect=True)
def test_an_issue_that_vanishes_while_others_are_listed_breaks_the_listing(jira, vendor, make):
    """Else the one that takes its place would be passed over, and deleted."""
    jira.most = 3
    for number in range(3, 12):
        jira.put(number, ago(days=1))
    answer = jira.answer

    def answering(asked):
        reply = answer(asked)
        if asked.query.get("startAt") == "2":
            jira.issues.pop(1, None)
        return reply

    vendor.answer = answering
    with pytest.raises(SourceError, match="changed while it was read"):
        listing(make())


def test_a_token_that_no_longer_counts_is_no_empty_listing(jira, make):
    jira.known = False
    jira.issues.clear()
    with pytest.raises(SourceError, match="auth_error"):
        listing(make())


def test_an_issue_with_a_security_level_is_left_out_also_when_it_gets_one(jira, make):
    first, *_ = before = listing(make())
    jira.put(1, ago(minutes=1), security={"name": "Staff"})
    for state in (None, before[-1].cursor):
        change = listing(make(), state)[0]
        assert (change.kind, change.key) == ("delete", "1001")
    with pytest.raises(DocumentFailed) as caught:
        fetched(make(), first)
    assert caught.value.reason == "changing"
    raw, other = fetched(make(restricted_readers=("group:staff",)))
    assert (raw.readers, other.readers) == ({"group:staff"}, {"everyone"})


def test_an_issue_that_was_moved_is_not_read_where_it_is_now(jira, make):
    first, *_ = listing(make())
    jira.issues[1]["key"] = "SECRET-7"
    with pytest.raises(DocumentFailed, match="moved") as caught:
        fetched(make(), first)
    assert caught.value.reason == "vanished"


def test_a_bad_jql_is_said_in_the_words_of_the_vendor(vendor, make, made):
    said = {"errorMessages": ["Field 'colour' does not exist."], "errors": {}}
    vendor.first[f"GET {made.listing}"] = [(400, {}, said)]
    with pytest.raises(SourceError, match="'colour' does not exist"):
        listing(make(jql="colour = red"))


def test_projects_and_jql_are_both_asked_for(vendor, make):
    listing(make(projects=("HELP", "OPS"), jql="type = Bug OR type = Task"))
    assert (
        vendor.asked[-1]
        .query["jql"]
        .startswith('project in ("HELP", "OPS") AND (type = Bug OR type = Task) ORDER BY ')
    )


@pytest.mark.parametrize(
    "config",
    [{"projects": ()}, {"projects": ('A") OR (1=1',)}, {"jql": "a = b Order  by c"},
     {"url": "http://example.com"}, {"token": "", "username": "ada"}],
)  # fmt: skip
def test_a_config_that_cannot_be_meant_is_refused(make, config):
    with pytest.raises(ValidationError):
        make(**config)
