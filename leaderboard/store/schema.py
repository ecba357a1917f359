"""The tables. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from leaderboard.store.base import SHA256, Base
from leaderboard.store.job_schema import JobRow, ShardRow

__all__ = [
    "SHA256",
    "AlternativeRow",
    "Base",
    "CounterexampleRow",
    "JobRow",
    "ModelRow",
    "OutcomeRow",
    "ReportedModelRow",
    "RerunRow",
    "ResultRow",
    "ScoreRow",
    "SeedRow",
    "ShardRow",
    "SubmissionEventRow",
    "SubmissionRow",
    "TokenRow",
]


class ModelRow(Base):
    """A model, identified by the hash of its function.

    Attributes:
        fingerprint: see :func:`models_zoo.fingerprint`.
        name: the name it is shown under; two functions may share one.
        card: the card as JSON.
        checkpoint_sha256: hash of the file the weights were read from.
        submitted: whether it came in through ``nonsingular submit``.
        first_seen: UTC time of the first result.
    """

    __tablename__ = "models"

    fingerprint: Mapped[str] = mapped_column(SHA256, primary_key=True)
    name: Mapped[str] = mapped_column(String(200), index=True)
    card: Mapped[dict[str, Any]] = mapped_column(JSON)
    checkpoint_sha256: Mapped[str | None] = mapped_column(SHA256)
    submitted: Mapped[bool]
    first_seen: Mapped[datetime] = mapped_column(DateTime)

    results: Mapped[list[ResultRow]] = relationship(back_populates="model")


class ResultRow(Base):
    """The result of one probe on one model, battery, data and seed.

    Attributes:
        payload: the :class:`benchmark.results.ProbeResult` as JSON, without its outcomes.
        raised_flags: number of raised flags, for SQL queries; NULL if it has no checks.
        provenance: the :class:`benchmark.results.Provenance` as JSON.
        battery: the battery's name.
        battery_content: the battery as JSON, so that a retired one can still be shown.
        created: UTC time at which it was stored.
        archive: SHA-256 of the archive that it was imported from; NULL if it was measured here.
        measured: the result as it was measured, if counterexamples have lowered it since; NULL if
            not. See :mod:`leaderboard.store.counterexamples`.
    """

    __tablename__ = "results"
    __table_args__ = (
        UniqueConstraint(
            "fingerprint", "battery_sha256", "data_sha256", "seed", "probe", name="uq_results_key"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(SHA256, ForeignKey("models.fingerprint"))
    battery_sha256: Mapped[str] = mapped_column(SHA256)
    data_sha256: Mapped[str] = mapped_column(SHA256)
    seed: Mapped[int] = mapped_column(BigInteger)
    probe: Mapped[str] = mapped_column(String(100))
    battery: Mapped[str] = mapped_column(String(100), index=True)
    battery_content: Mapped[dict[str, Any]] = mapped_column(JSON)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    raised_flags: Mapped[int | None]
    provenance: Mapped[dict[str, Any]] = mapped_column(JSON)
    created: Mapped[datetime] = mapped_column(DateTime)
    archive: Mapped[str | None] = mapped_column(SHA256)
    measured: Mapped[str | None] = mapped_column(Text)

    model: Mapped[ModelRow] = relationship(back_populates="results")
    scores: Mapped[list[ScoreRow]] = relationship(cascade="all, delete-orphan")
    outcomes: Mapped[list[OutcomeRow]] = relationship(cascade="all, delete-orphan")
    reruns: Mapped[list[RerunRow]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )


class ScoreRow(Base):
    """One score of a result, for SQL queries; NULL means NaN.

    Attributes:
        name: the score's name without the probe's.
        value: the score; ``low`` and ``high`` are the ends of its 95% interval.
        n: number of examples or draws.
    """

    __tablename__ = "scores"

    result_id: Mapped[int] = mapped_column(
        ForeignKey("results.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[float | None] = mapped_column(Float(53))
    low: Mapped[float | None] = mapped_column(Float(53))
    high: Mapped[float | None] = mapped_column(Float(53))
    n: Mapped[int]


class OutcomeRow(Base):
    """Per-example outcomes of a result, and the threat they are about.

    The columns after ``bits`` repeat it and the payload's ``outcome_kinds``, for tables of many
    models and for SQL queries. Those that a threat does not have are NULL; a joint threat has those
    of both its parts.

    Attributes:
        name: such as ``"headline"``.
        n: number of examples.
        bits: bool (n,), eight per byte, first example in the highest bit.
        n_robust: number of examples that are still classified correctly.
        position: its index among the outcomes of the result.
        role: what the outcome is for, see :data:`benchmark.results.Role`.
        threat: the threat as JSON; NULL where nothing is perturbed.
        kind: of the threat, such as ``"input"``.
        threat_key: the same for equal threats and for no others.
        label: the threat in a few words, with its budgets as the battery writes them.
        norm: of the input balls.
        eps: radius of the input balls.
        geometry: of the weight ball.
        radius: of the weight ball.
        rule: which tensors may be perturbed.
    """

    __tablename__ = "outcomes"
    __table_args__ = (Index("ix_outcomes_norm_eps", "norm", "eps"),)

    result_id: Mapped[int] = mapped_column(
        ForeignKey("results.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    n: Mapped[int]
    bits: Mapped[bytes] = mapped_column(LargeBinary)
    n_robust: Mapped[int | None]
    position: Mapped[int | None]
    role: Mapped[str | None] = mapped_column(String(20))
    threat: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    kind: Mapped[str | None] = mapped_column(String(20))
    threat_key: Mapped[str | None] = mapped_column(Text)
    label: Mapped[str | None] = mapped_column(Text)
    norm: Mapped[str | None] = mapped_column(String(20))
    eps: Mapped[float | None] = mapped_column(Float(53))
    geometry: Mapped[str | None] = mapped_column(String(40))
    radius: Mapped[float | None] = mapped_column(Float(53))
    rule: Mapped[str | None] = mapped_column(String(40))


class RerunRow(Base):
    """One rerun of a result; it is deleted when the result is replaced.

    Attributes:
        run_by: who ran it.
        created: UTC time at which it was run.
        same: whether every score, interval and outcome agreed to the last bit.
        largest_difference: largest difference of any score or end of its interval; NULL if
            undefined.
        differing: number of outcomes that differ, out of ``outcomes``.
        versions: of Python and of the packages that can change a number, as JSON.
        circumstances: what differs from the stored run, as a JSON list of texts.
        imported: whether it was read from a file.
    """

    __tablename__ = "reruns"
    __table_args__ = (UniqueConstraint("result_id", "run_by", "created", name="uq_reruns_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    result_id: Mapped[int] = mapped_column(ForeignKey("results.id", ondelete="CASCADE"))
    run_by: Mapped[str] = mapped_column(String(200))
    created: Mapped[datetime] = mapped_column(DateTime)
    same: Mapped[bool]
    largest_difference: Mapped[float | None] = mapped_column(Float(53))
    differing: Mapped[int]
    outcomes: Mapped[int]
    device: Mapped[str] = mapped_column(String(100))
    threads: Mapped[int]
    versions: Mapped[dict[str, str]] = mapped_column(JSON)
    circumstances: Mapped[list[str]] = mapped_column(JSON)
    imported: Mapped[bool]
    note: Mapped[str] = mapped_column(String(1000))


class AlternativeRow(Base):
    """A result in an archive that differs from the stored one with the same key.

    It is kept here rather than in place of the stored one, and outlasts it.

    Attributes:
        fingerprint: of the model; with the hashes, the seed and the probe it is the key.
        content_sha256: of ``content``, so that importing an archive twice changes nothing.
        archive: SHA-256 of the archive.
        content: the result as in the archive, as JSON text.
    """

    __tablename__ = "alternatives"
    __table_args__ = (
        UniqueConstraint(
            *("fingerprint", "battery_sha256", "data_sha256", "seed", "probe", "content_sha256"),
            name="uq_alternatives_key",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(SHA256)
    battery_sha256: Mapped[str] = mapped_column(SHA256)
    data_sha256: Mapped[str] = mapped_column(SHA256)
    seed: Mapped[int] = mapped_column(BigInteger)
    probe: Mapped[str] = mapped_column(String(100))
    content_sha256: Mapped[str] = mapped_column(SHA256)
    archive: Mapped[str] = mapped_column(SHA256)
    content: Mapped[str] = mapped_column(Text)


class CounterexampleRow(Base):
    """A verified counterexample, see :mod:`leaderboard.store.counterexamples`.

    Attributes:
        fingerprint: of the model.
        data_sha256: of the evaluation examples.
        file_sha256: of its file.
        found_by: who found it.
        created: UTC time at which it was verified.
        threat: the ball in which it was measured to lie, as JSON.
        label: the threat in a few words.
        n: number of evaluation examples.
        n_broken: number of examples that it breaks.
        robust: bool (n,), eight per byte, which examples are still classified correctly.
        broken: bool (n,), likewise, which it breaks.
        scores: of a backdoor, the scores that it replaces, as JSON.
        held_out: bool (n_held_out,), of a backdoor, which of the images that it was measured on are
            still classified correctly.
        battery_sha256: of a backdoor, the battery that has it.
        seed: of a backdoor, the seed of the results that it is about.
        imported: whether it was read from an archive.
    """

    __tablename__ = "counterexamples"
    __table_args__ = (
        UniqueConstraint(
            "fingerprint", "data_sha256", "file_sha256", name="uq_counterexamples_key"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(SHA256)
    data_sha256: Mapped[str] = mapped_column(SHA256)
    file_sha256: Mapped[str] = mapped_column(SHA256)
    found_by: Mapped[str] = mapped_column(String(200))
    created: Mapped[datetime] = mapped_column(DateTime)
    note: Mapped[str] = mapped_column(String(1000))
    threat: Mapped[dict[str, Any]] = mapped_column(JSON)
    label: Mapped[str] = mapped_column(Text)
    n: Mapped[int]
    n_broken: Mapped[int]
    robust: Mapped[bytes] = mapped_column(LargeBinary)
    broken: Mapped[bytes] = mapped_column(LargeBinary)
    scores: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    n_held_out: Mapped[int | None]
    held_out: Mapped[bytes | None] = mapped_column(LargeBinary)
    battery_sha256: Mapped[str | None] = mapped_column(SHA256)
    seed: Mapped[int | None] = mapped_column(BigInteger)
    imported: Mapped[bool]


class ReportedModelRow(Base):
    """What another source reports of a model, see :class:`leaderboard.reported.ReportedRow`.

    Numbers are texts, as published; empty where the source states none.
    """

    __tablename__ = "reported"
    __table_args__ = (
        UniqueConstraint("source", "dataset", "norm", "eps", "model_id", name="uq_reported_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(200))
    date: Mapped[str] = mapped_column(String(10))
    licence: Mapped[str] = mapped_column(String(100))
    dataset: Mapped[str] = mapped_column(String(200))
    norm: Mapped[str] = mapped_column(String(20))
    eps: Mapped[str] = mapped_column(String(40))
    model_id: Mapped[str] = mapped_column(String(200))
    architecture: Mapped[str] = mapped_column(String(200))
    venue: Mapped[str] = mapped_column(String(200))
    extra_data: Mapped[bool | None]
    clean: Mapped[str] = mapped_column(String(20))
    autoattack: Mapped[str] = mapped_column(String(20))
    best_known: Mapped[str] = mapped_column(String(20))
    unreliable: Mapped[bool | None]
    link: Mapped[str] = mapped_column(String(1000))
    load: Mapped[str] = mapped_column(String(200))


class TokenRow(Base):
    """A key to the submission service, see :mod:`leaderboard.store.tokens`.

    Attributes:
        id: its public half, which finds the row.
        name: whose it is, for people.
        role: see :data:`leaderboard.store.tokens.Role`.
        secret_sha256: hash of its other half, which is random and nowhere stored.
        created: seconds since 1970 by the clock of the database, as the other times.
        last_used: time of the last request with it, to about a minute; NULL if there was none.
        revoked: since when it is not accepted; NULL if it is.
    """

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    secret_sha256: Mapped[str] = mapped_column(SHA256)
    created: Mapped[float] = mapped_column(Float(53))
    last_used: Mapped[float | None] = mapped_column(Float(53))
    revoked: Mapped[float | None] = mapped_column(Float(53))


class SubmissionRow(Base):
    """A checkpoint that was sent to the service, see :mod:`leaderboard.store.submissions`.

    Attributes:
        id: random, so that it cannot be guessed; it is part of addresses and no secret.
        token: of the submitter.
        created: seconds since 1970 by the clock of the database; ``changed`` likewise, of the last
            change of its state.
        state: see :data:`leaderboard.store.submission.State`.
        description: what the submitter says, as JSON, with the contact.
        file_name: of the file as the submitter calls it; it is only shown.
        expected_bytes: size of the file as announced; NULL if it was not.
        expected_sha256: its hash as announced; NULL likewise.
        received_bytes: how much of it has arrived.
        sha256: of the file; NULL until it has arrived.
        verdict: of the checks, as JSON; NULL until there is one.
        isolation: what the checks were isolated by, such as ``"bubblewrap"``.
        model: fingerprint of the model; NULL unless it was accepted.
        units: the jobs that score it, as a JSON list; NULL until they are planned.
        reason: why it was refused, has failed or was withdrawn, in one line.
    """

    __tablename__ = "submissions"
    __table_args__ = (Index("ix_submissions_state", "state"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token: Mapped[str | None] = mapped_column(String(32), ForeignKey("tokens.id"))
    created: Mapped[float] = mapped_column(Float(53))
    changed: Mapped[float] = mapped_column(Float(53))
    state: Mapped[str] = mapped_column(String(20))
    description: Mapped[dict[str, Any]] = mapped_column(JSON)
    file_name: Mapped[str] = mapped_column(Text)
    expected_bytes: Mapped[int | None] = mapped_column(BigInteger)
    expected_sha256: Mapped[str | None] = mapped_column(SHA256)
    received_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(SHA256)
    verdict: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    isolation: Mapped[str | None] = mapped_column(String(20))
    model: Mapped[str | None] = mapped_column(SHA256)
    units: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    reason: Mapped[str | None] = mapped_column(Text)


class SubmissionEventRow(Base):
    """Something that happened to a submission; rows are only added.

    Attributes:
        moment: seconds since 1970 by the clock of the database.
        state: the submission's state from then on.
        token: of the one who caused it; NULL if the service did.
        note: why, in one line.
    """

    __tablename__ = "submission_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission: Mapped[str] = mapped_column(
        String(32), ForeignKey("submissions.id", ondelete="CASCADE"), index=True
    )
    moment: Mapped[float] = mapped_column(Float(53))
    state: Mapped[str] = mapped_column(String(20))
    token: Mapped[str | None] = mapped_column(String(32), ForeignKey("tokens.id"))
    note: Mapped[str] = mapped_column(Text)


class SeedRow(Base):
    """A seed that was committed to before models are scored with it.

    Attributes:
        sha256: the commitment, see :func:`leaderboard.store.seeds.commitment_of`.
        seed: root of random draws.
        nonce: random hexadecimal digits that are hashed with it.
        note: what it is for.
        created: seconds since 1970 by the clock of the database.
        revealed: likewise, when it was revealed; NULL while it is secret.
    """

    __tablename__ = "seeds"

    sha256: Mapped[str] = mapped_column(SHA256, primary_key=True)
    seed: Mapped[int] = mapped_column(BigInteger)
    nonce: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(String(200))
    created: Mapped[float] = mapped_column(Float(53))
    revealed: Mapped[float | None] = mapped_column(Float(53))
