"""The GitHub connector against a server on loopback that answers by GitHub's published schema."""

import json
import time

import pytest
from pydantic import ValidationError

from connectors.github import GitHubConfig, GitHubConnector
from rag.errors import DocumentFailed, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from tests.connectors.cases import SECRET, Made, VendorCases, fetched, listing, waits
from tests.connectors.vendor import LOOPBACK, Vendor

__all__ = ["waits"]
WEB = "https://github.example"


def user(login):
    return {"login": login, "id": 1}


class GitHub:
    """One repository, acme/app, whose items a test changes."""

    def __init__(self):
        self.items, self.comments, self.reviews, self.remarks = {}, {}, {}, {}
        self.most = 100

    def put(self, number, updated, body="", pull=False, **fields):
        self.items[number] = {
            "id": 1000 + number, "number": number, "title": f"Title {number}", "body": body,
            "state": "open", "user": user("ada"), "labels": [{"name": "bug"}], "milestone": None,
            "comments": len(self.comments.get(number, [])), "created_at": "2024-01-01T00:00:00Z",
            "updated_at": updated, "repository_url": "x",
            "html_url": f"{WEB}/acme/app/{'pull' if pull else 'issues'}/{number}",
            **({"pull_request": {"url": "x"}} if pull else {}), **fields,
        }  # fmt: skip

    def answer(self, asked):
        match asked.path.removeprefix("/api").split("/")[1:]:
            case ["repos", "acme", "app"]:
                return 200, {}, {"full_name": "acme/app", "open_issues_count": len(self.items)}
            case ["repos", "acme", "app", "issues"]:
                return self.page(asked, sorted(
                    (one for one in self.items.values()
                     if one["updated_at"] >= asked.query["since"]),
                    key=lambda one: (one["updated_at"], one["id"])))  # fmt: skip
            case ["repos", "acme", "app", "issues", number] if int(number) in self.items:
                return 200, {}, self.items[int(number)]
            case ["repos", "acme", "app", "issues", number, "comments"]:
                return self.page(asked, self.comments.get(int(number), []))
            case ["repos", "acme", "app", "pulls", number, "reviews"]:
                return self.page(asked, self.reviews.get(int(number), []))
            case ["repos", "acme", "app", "pulls", number, "comments"]:
                return self.page(asked, self.remarks.get(int(number), []))
        return 404, {}, {"message": "Not Found"}

    def page(self, asked, items):
        """As GitHub does, without what it takes for spam, so pages can be short."""
        size, page = int(asked.query["per_page"]), int(asked.query["page"])
        found, end = items[size * (page - 1) : size * page], size * page
        link = {"Link": f'<{WEB}/x?page={page + 1}>; rel="next"'} if end < len(items) else {}
        return 200, link, [one for one in found if not one.get("spam")]


@pytest.fixture
def github():
    return GitHub()


@pytest.fixture
def vendor(github):
    github.put(1, "2024-05-01T10:00:00Z", "First **issue**.")
    github.put(2, "2024-05-02T10:00:00Z", "A change.", pull=True)
    with Vendor(github.answer).up() as running:
        yield running


@pytest.fixture
def make(vendor):
    def connector(**config):
        given = {
            "repositories": ("acme/app",), "token": SECRET, "url": f"{vendor.url}/api",
            "networks": LOOPBACK,
        }  # fmt: skip
        return GitHubConnector(GitHubConfig.model_validate(given | config))

    return connector


@pytest.fixture
def made(vendor, make):
    return Made(vendor, make, "/api/repos/acme/app/issues", "/api/repos/acme/app/issues/1")


class TestContract(ConnectorContract):
    @pytest.fixture
    def source(self, github, vendor, make):
        return ConnectorSource(
            make=make,
            count=2,
            edit=lambda: github.put(1, "2024-06-01T10:00:00Z", "Edited."),
            remove=lambda: github.items.pop(1),
            broken=lambda: setattr(vendor, "answer", lambda _: (404, {}, {})),
        )


