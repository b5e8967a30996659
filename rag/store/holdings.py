"""What every column of the database holds of people and of documents: one table of it all.

Erasure, export and retention are driven from here, and a test compares it with the models: a column
of text that nobody thought about does not get in. Numbers, times and flags hold nobody's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Literal, NamedTuple, cast

from sqlalchemy import Column, ColumnElement, Table, select

from rag.store import learning, models, tuning
from rag.store.models import Base


class Holds(StrEnum):
    """What is in a column; what becomes of it follows from that."""

    PLAIN = "plain"
    """Nothing of a person or of a document, or what admins configured."""
    PERSON = "person"
    """The id of the person whose row it is. Exported; goes with them, with the row."""
    PSEUDONYM = "pseudonym"
    """The same person under the pseudonym of this data folder. Never exported."""
    WORDS = "words"
    """What the person of the row wrote, or was told. Exported; goes with the row."""
    ACTOR = "actor"
    """Who did it, in a row that is not theirs. Exported; becomes a pseudonym."""
    NAMES = "names"
    """May be the name of a person, or have it in it. Exported; the name becomes a pseudonym."""
    READERS = "readers"
    """Who may read, as the source says: stays as long as the source says so."""
    PASSAGES = "passages"
    """Words of documents, where they are, what they are called; digests of these. Exported only as
    far as they may be read now; go with the document."""
    SECRET = "secret"
    """What lets somebody in, as a digest. Never exported."""


class Holding(NamedTuple):
    """One table. `of` is the column that says whose a row is; empty where rows are nobody's.

    `through`: it names a row of that table, which says so. `then` is what erasing that person does.
    """

    row: type[Base]
    held: Mapping[Holds, str]
    """the columns by what they hold, separated by spaces"""
    of: str = ""
    then: Literal["deleted", "summed"] = "deleted"
    through: type[Base] | None = None

    @property
    def name(self) -> str:
        return self.row.__tablename__

    @property
    def table(self) -> Table:
        return cast("Table", self.row.__table__)

    def column(self, name: str) -> Column[Any]:
        return self.table.columns[name]

    def columns(self, *kinds: Holds) -> list[str]:
        return [name for kind in kinds for name in self.held.get(kind, "").split()]

    def whose(self, name: str, pseudonym: str) -> ColumnElement[bool]:
        """The rows of that person. Only where rows are somebody's."""
        of = self.column(self.of)
        if self.through is not None:
            above = next(one for one in HOLDINGS if one.row is self.through)
            (key,) = above.table.primary_key.columns
            return of.in_(select(key).where(above.whose(name, pseudonym)))
        return of == (pseudonym if self.of in self.columns(Holds.PSEUDONYM) else name)


