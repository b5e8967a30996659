"""Which versions of datasets there are, and what the clusters in them may be used for for ever."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import delete, func, insert, literal, select, tuple_
from sqlalchemy.orm import Session

from rag.datasets import Dataset, DatasetSpec, Preflight, Split, Verification
from rag.errors import NotFound
from rag.store.clusters import NEWEST, Known
from rag.store.database import Database
from rag.store.learning import (
    DatasetRow,
    QuestionLinkRow,
    QuestionRow,
    SplitRow,
    VerificationRow,
)
from rag.store.models import FeedbackRow, TraceRow

AT_ONCE = 500


class Datasets:
    """Every method is one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def add(
        self,
        domain: str,
        version: str,
        spec: DatasetSpec,
        manifest: Mapping[str, Any],
        splits: Iterable[tuple[str, Split]],
        by: str,
    ) -> Dataset:
        """Keep a version, and the split of each cluster in it; one that is kept already is given.

        The files of the version are there before.
        """
        with self.database.write() as session:
            row = session.get(DatasetRow, version)
            if row is None:
                of = (DatasetRow.domain == domain, DatasetRow.name == spec.name)
                last = session.scalar(select(func.max(DatasetRow.number)).where(*of)) or 0
                row = DatasetRow(
                    version=version,
                    domain=domain,
                    name=spec.name,
                    number=last + 1,
                    state="kept",
                    spec=spec.model_dump(mode="json"),
                    manifest=dict(manifest),
                    created_by=by,
                    created_at=self.now(),
                )
                session.add(row)
            self._settle(session, domain, splits)
            return _dataset(row)

    def replace(self, version: str, after: str, manifest: Mapping[str, Any]) -> Dataset:
        """Withdraw a version and keep what is left of it as the next one of its name."""
        with self.database.write() as session:
            old = session.get_one(DatasetRow, version)
            old.state = "withdrawn"
            # What was said of its files may quote them.
            session.execute(delete(VerificationRow).where(VerificationRow.version == version))
            row = session.get(DatasetRow, after)
            if row is None:
                of = (DatasetRow.domain == old.domain, DatasetRow.name == old.name)
                last = session.scalar(select(func.max(DatasetRow.number)).where(*of)) or 0
                row = DatasetRow(
                    version=after,
                    domain=old.domain,
                    name=old.name,
                    number=last + 1,
                    state="kept",
                    spec=old.spec,
                    manifest=dict(manifest),
                    created_by=old.created_by,
                    created_at=self.now(),
                )
                session.add(row)
            return _dataset(row)

    def kept(self) -> list[Dataset]:
        """Every version of every domain that was not withdrawn."""
        statement = select(DatasetRow).where(DatasetRow.state == "kept")
        with self.database.read() as session:
            return [_dataset(row) for row in session.scalars(statement)]

    def lost(self, traces: Collection[str], events: Collection[str]) -> tuple[set[str], set[str]]:
        """Those of these answers and verdicts that are no more."""
        with self.database.read() as session:
            left = set(session.scalars(select(TraceRow.id).where(TraceRow.id.in_(traces))))
            said = set(session.scalars(select(FeedbackRow.id).where(FeedbackRow.id.in_(events))))
        return {*traces} - left, {*events} - said

    def reviewed(self, events: Collection[str]) -> dict[str, str]:
        """The state of review of those of these verdicts that there are."""
        with self.database.read() as session:
            found = session.execute(
                select(FeedbackRow.id, FeedbackRow.review).where(FeedbackRow.id.in_(events))
            )
            return dict(iter(found.tuples()))

    def list(self, domain: str) -> list[Dataset]:
        """Newest first."""
        statement = (
            select(DatasetRow)
            .where(DatasetRow.domain == domain)
            .order_by(DatasetRow.created_at.desc(), DatasetRow.number.desc())
        )
        with self.database.read() as session:
            return [_dataset(row) for row in session.scalars(statement)]

    def get(self, domain: str, name: str, number: int | None = None) -> Dataset:
        """A version of a name, the newest that is kept if none is said. Raises NotFound."""
        of = [DatasetRow.domain == domain, DatasetRow.name == name]
        of.append(DatasetRow.state == "kept" if number is None else DatasetRow.number == number)
        statement = select(DatasetRow).where(*of).order_by(DatasetRow.number.desc()).limit(1)
        with self.database.read() as session:
            row = session.scalar(statement)
        if row is None:
            said = name if number is None else f"{name}@{number}"
            raise NotFound(f"There is no dataset '{said}'.", hint="See: rag dataset list.")
        return _dataset(row)

    # --- what consumers said ---

    def verified(
        self, run_id: str, version: str, format: str, report: Preflight, by: str
    ) -> Verification:
        """Keep what came of a run; done again, the later counts. Raises NotFound for a version that
        was withdrawn meanwhile."""
        with self.database.write() as session:
            found = session.get(DatasetRow, version, with_for_update=True)
            if found is None or found.state != "kept":
                raise NotFound("It was withdrawn meanwhile.", hint="See: rag dataset list.")
            row = VerificationRow(
                id=run_id,
                version=version,
                consumer=report.consumer,
                format=format,
                report=report.model_dump(mode="json"),
                by=by,
                at=self.now(),
            )
            return _verification(session.merge(row))

    def verifications(self, version: str, limit: int = 100) -> list[Verification]:
        """Newest first."""
        statement = (
            select(VerificationRow)
            .where(VerificationRow.version == version)
            .order_by(VerificationRow.at.desc(), VerificationRow.id)
            .limit(limit)
        )
        with self.database.read() as session:
            return [_verification(row) for row in session.scalars(statement)]

    # --- clusters ---

    def known(self, domain: str, clusters: Sequence[str]) -> dict[str, Known]:
        """Which of these, some hundred at most, came when, and what they were in before."""
        with self.database.read() as session:
            ages = session.execute(
                select(QuestionRow.cluster_id, func.min(QuestionRow.n))
                .where(QuestionRow.cluster_id.in_(clusters))
                .group_by(QuestionRow.cluster_id)
            )
            age = dict(iter(ages.tuples()))
            before = self._before(session, domain, clusters)
        return {one: Known(age.get(one, NEWEST), before.get(one)) for one in {*age, *before}}

    def links(self, domain: str, as_of: datetime) -> Iterator[tuple[str, str]]:
        """Clusters that a question lies between."""
        key = (QuestionLinkRow.older, QuestionLinkRow.newer)
        statement = (
            select(*key)
            .where(QuestionLinkRow.domain == domain, QuestionLinkRow.at <= as_of)
            .order_by(*key)
            .limit(AT_ONCE)
        )
        some: Sequence[tuple[str, str]] = [("", "")]
        while some:
            with self.database.read() as session:
                after = statement.where(tuple_(*key) > tuple_(*map(literal, some[-1])))
                some = [(older, newer) for older, newer in session.execute(after).tuples()]
            yield from some

    def splits(self, domain: str, until: datetime | None = None) -> dict[str, Split]:
        """What each cluster that was in a dataset before is for ever; as known at a moment."""
        statement = select(SplitRow.cluster_id, SplitRow.split).where(SplitRow.domain == domain)
        if until is not None:
            statement = statement.where(SplitRow.at <= until)
        with self.database.read() as session:
            return {cluster: _split(split) for cluster, split in session.execute(statement)}

    def cluster_of(self, trace_ids: Sequence[str]) -> dict[str, str]:
        """The clusters of the questions of these answers, as far as they were given one."""
        statement = select(QuestionRow.trace_id, QuestionRow.cluster_id).where(
            QuestionRow.trace_id.in_(trace_ids)
        )
        with self.database.read() as session:
            return dict(iter(session.execute(statement).tuples()))

    def _before(self, session: Session, domain: str, clusters: Collection[str]) -> dict[str, Split]:
        of = (SplitRow.domain == domain, SplitRow.cluster_id.in_(clusters))
        found = session.execute(select(SplitRow.cluster_id, SplitRow.split).where(*of))
        return {cluster: _split(split) for cluster, split in found}

    def _settle(self, session: Session, domain: str, splits: Iterable[tuple[str, Split]]) -> None:
        now, left = self.now(), iter(splits)
        while some := dict(islice(left, AT_ONCE)):
            known = self._before(session, domain, some)
            new = [
                {"domain": domain, "cluster_id": cluster, "split": split, "at": now}
                for cluster, split in some.items()
                if cluster not in known
            ]
            if new:
                session.execute(insert(SplitRow), new)


def _dataset(row: DatasetRow) -> Dataset:
    return Dataset(
        name=row.name,
        number=row.number,
        version=row.version,
        domain=row.domain,
        state="kept" if row.state == "kept" else "withdrawn",
        spec=DatasetSpec.model_validate(row.spec),
        manifest=row.manifest,
        created_by=row.created_by,
        created_at=row.created_at,
    )


def _verification(row: VerificationRow) -> Verification:
    report = Preflight.model_validate(row.report)
    return Verification(id=row.id, format=row.format, report=report, by=row.by, at=row.at)


def _split(kept: str) -> Split:
    return "test" if kept == "test" else "validation" if kept == "validation" else "train"
