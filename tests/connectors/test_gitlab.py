"""The GitLab connector against a server on loopback that answers by GitLab's published schema."""

import pytest
from pydantic import ValidationError

from connectors._sdk import when
from connectors.gitlab import GitLabConfig, GitLabConnector
from rag.errors import DocumentFailed, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change
from tests.connectors.cases import SECRET, Made, VendorCases, fetched, listing, waits
from tests.connectors.vendor import LOOPBACK, Vendor

__all__ = ["waits"]
WEB = "https://gitlab.example/team/app"
PROJECT = "/api/v4/projects/team%2Fapp"


class GitLab:
    """One project, team/app, whose items a test changes."""

    def __init__(self):
        self.project = {"id": 7, "web_url": WEB, "path_with_namespace": "team/app",
                        "issues_enabled": True, "merge_requests_enabled": True,
                        "wiki_enabled": True}  # fmt: skip
        self.issues, self.merge_requests, self.wikis, self.notes = {}, {}, {}, {}

    def put(self, kind, number, updated, text="", **fields):
        getattr(self, kind)[number] = {
            "id": 100 + number, "iid": number, "title": f"Title {number}", "description": text,
            "state": "opened", "author": {"username": "ada"}, "labels": ["bug"], "milestone": None,
            "created_at": "2024-01-01T00:00:00.000Z", "updated_at": updated,
            "web_url": f"{WEB}/-/{kind}/{number}", **fields,
        }  # fmt: skip

    def page(self, slug, content, form="markdown"):
        title = slug.rpartition("/")[2].title()
        self.wikis[slug] = {
            "slug": slug, "title": title, "content": content, "format": form, "encoding": "UTF-8"
        }  # fmt: skip

    def answer(self, asked):
        match asked.path.removeprefix(PROJECT).split("/")[1:]:
            case []:
                return 200, {}, self.project
            case [("issues" | "merge_requests") as kind]:
                return self.pages(asked, sorted(
                    (one for one in getattr(self, kind).values()
                     if when(one["updated_at"]) >= when(asked.query["updated_after"])),
                    key=lambda one: (one["updated_at"], one["id"])))  # fmt: skip
            case ["wikis"]:
                return 200, {}, list(self.wikis.values())
            case ["wikis", slug] if slug.replace("%2F", "/") in self.wikis:
                return 200, {}, self.wikis[slug.replace("%2F", "/")]
            case [kind, number] if int(number) in getattr(self, kind, {}):
                return 200, {}, getattr(self, kind)[int(number)]
            case [kind, number, "notes"]:
                return self.pages(asked, self.notes.get((kind, int(number)), []))
        return 404, {}, {"message": "404 Not found"}

    def pages(self, asked, items):
        """As GitLab does, without what one may not see, so pages can be short."""
        size, page = int(asked.query["per_page"]), int(asked.query["page"])
        found, end = items[size * (page - 1) : size * page], size * page
        link = {"Link": f'<{WEB}/x?page={page + 1}>; rel="next"'} if end < len(items) else {}
        return 200, link, [one for one in found if not one.get("hidden")]


def note(author, created, body, **fields):
    return {"author": {"username": author}, "created_at": created, "body": body,
            "system": False, **fields}  # fmt: skip


@pytest.fixture
def gitlab():
    return GitLab()


@pytest.fixture
def vendor(gitlab):
    gitlab.put("issues", 1, "2024-05-01T10:00:00.500Z", "First.")
    gitlab.put("merge_requests", 2, "2024-05-02T10:00:00.000Z", "A change.")
    gitlab.page("guides/home", "# Welcome\n\nTo all.")
    with Vendor(gitlab.answer).up() as running:
        yield running


@pytest.fixture
def make(vendor):
    def connector(**config):
        given = {
            "projects": ("team/app",), "token": SECRET, "url": vendor.url, "networks": LOOPBACK
        }  # fmt: skip
        return GitLabConnector(GitLabConfig.model_validate(given | config))

    return connector


@pytest.fixture
def made(vendor, make):
    return Made(vendor, make, f"{PROJECT}/issues", f"{PROJECT}/issues/1")


class TestContract(ConnectorContract):
    @pytest.fixture
    def source(self, gitlab, vendor, make):
        return ConnectorSource(
            make=make,
            count=3,
            edit=lambda: gitlab.page("guides/home", "# Welcome\n\nEdited."),
            remove=lambda: gitlab.issues.pop(1),
            broken=lambda: setattr(vendor, "answer", lambda _: (404, {}, {})),
        )


class TestRefusals(VendorCases):
    """See cases.py."""