HOLDINGS: tuple[Holding, ...] = (
    # What is somebody's own; sessions and keys before the account that they belong to.
    Holding(
        models.SessionRow,
        {
            Holds.PLAIN: "id",
            Holds.SECRET: "digest",
            Holds.PERSON: "account_id",
            Holds.WORDS: "agent",
        },
        of="account_id",
    ),
    Holding(
        models.KeyRow,
        {
            Holds.PLAIN: "id scopes day",
            Holds.SECRET: "digest",
            Holds.PERSON: "account_id",
            Holds.WORDS: "name",
        },
        of="account_id",
    ),
    Holding(
        models.InvitationRow,
        {
            Holds.SECRET: "digest",
            Holds.PERSON: "account_id",
            Holds.PLAIN: "roles",
            Holds.ACTOR: "created_by",
        },
        of="account_id",
    ),
    Holding(
        models.AccountRow,
        {
            Holds.PERSON: "id",
            Holds.SECRET: "password",
            Holds.WORDS: "issuer subject groups",
            Holds.PLAIN: "roles",
            Holds.ACTOR: "created_by",
        },
        of="id",
    ),
    Holding(
        models.MemberRow,
        {
            Holds.PLAIN: "domain name",
            Holds.PERSON: "member",
            Holds.ACTOR: "changed_by",
        },
        of="member",
    ),
    Holding(
        models.RepeatRow,
        {
            Holds.PERSON: "principal_id",
            Holds.WORDS: "key",
            Holds.SECRET: "digest",
            Holds.PLAIN: "made",
        },
        of="principal_id",
    ),
    Holding(
        models.TurnRow,
        {Holds.WORDS: "question", Holds.PLAIN: "conversation_id trace_id"},
        of="conversation_id",
        through=models.ConversationRow,
    ),
    Holding(
        models.ConversationRow,
        {
            Holds.PERSON: "owner",
            Holds.WORDS: "title",
            Holds.SECRET: "share_digest",
            Holds.PLAIN: "id domain",
        },
        of="owner",
    ),
    Holding(
        models.FeedbackRequestRow,
        {
            Holds.PSEUDONYM: "actor_pseudonym",
            Holds.WORDS: "key",
            Holds.SECRET: "digest",
            Holds.PLAIN: "feedback_id",
        },
        of="actor_pseudonym",
    ),
    Holding(
        tuning.CandidateVoteRow,
        {Holds.PLAIN: "candidate_id feedback_id trace_id chunk_id"},
        of="feedback_id",
        through=models.FeedbackRow,
    ),
    Holding(
        tuning.PromptExampleRow,
        {
            Holds.PLAIN: "candidate_id feedback_id trace_id documents",
            Holds.WORDS: "question answer",
        },
        of="feedback_id",
        through=models.FeedbackRow,
    ),
    # A reviewer's note is about what that person said, and goes with it.
    Holding(
        learning.ReviewRow,
        {Holds.PLAIN: "id feedback_id state", Holds.WORDS: "note", Holds.ACTOR: "by"},
        of="feedback_id",
        through=models.FeedbackRow,
    ),
    Holding(
        learning.FlagRow,
        {Holds.PLAIN: "feedback_id kind domain"},
        of="feedback_id",
        through=models.FeedbackRow,
    ),
    Holding(
        models.FeedbackRow,
        {
            Holds.PSEUDONYM: "actor_pseudonym",
            Holds.WORDS: "comment correction target",
            Holds.PLAIN: "id subject supersedes trace_id other_trace_id domain surface rater "
            "signal reasons consent review unit",
        },
        of="actor_pseudonym",
    ),
    Holding(
        models.ConsentRow,
        {Holds.PSEUDONYM: "actor_pseudonym", Holds.PLAIN: "id purposes"},
        of="actor_pseudonym",
    ),
    # Numbers alone: what a shadow wrote is measured and thrown away.
    Holding(
        models.ShadowRow,
        {Holds.PLAIN: "trace_id trial model fault"},
        of="trace_id",
        through=models.TraceRow,
    ),
    # The vector is made of the question: it is in no export, and goes with its trace.
    Holding(
        learning.QuestionRow,
        {Holds.PLAIN: "trace_id domain cluster_id embedder_rev", Holds.SECRET: "digest"},
        of="trace_id",
        through=models.TraceRow,
    ),
    Holding(
        learning.QuestionVectorRow,
        {Holds.PLAIN: "trace_id domain cluster_id embedder_rev", Holds.SECRET: "digest"},
        of="trace_id",
        through=models.TraceRow,
    ),
    Holding(
        learning.AssignmentRow,
        {Holds.PLAIN: "trace_id", Holds.ACTOR: "reviewer by"},
        of="trace_id",
        through=models.TraceRow,
    ),
    Holding(
        models.TraceRow,
        {
            Holds.PERSON: "principal_id",
            Holds.PSEUDONYM: "actor_pseudonym",
            Holds.WORDS: "query_raw",
            Holds.PASSAGES: "query_standalone rendered_messages hits answer answer_sha citations "
            "claims conflicts error",
            Holds.PLAIN: "id tenant_id domain thread_id acl_hash lang prompt_template_id "
            "prompt_sha index_snapshot_id embedder_rev chunker_rev adapter_id memory_id "
            "reranker_id retrieval_cfg_sha "
            "explore_policy provider model fingerprint lora_id params route finish_reason timings "
            "cache_key sibling_ids output_training_policy terms_ref consent told",
        },
        of="principal_id",
    ),
    # Sums stay, of nobody in particular.
    Holding(
        models.SpendingRow,
        {Holds.PLAIN: "day domain model", Holds.PERSON: "principal_id"},
        of="principal_id",
        then="summed",
    ),
    # What is the organisation's, and who did it.
    Holding(
        models.AuditRow,
        {Holds.ACTOR: "actor", Holds.NAMES: "object details", Holds.PLAIN: "act"},
    ),
    Holding(
        models.RunRow,
        {
            Holds.PLAIN: "id kind slot wanted domain source source_id state worker progress "
            "report error",
            Holds.ACTOR: "requested_by",
        },
    ),
    Holding(
        models.ScoreCardRow,
        {Holds.PLAIN: "id domain model fingerprint suite checks cases", Holds.ACTOR: "taken_by"},
    ),
    Holding(learning.QuestionLinkRow, {Holds.PLAIN: "older newer domain"}),
    Holding(
        learning.DatasetRow,
        {Holds.PLAIN: "version domain name state spec manifest", Holds.ACTOR: "created_by"},
    ),
    # What a library said of an export, which may quote it: it goes with the version.
    Holding(
        learning.VerificationRow,
        {Holds.PLAIN: "id version consumer format report", Holds.ACTOR: "by"},
    ),
    Holding(learning.SplitRow, {Holds.PLAIN: "domain cluster_id split"}),
    Holding(
        tuning.CandidateRow,
        {Holds.PLAIN: "id domain kind state lineage figures", Holds.ACTOR: "created_by"},
    ),
    Holding(tuning.GateReportRow, {Holds.PLAIN: "id candidate_id report asked", Holds.ACTOR: "by"}),
    Holding(
        tuning.CandidateTrialRow,
        {Holds.PLAIN: "id domain candidate_id ended", Holds.ACTOR: "began_by ended_by"},
    ),
    Holding(
        tuning.ReleaseRow,
        {
            Holds.PLAIN: "id domain memory adapter encoder chunking reranker configuration "
            "prompt llm candidate report why",
            Holds.ACTOR: "made_by",
        },
    ),
    Holding(
        models.ModelChoiceRow,
        {Holds.PLAIN: "id domain model override trial before", Holds.ACTOR: "chosen_by"},
    ),
    Holding(
        models.AddedModelRow,
        {Holds.PLAIN: "name settings", Holds.ACTOR: "changed_by"},
    ),
    Holding(
        models.ModelKeyRow,
        {Holds.PLAIN: "name address", Holds.SECRET: "sealed", Holds.ACTOR: "set_by"},
    ),
    Holding(models.ModelRevisionRow, {}),
    Holding(models.UpkeepRow, {Holds.PLAIN: "kind details"}),
    Holding(models.ModelCheckRow, {Holds.PLAIN: "name fingerprint code detail hint"}),
    Holding(
        models.UploadRow,
        {
            Holds.PLAIN: "source_id media_type",
            Holds.PASSAGES: "name digest",
            Holds.NAMES: "readers",
            Holds.ACTOR: "uploaded_by",
        },
    ),
    # What is kept of documents.
    Holding(
        models.DocumentRow,
        {
            Holds.PLAIN: "id domain source_id revision state reason",
            Holds.PASSAGES: "key uri title content_hash message warnings",
            Holds.READERS: "readers",
        },
    ),
    Holding(
        models.VersionRow,
        {
            Holds.PLAIN: "document_id media_type language",
            Holds.PASSAGES: "content_hash text_hash title uri name warnings",
        },
    ),
    Holding(models.PlacementRow, {Holds.PLAIN: "generation_id document_id"}),
    Holding(models.OrphanRow, {Holds.PLAIN: "generation_id document_id"}),
    # What is told of both by id alone, and what admins configured.
    Holding(models.ErasureRow, {Holds.PLAIN: "id kind target"}),
    Holding(models.DeliveryRow, {Holds.PLAIN: "id webhook body state told"}),
    Holding(
        models.SourceRow,
        {
            Holds.PLAIN: "id domain name connector config secret_names cursor schedule",
            Holds.SECRET: "secrets",
        },
    ),
    Holding(models.FreshnessRow, {Holds.PLAIN: "source_id kind counts"}),
    Holding(models.GenerationRow, {Holds.PLAIN: "id domain fingerprint state encoder chunking"}),
)


def own() -> Iterator[Holding]:
    """The tables whose rows are somebody's, in the order in which they can be deleted."""
    return (one for one in HOLDINGS if one.of)