class TestRefusals(VendorCases):
    """See cases.py."""


def test_an_issue_is_a_page_of_markdown_with_its_comments(github, make):
    said = [("bob", "2024-05-03T00:00:00Z", "# Second\n\n```\n# code\n```"),
            (None, "2024-05-02T00:00:00Z", "First reply.")]  # fmt: skip
    github.comments[1] = [
        {"user": name and user(name), "created_at": at, "body": body} for name, at, body in said
    ]
    github.put(1, "2024-05-03T00:00:00Z", "It breaks.\n\n## Steps\n\nPress.")
    raw = fetched(make())[-1]
    assert (raw.title, raw.uri) == ("Title 1 (#1)", f"{WEB}/acme/app/issues/1")
    assert (raw.media_type, raw.name) == ("text/markdown", "app-1.md")
    assert raw.modified_at.isoformat() == "2024-05-03T00:00:00+00:00"
    assert raw.data.decode() == (
        "# Title 1 (#1)\n\nRepository: acme/app · Kind: issue · State: open · Author: ada · "
        "Labels: bug · Created: 2024-01-01\n\nIt breaks.\n\n### Steps\n\nPress.\n\n"
        "## Comment by ghost, 2024-05-02\n\nFirst reply.\n\n"
        "## Comment by bob, 2024-05-03\n\n### Second\n\n```\n# code\n```\n"
    )


def test_a_pull_request_has_its_reviews_and_their_remarks(github, make):
    review = {"user": user("eve"), "state": "CHANGES_REQUESTED", "body": "Not yet."}
    github.reviews[2] = [
        review | {"submitted_at": "2024-05-04T00:00:00Z"},
        review | {"submitted_at": None, "body": "still writing"},
        review | {"submitted_at": "2024-05-05T00:00:00Z", "body": "", "state": "APPROVED"},
    ]
    github.remarks[2] = [{"user": user("eve"), "created_at": "2024-05-03T00:00:00Z",
                          "body": "Why?", "path": "src/a.py"}]  # fmt: skip
    text = fetched(make(include=("pull_requests",)))[0].data.decode()
    assert "Kind: pull request" in text
    assert text.index("## Comment on src/a.py by eve, 2024-05-03\n\nWhy?") < text.index(
        "## Review (changes requested) by eve, 2024-05-04\n\nNot yet."
    )
    assert "still writing" not in text
    assert "approved" not in text


def test_all_comments_are_read_page_by_page(github, make):
    github.comments[1] = [
        {"user": user("bob"), "created_at": f"2024-05-03T00:{n // 60:02}:{n % 60:02}Z",
         "body": f"reply {n}."}
        for n in range(230)
    ]  # fmt: skip
    github.put(1, "2024-05-03T00:00:00Z")
    text = fetched(make(include=("issues",)))[0].data.decode()
    assert [f"reply {n}." in text for n in range(230)] == [True] * 230


def test_a_listing_goes_on_from_the_last_time_though_many_are_equal(github, vendor, make):
    for number in range(10, 500):
        github.put(number, f"2024-05-03T00:00:{'00' if number < 350 else number % 60:02}Z")
    keys = [one.key for one in listing(make()) if one.kind == "upsert"]
    assert len(keys) == len(set(keys)) == 492
    assert len(vendor.asked) < 20


def test_short_pages_are_not_the_last(github, make):
    for number in range(10, 320):
        github.put(number, f"2024-05-03T{number // 60:02}:{number % 60:02}:00Z", "x",
                   spam=number % 50 == 0)  # fmt: skip
    github.comments[1] = [
        {"user": user("bob"), "created_at": "2024-05-03T00:00:00Z", "body": f"reply {n}.",
         "spam": n == 5}
        for n in range(130)
    ]  # fmt: skip
    github.put(1, "2024-05-03T00:00:00Z")
    changes = listing(make())
    assert len([one for one in changes if one.kind == "upsert"]) == 312 - 6
    (change,) = [one for one in changes if one.key == "acme/app#1"]
    assert b"reply 129." in fetched(make(), change).data


