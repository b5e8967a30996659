"""What is kept of people: told to them, and erased; and documents that are erased on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from rag.app.accounts import Accounts
from rag.app.domains import Domains
from rag.app.parts import Parts, Sweep
from rag.app.people import People
from rag.app.runs import Runs
from rag.app.traces import Traces
from rag.errors import Forbidden, NotFound, RagError
from rag.people import Caller, checked_name
from rag.store import compacting, forgetting
from rag.store.erasing import Contents, Erased
from rag.store.exporting import Row, theirs, told
from rag.store.forgetting import Forgotten
from rag.store.holdings import Holding
from rag.store.models import TraceRow
from rag.types import Principal, SourceInfo

FORMAT = 1
Page = tuple[Holding, Sequence[Row]]


class Privacy:
    """The verbs of a person's data."""

    def __init__(
        self,
        parts: Parts,
        domains: Domains,
        accounts: Accounts,
        people: People,
        traces: Traces,
        runs: Runs,
        sweeps: Sequence[Sweep],
        tainted: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """`tainted`: the models that learned from what is withdrawn by now."""
        self._parts = parts
        self._tainted = tainted
        self._sweeps = sweeps
        self._domains = domains
        self._runs = runs
        self._accounts = accounts
        self._people = people
        self._traces = traces

    # --- erasing ---

    async def erase(self, principal: Principal, name: str) -> Forgotten:
        """Everything that is kept of a person, with their account, for good.

        Sums and the acts of theirs that the organisation has to know of stay, under a pseudonym.
        Raises NotFound where there is nothing, Conflict for the only admin.
        """
        checked_name(name, "person")
        ledger, pseudonym = self._parts.ledger, self._parts.traces.pseudonym
        kept = forgetting.People(ledger.database, pseudonym, ledger.now)
        before = await asyncio.to_thread(lambda: {*self._tainted()})
        done = await asyncio.to_thread(kept.erase, name, principal.id)
        try:
            for sweep in self._sweeps:
                await sweep()
        except RagError as error:
            # They are erased all the same; the next housekeeping looks at all of it again.
            return done.model_copy(update={"remark": done.remark or str(error)})
        after = await asyncio.to_thread(lambda: {*self._tainted()})
        return done.model_copy(update={"models": tuple(sorted(after - before))})

    async def erase_own(self, principal: Principal, caller: Caller) -> Forgotten:
        """The same of whoever is signed in and asks for it. Raises Forbidden unless admins let
        people do that."""
        if not self._parts.settings.accounts.erase_self:
            raise Forbidden("Only an admin erases people here.", hint="Ask an admin.")
        if caller.carrier != "session":
            raise Forbidden("This takes a person who is signed in, not a key.")
        return await self.erase(principal, principal.id)

    async def erase_document(
        self, principal: Principal, document_id: str, domain: str | None = None
    ) -> Erased:
        """What is kept of a document, and what was made of it for people, for good.

        It is not read again while it is the same at its source. Raises NotFound, also for one of
        another domain, Conflict while its source is synced.
        """
        ledger = self._parts.ledger
        kept = Contents(ledger.database, self._parts.blobs, ledger.now)
        name = self._domains.get(domain).pack.name
        source_id = await asyncio.to_thread(kept.source, document_id, name)
        done = Erased()

        async def erase(parts: Parts, _: SourceInfo | None = None) -> int:
            nonlocal done
            contents = Contents(parts.ledger.database, parts.blobs, ledger.now)
            await asyncio.to_thread(contents.mark, [document_id])
            done = await asyncio.to_thread(contents.finish)
            return done.documents

        try:
            await self._runs.change(principal, "erase", source_id, domain, erase)
        except NotFound:
            # Its source was removed: nobody writes there any more.
            await erase(self._parts)
        await self._accounts.wrote(
            principal, "erase document", document_id, traces=done.traces, verdicts=done.verdicts
        )
        try:
            for sweep in self._sweeps:
                await sweep()
            await asyncio.to_thread(compacting.compact, ledger.database)
        except RagError as error:
            return done.model_copy(update={"remark": str(error)})
        return done

    # --- exporting ---

    async def export(self, principal: Principal, name: str) -> AsyncGenerator[Mapping[str, Any]]:
        """Everything that is kept of a person, one table's row after the other, between a head and
        an end that counts them: an export without its end is not whole.

        Of answers what that person and whoever exports may both read now. Raises NotFound where
        nothing is kept of somebody else.
        """
        pseudonym = self._parts.traces.pseudonym(Principal(id=checked_name(name, "person")))
        pages = theirs(self._parts.ledger.database, name, pseudonym)
        first = await asyncio.to_thread(next, pages, None)
        if first is None and name != principal.id:
            raise NotFound(f"Nothing is kept of '{name}'.", hint="See: rag accounts.")
        await self._accounts.wrote(principal, "export person", name)
        return self._lines(principal, name, first, pages)

    async def _lines(
        self,
        principal: Principal,
        name: str,
        page: Page | None,
        pages: Generator[Page],
    ) -> AsyncGenerator[Mapping[str, Any]]:
        rows = 0
        yield {"export": {"format": FORMAT, "person": name, "at": self._parts.ledger.now()}}
        while page is not None:
            holding, found = page
            for row in found:
                rows += 1
                shown = row
                if holding.row is TraceRow:
                    shown = await self._shown(principal, name, row)
                yield {"table": holding.name, "row": told(holding, shown, name)}
            page = await asyncio.to_thread(next, pages, None)
        yield {"end": {"rows": rows}}

    async def _shown(self, principal: Principal, name: str, trace: Row) -> Row:
        """A trace as the person may see it now, and whoever exports as well."""
        try:
            readers = [
                await self._people.within(Principal(id=one), trace["domain"])
                for one in {name, principal.id}
            ]
        except (NotFound, Forbidden):
            # One of them may read nothing there now.
            readers = []
        return await self._traces.shown(readers, trace)