def test_an_issue_is_markdown_with_the_notes_that_people_wrote_for_all(gitlab, make):
    gitlab.notes["issues", 1] = [
        note("bob", "2024-05-02T00:00:00Z", "A reply."),
        note("bot", "2024-05-02T00:00:00Z", "changed the label", system=True),
        note("eve", "2024-05-02T00:00:00Z", "For the team only.", internal=True),
    ]
    raw = fetched(make())[0]
    assert (raw.key, raw.uri) == ("team/app#1", f"{WEB}/-/issues/1")
    assert raw.data.decode() == (
        "# Title 1 (#1)\n\nProject: team/app · Kind: issue · State: opened · Author: ada · "
        "Labels: bug · Created: 2024-01-01\n\nFirst.\n\n## Comment by bob, 2024-05-02\n\nA reply.\n"
    )


def test_a_merge_request_and_a_wiki_page_are_markdown(gitlab, make):
    gitlab.notes["merge_requests", 2] = [
        note("bob", "2024-05-02T00:00:00Z", f"remark {n}.", hidden=n == 5) for n in range(150)
    ]
    _, merge, wiki = fetched(make())
    assert merge.title == "Title 2 (!2)"
    assert "remark 149." in merge.data.decode()
    assert (wiki.key, wiki.name) == ("team/app//guides/home", "home.md")
    assert wiki.uri == f"{WEB}/-/wikis/guides/home"
    assert wiki.data == b"# Home\n\n## Welcome\n\nTo all.\n"


def test_a_wiki_that_is_no_list_is_not_an_empty_one(vendor, make):
    vendor.first[f"GET {PROJECT}/wikis"] = [(200, {}, {})]
    with pytest.raises(SourceError, match="no list"):
        listing(make())


def test_a_wiki_page_in_another_markup_is_left_as_it_is(gitlab, make):
    gitlab.wikis.clear()
    gitlab.page("a", "* Org", "org")
    gitlab.page("b", "= Doc", "asciidoc")
    found = [(one.data, one.media_type) for one in fetched(make(include=("wikis",)))]
    assert found == [(b"* Org", "text/org"), (b"= Doc", "text/plain")]


def test_the_next_sync_asks_for_what_changed_and_compares_the_wiki(gitlab, vendor, make):
    cursor = listing(make())[-1].cursor
    gitlab.put("issues", 3, "2024-06-01T10:00:00.000Z")
    vendor.asked.clear()
    keys = [one.key for one in listing(make(), cursor) if one.kind == "upsert"]
    assert keys == ["team/app#1", "team/app#3", "team/app!2", "team/app//guides/home"]
    asked = [one.query["updated_after"] for one in vendor.asked if "updated_after" in one.query]
    assert asked[0] == "2024-05-01T09:59:59Z"
    assert "2024-05-02T09:59:59Z" in asked


def test_a_confidential_issue_is_left_out_also_when_it_becomes_one(gitlab, make):
    first, *_ = before = listing(make())
    gitlab.put("issues", 1, "2024-06-01T10:00:00.000Z", "Secret.", confidential=True)
    for state in (None, before[-1].cursor):
        change = listing(make(), state)[0]
        assert (change.kind, change.key) == ("delete", "team/app#1")
    with pytest.raises(DocumentFailed, match="Who may read") as caught:
        fetched(make(), first)
    assert caught.value.reason == "changing"


def test_a_confidential_issue_is_read_for_those_who_may(gitlab, make):
    gitlab.put("issues", 1, "2024-06-01T10:00:00.000Z", "Secret.", confidential=True)
    raw, other, *_ = fetched(make(confidential_readers=("group:core",)))
    assert raw.readers == {"group:core"}
    assert b"Secret." in raw.data
    assert other.readers == {"everyone"}


def test_what_a_project_has_switched_off_is_not_asked_for(gitlab, vendor, make):
    gitlab.project |= {"issues_enabled": False, "wiki_enabled": False}
    assert [one.key for one in listing(make())] == ["team/app!2", ""]
    assert not vendor.count(f"{PROJECT}/issues")


def test_a_page_elsewhere_is_not_followed(gitlab, vendor, make):
    """A project that answers from another server would be sent the token."""
    with Vendor(gitlab.answer).up() as other:
        moved = (302, {"Location": f"{other.url}{PROJECT}"}, b"")
        vendor.first[f"GET {PROJECT}"] = [moved]
        listing(make())
        assert SECRET not in str([one.headers for one in other.asked])


def test_a_project_that_the_token_does_not_see_breaks_the_listing(make):
    with pytest.raises(SourceError, match="team/other"):
        listing(make(projects=("team/app", "team/other")))


def test_a_key_says_what_it_is_of(make):
    for key in ("team/app#9", "team/app!9", "team/app//9"):
        with pytest.raises(DocumentFailed, match="is gone"):
            fetched(make(), Change(kind="upsert", key=key, uri=f"{WEB}/9", revision="x"))


@pytest.mark.parametrize(
    "config",
    [{"projects": ()}, {"projects": ("app",)}, {"projects": ("/team/app",)},
     {"projects": ("team//app",)}, {"url": "http://example.com"}, {"include": ("code",)}],
)  # fmt: skip
def test_a_config_that_cannot_be_meant_is_refused(make, config):
    with pytest.raises(ValidationError):
        make(**config)
