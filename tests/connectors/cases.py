"""What every connector of a vendor does when it is refused, put off, sent to a login page."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from connectors import _sdk
from rag.errors import DocumentFailed, Forbidden, RagError, SourceError
from rag.protocols import Connector
from rag.types import Change, Cursor
from tests.connectors.vendor import SIGN_IN, Vendor

SECRET = "hush-hush"


@dataclass
class Made:
    """A vendor that answers, a connector of it with SECRET as its credential, and where it asks:
    `listing` for documents and `document` for the one that is listed first."""

    vendor: Vendor
    make: Callable[..., Connector]
    listing: str
    document: str


def closing(connector, work):
    async def scenario():
        try:
            return await work(connector)
        finally:
            await connector.aclose()

    return asyncio.run(scenario())


def listing(connector, state=None):
    async def work(source):
        return [change async for change in source.discover(Cursor(value=state))]

    return closing(connector, work)


def fetched(connector, change=None):
    """One document, or all that are listed."""

    async def work(source):
        if change is not None:
            return await source.fetch(change)
        return [
            await source.fetch(one)
            async for one in source.discover(Cursor())
            if one.kind == "upsert"
        ]

    return closing(connector, work)


@pytest.fixture
def waits(monkeypatch):
    """How long was waited, without waiting."""
    seconds: list[float] = []
    monkeypatch.setattr(_sdk, "sleep", seconds.append)
    return seconds


class VendorCases:
    def first(self, made: Made) -> Change:
        return next(one for one in listing(made.make()) if one.kind == "upsert")

    def breaks(self, made: Made, error=SourceError) -> str:
        """Asks for a listing and for what it may read; neither says the secret."""
        with pytest.raises(error) as caught:
            listing(made.make())
        assert SECRET not in str(caught.value)
        return str(caught.value)

    def test_the_credentials_are_sent(self, made):
        listing(made.make())
        said = str([asked.headers for asked in made.vendor.asked])
        assert SECRET in said or "Basic " in said

    def test_a_busy_vendor_is_waited_for(self, made, waits):
        busy = (429, {"Retry-After": "7"}, {"message": "slow down"})
        made.vendor.first[f"GET {made.listing}"] = [busy, (503, {}, {})]
        assert listing(made.make())[-1].kind == "complete"
        assert waits == [7, 4]

    def test_one_that_stays_busy_is_given_up(self, made, waits):
        made.vendor.first[f"GET {made.listing}"] = [(429, {"Retry-After": "9999"}, {})] * 9
        assert "busy" in self.breaks(made)
        assert waits == [120] * 4

    @pytest.mark.parametrize("status", [401, 403])
    def test_revoked_credentials_break_the_listing(self, made, status):
        made.vendor.answer = lambda _: (status, {}, {"message": "Bad credentials"})
        assert "auth_error" in self.breaks(made)
        with pytest.raises(RagError, match="auth_error"):
            closing(made.make(), lambda source: source.check())

    def test_revoked_credentials_fail_a_document(self, made):
        change = self.first(made)
        made.vendor.first[f"GET {made.document}"] = [(401, {}, {})] * 9
        with pytest.raises(DocumentFailed) as caught:
            fetched(made.make(), change)
        assert caught.value.reason == "auth_error"

    def test_a_login_page_is_neither_a_listing_nor_a_document(self, made):
        change = self.first(made)
        made.vendor.answer = lambda _: (200, {}, SIGN_IN)
        assert "sign in" in self.breaks(made)
        with pytest.raises(DocumentFailed):
            fetched(made.make(), change)

    @pytest.mark.parametrize(
        "said", [{}, [1], {"results": {}, "issues": {}, "total": 0, "_links": {}}, None]
    )
    def test_an_answer_of_another_shape_never_completes(self, made, said):
        made.vendor.answer = lambda _: (200, {}, said)
        self.breaks(made)

    def test_a_document_that_went_meanwhile_is_tried_later(self, made):
        change = self.first(made)
        made.vendor.first[f"GET {made.document}"] = [(404, {}, {"message": "Not Found"})] * 9
        with pytest.raises(DocumentFailed) as caught:
            fetched(made.make(), change)
        assert caught.value.reason == "vanished"

    def test_a_private_address_is_not_contacted(self, made):
        with pytest.raises(Forbidden, match="not a public address"):
            listing(made.make(networks=()))
        with pytest.raises(Forbidden):
            closing(made.make(networks=()), lambda source: source.check())
        assert made.vendor.asked == []

    def test_readers_are_those_of_the_source(self, made):
        changes = listing(made.make(readers=("group:staff",)))
        assert {one.readers for one in changes if one.kind == "upsert"} == {
            frozenset({"group:staff"})
        }

    def test_an_unreadable_cursor_begins_anew(self, made):
        before = [(one.kind, one.key, one.revision) for one in listing(made.make())]
        for state in ("nonsense", "[]", '{"a": 1}', "2024"):
            after = listing(made.make(), state)
            assert [(one.kind, one.key, one.revision) for one in after] == before