def test_what_goes_meanwhile_hides_nothing(github, vendor, make):
    """With numbered pages, the 101st would slip into the page already read."""
    for number in range(10, 300):
        github.put(number, f"2024-05-03T{number // 60:02}:{number % 60:02}:00Z")
    answer = github.answer

    def answering(asked):
        reply = answer(asked)
        github.items.pop(1, None)
        return reply

    vendor.answer = answering
    assert len([one for one in listing(make()) if one.kind == "upsert"]) == 292


def test_the_next_sync_asks_only_for_what_changed(github, vendor, make):
    cursor = listing(make())[-1].cursor
    github.put(1, "2024-06-01T10:00:00Z")
    github.put(3, "2024-06-02T10:00:00Z")
    vendor.asked.clear()
    changes = listing(make(), cursor)
    assert [one.key for one in changes if one.kind == "upsert"][-2:] == ["acme/app#1", "acme/app#3"]
    assert vendor.asked[0].query["since"] == "2024-05-02T09:59:59Z"
    assert "2024-06-02T10:00:00" in changes[-1].cursor


def test_what_changed_while_it_was_listed_is_listed_by_the_next_sync(github, vendor, make):
    for number in range(10, 300):
        github.put(number, f"2024-05-03T{number // 60:02}:{number % 60:02}:00Z")
    answer = github.answer

    def answering(asked):
        reply = answer(asked)
        if github.items[1]["updated_at"] < "2024-05-03T03":
            github.put(1, "2024-05-03T03:30:00Z", "Edited.")
        return reply

    vendor.answer = answering
    cursor = listing(make())[-1].cursor
    changes = {one.key: one.revision for one in listing(make(), cursor)}
    assert changes["acme/app#1"] == "2024-05-03T03:30:00Z"


def test_an_issue_that_was_moved_to_another_repository_is_not_read_there(github, make):
    (change, *_) = listing(make())
    github.put(1, "2024-06-01T10:00:00Z", "secret", html_url=f"{WEB}/acme/private/issues/9")
    with pytest.raises(DocumentFailed, match="moved") as caught:
        fetched(make(), change)
    assert caught.value.reason == "vanished"


def test_a_spent_allowance_is_waited_for_if_it_returns_soon(made, vendor, make, waits):
    def spent(seconds):
        until = str(int(time.time()) + seconds)
        return 403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": until}, {"message": "rate"}

    vendor.first[f"GET {made.listing}"] = [spent(30)]
    assert listing(make())[-1].kind == "complete"
    assert 20 < waits[0] <= 30
    vendor.first[f"GET {made.listing}"] = [spent(3000)]
    with pytest.raises(SourceError, match="busy"):
        listing(make())
    assert len(waits) == 1


def test_a_repository_that_the_token_does_not_see_breaks_the_listing(make):
    with pytest.raises(SourceError, match="acme/other"):
        listing(make(repositories=("acme/app", "acme/other")))


def test_without_a_token_none_is_sent(vendor, make):
    listing(make(token=""))
    assert "Authorization" not in vendor.asked[0].headers


def test_several_repositories_have_a_cursor_each(make):
    cursor = json.loads(listing(make(repositories=("acme/app", "acme/app")))[-1].cursor)
    assert cursor == {"acme/app": "2024-05-02T10:00:00+00:00"}


@pytest.mark.parametrize(
    "config",
    [{"repositories": ()}, {"repositories": ("app",)}, {"repositories": ("a/b/c",)},
     {"repositories": ("../x",)}, {"repositories": ("a/..",)}, {"url": "http://example.com"},
     {"url": "https://u:p@example.com"}, {"include": ()}, {"include": ("wiki",)}],
)  # fmt: skip
def test_a_config_that_cannot_be_meant_is_refused(make, config):
    with pytest.raises(ValidationError):
        make(**config)
