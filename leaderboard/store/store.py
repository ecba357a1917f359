"""Saving and reading results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Engine, delete, select
from sqlalchemy.orm import Session

from benchmark.results import Cost, ProbeResult, Provenance
from benchmark.shards import Shard, ShardResult
from leaderboard.store.addresses import without_password
from leaderboard.store.carrying import carry, of_other_versions, that_hold
from leaderboard.store.costs import read_costs
from leaderboard.store.counterexamples import StoredCounterexample
from leaderboard.store.damage import FAILURES, find_unreadable, print_damage, require_whole
from leaderboard.store.database import open_engine
from leaderboard.store.entry import Entry
from leaderboard.store.failures import DamagedError
from leaderboard.store.job import Lease
from leaderboard.store.jobs import finish
from leaderboard.store.lowering import Change, add_counterexample, lower_results
from leaderboard.store.reading import of_key, read_batteries, read_entries
from leaderboard.store.reruns import Rerun, add_rerun
from leaderboard.store.rows import result_row, save_model, stored_card
from leaderboard.store.schema import ModelRow, ResultRow
from leaderboard.store.seeds import read_stand_ins
from leaderboard.store.shards import (
    Key,
    ShardsError,
    StoredShard,
    add_shard,
    delete_shards,
    environments,
    stored_shards,
)
from leaderboard.store.sqlite import is_in_memory
from leaderboard.store.summaries import Summary, read_summaries
from leaderboard.store.writing import read as read_once
from leaderboard.store.writing import while_away
from leaderboard.store.writing import write as write_once
from models_zoo.card import Card
from models_zoo.errors import InputError, reason_of

if TYPE_CHECKING:
    from benchmark.batteries import Battery

T = TypeVar("T")


class Store:
    """Results in a database. Every write is one transaction: all of a result or nothing of it.

    Args:
        engine: a database with this version's tables; :meth:`open` returns one.
        quiet: do not name results that cannot be read; another process does.
    """

    def __init__(self, engine: Engine, *, quiet: bool = False) -> None:
        self.engine = engine
        self.quiet = quiet
        self._unreadable: list[int] = []

    def __repr__(self) -> str:
        """Where it is, without a password."""
        return f"Store({without_password(self.engine.url)})"

    @classmethod
    def open(cls, database: str | Path, *, to_read: bool = False, quiet: bool = False) -> Store:
        """Open a database and bring its tables to this version.

        Args:
            database: an SQLAlchemy URL, or the path of an SQLite file; ``":memory:"`` for a test.
            to_read: only read from it: a missing file is an error, a read-only one is not.
                Otherwise a missing file is created and a read-only one refused at once.
            quiet: do not name results that cannot be read; another process does.

        Raises:
            InputError: it cannot be opened, written or read.
        """
        return cls(open_engine(database, to_read=to_read), quiet=quiet)

    @property
    def in_memory(self) -> bool:
        """Whether it is in the memory of this process, so that no other process can reach it."""
        return is_in_memory(self.engine.url)

    def save(
        self,
        card: Card,
        provenance: Provenance,
        battery: Battery,
        result: ProbeResult,
        *,
        submitted: bool = False,
        lease: Lease | None = None,
    ) -> None:
        """Store one probe's result; replaces an earlier one with the same key, and its reruns.

        Counterexamples of the model on the same examples are counted against the result.

        The key is (fingerprint, battery hash, data hash, seed, probe). When the same function was
        scored under another card, the zoo's card takes precedence over a submitted one, and that
        over a file's.

        Args:
            card: the model's card.
            provenance: provenance of the result.
            battery: the battery; its content is stored as well.
            result: the result, with its outcomes.
            submitted: whether the model came in through ``nonsingular submit``.
            lease: the job that the result is of; it is done when the result is stored.

        Raises:
            LeaseLostError: another process has taken the job, so nothing was stored.
        """

        def write(session: Session) -> None:
            if lease is not None:
                finish(session, lease)
            _replace(session, card, provenance, battery, result, submitted=submitted)

        self.write(write)

    def save_shard(
        self,
        card: Card,
        found: StoredShard,
        battery: Battery,
        join: Callable[[Sequence[ShardResult]], ProbeResult],
        *,
        lease: Lease,
        submitted: bool = False,
        fresh: bool = False,
    ) -> ProbeResult | None:
        """Store what was found on a shard; with the last one, the result of its unit instead.

        All of it is one transaction.

        Args:
            card: the model's card.
            found: on the shard.
            battery: the battery.
            join: joins the results of all shards of the unit, in their order.
            lease: the job of the shard, which is done then.
            submitted: as for :meth:`save`.
            fresh: whether to replace a result of the unit that is stored; otherwise nothing is
                stored if there is one.

        Returns:
            The result of the unit, if this was its last shard.

        Raises:
            LeaseLostError: another process has taken the job, so nothing was stored.
            ShardsError: the shards cannot be joined, so nothing was stored.
        """
        where, probe = found.provenance, found.result.probe
        of = (where.fingerprint, where.battery_sha256, where.data_sha256, where.seed)

        def write(session: Session) -> ProbeResult | None:
            finish(session, lease)
            known = select(ResultRow.id).where(*of_key(*of), ResultRow.probe == probe)
            if not fresh and session.scalar(known) is not None:
                return None
            shards = add_shard(session, (*of, probe), found)
            if not shards:
                return None
            try:
                result = join([each.result for each in shards])
            except (ValueError, TypeError, RuntimeError, KeyError, IndexError) as error:
                raise ShardsError(reason_of(error)) from error
            if several := environments(shards):
                protocol = {**result.protocol, "shards were computed with": [*several]}
                result = result.model_copy(update={"protocol": protocol})
            _replace(session, card, where, battery, result, submitted=submitted)
            return result

        return write_once(self.engine, write)

    def shards(
        self, fingerprint: str, battery_sha256: str, data_sha256: str, seed: int, probe: str
    ) -> list[Shard]:
        """The shards of a unit that are stored, since it is not complete."""
        key = fingerprint, battery_sha256, data_sha256, seed, probe
        return read_once(self.engine, lambda session: stored_shards(session, key))

    def forget_shards(self, keys: Sequence[Key]) -> None:
        """Delete the shards of some units."""

        def write(session: Session) -> None:
            for key in keys:
                delete_shards(session, key)

        self.write(write)

    def record_rerun(self, where: Provenance, probe: str, rerun: Rerun) -> None:
        """Store a rerun of a stored result; replaces the same rerun if it was recorded before.

        Args:
            where: provenance of the stored result it was compared with.
            probe: the result's probe.
            rerun: how well it agreed.

        Raises:
            InputError: the result is not stored or was replaced after the comparison, or the
                rerun's name or note cannot be stored.
        """
        key = (where.fingerprint, where.battery_sha256, where.data_sha256, where.seed)

        def write(session: Session) -> None:
            query = select(ResultRow).where(*of_key(*key), ResultRow.probe == probe)
            stored = session.scalars(query).one_or_none()
            if stored is None or Provenance.model_validate(stored.provenance) != where:
                state = "is not stored" if stored is None else "was replaced meanwhile"
                raise InputError(
                    f"the rerun of {probe} was not recorded: the result {state}; "
                    "run nonsingular reproduce again"
                )
            add_rerun(stored, rerun)

        self.write(write)

    def add_counterexample(
        self, fingerprint: str, data_sha256: str, new: StoredCounterexample
    ) -> list[Change]:
        """Store a verified counterexample and lower the results that it is about.

        Args:
            fingerprint: of the model.
            data_sha256: of the evaluation examples.
            new: the counterexample.

        Returns:
            The results that are lower than before; none if the counterexample was known.

        Raises:
            InputError: the finder's name or note cannot be stored.
        """
        changes: list[Change] = []

        def write(session: Session) -> None:
            nonlocal changes
            changes = add_counterexample(session, fingerprint, data_sha256, new)

        self.write(write)
        return changes

    def names(self) -> dict[str, str]:
        """Names of all stored models, by fingerprint."""
        with Session(self.engine) as session:
            rows = session.execute(select(ModelRow.fingerprint, ModelRow.name))
            return {row.fingerprint: row.name for row in rows}

    def results(
        self, fingerprint: str, battery_sha256: str, data_sha256: str, seed: int
    ) -> dict[str, ProbeResult]:
        """Stored results for a model, battery, data and seed, with outcomes, by probe."""
        entries = self._entries(of_key(fingerprint, battery_sha256, data_sha256, seed))
        return entries[0].results if entries else {}

    def result(
        self, fingerprint: str, battery_sha256: str, data_sha256: str, seed: int, probe: str
    ) -> ProbeResult | None:
        """One stored result, with outcomes; ``None`` if it is not stored or cannot be read."""
        conditions = of_key(fingerprint, battery_sha256, data_sha256, seed)
        entries = self._entries([*conditions, ResultRow.probe == probe])
        return entries[0].results.get(probe) if entries else None

    def that_hold(self, where: Provenance, battery: Battery) -> dict[str, Entry]:
        """Results of earlier versions of a battery that hold for it, see :mod:`.carrying`.

        Args:
            where: the evaluation.
            battery: its battery.

        Returns:
            By probe, the entry with the result.
        """
        return that_hold(self._entries(of_other_versions(where)), battery)

    def carry(self, held: Mapping[str, Entry], battery: Battery) -> None:
        """Store results for a later version of their battery as well.

        Args:
            held: what :meth:`that_hold` returned.
            battery: the later version.
        """
        self.write(lambda session: carry(session, held, battery))

    def costs(self, card: Card, where: Provenance) -> dict[str, Cost]:
        """What each probe usually costs, see :func:`leaderboard.store.costs.read_costs`.

        Args:
            card: of the model that is to be scored.
            where: battery, number of examples and device.
        """
        return self._read(
            lambda readable: read_costs(
                self.engine,
                card.architecture,
                where.battery_sha256,
                where.examples,
                where.device,
                [*readable],
            )
        )

    def card(self, fingerprint: str) -> Card | None:
        """The card of a model; ``None`` if none is stored that can be read."""
        with Session(self.engine) as session:
            return stored_card(session, fingerprint)

    def entries(
        self, battery: str | None = None, fingerprints: Collection[str] | None = None
    ) -> list[Entry]:
        """All stored results, one entry per (fingerprint, battery hash, data hash, seed).

        In place of a seed that is secret, they have a stand-in: see :mod:`.seeds`.

        Args:
            battery: only results of the battery with this name.
            fingerprints: only results of these models.

        Returns:
            Entries, in order of the first appearance of their models.
        """
        conditions = []
        if battery is not None:
            conditions.append(ResultRow.battery == battery)
        if fingerprints is not None:
            conditions.append(ResultRow.fingerprint.in_(list(fingerprints)))
        entries, hidden = self._entries(conditions), self.stand_ins()
        return [entry.with_seed(hidden.get(entry.provenance.seed)) for entry in entries]

    def stand_ins(self) -> dict[int, int]:
        """What is shown in place of each seed that is secret, see :mod:`.seeds`."""
        return read_once(self.engine, read_stand_ins)

    def _entries(self, conditions: Sequence[ColumnElement[bool]]) -> list[Entry]:
        def read(readable: Sequence[ColumnElement[bool]]) -> list[Entry]:
            meant = [*conditions, *readable]
            with Session(self.engine) as session:
                return read_entries(session, read_batteries(session, meant), meant)

        return self._read(read)

    def summaries(
        self, scores: Collection[tuple[str, str]], outcomes_of: Collection[str] = ()
    ) -> list[Summary]:
        """All stored results as tables show them, without curves, charts and protocols.

        In place of a seed that is secret, they have a stand-in: see :mod:`.seeds`.

        Args:
            scores: probe and name of each requested score.
            outcomes_of: probes of which all outcomes are read; of others only the headline.
        """

        def read(readable: Sequence[ColumnElement[bool]]) -> list[Summary]:
            return read_summaries(self.engine, scores, outcomes_of, readable)

        found, hidden = self._read(read), self.stand_ins()
        for summary in found:
            summary.seed = hidden.get(summary.seed, summary.seed)
        return found

    def batteries(self) -> dict[str, dict[str, Any]]:
        """The content of every battery with stored results, by its hash."""

        def read(readable: Sequence[ColumnElement[bool]]) -> dict[str, dict[str, Any]]:
            with Session(self.engine) as session:
                return read_batteries(session, readable)

        return self._read(read)

    def _read(self, read: Callable[[Sequence[ColumnElement[bool]]], T]) -> T:
        """Call ``read``, leaving out results that cannot be read, with one warning for each.

        Args:
            read: function of the conditions that exclude those results.
        """
        try:
            return while_away(self.engine, lambda: read(self._readable()))
        except FAILURES as error:
            if isinstance(error, InputError) and not isinstance(error, DamagedError):
                raise  # the database cannot be reached, which is not a matter of rows
            if not self.leave_out_unreadable():
                require_whole(self.engine, error)
                raise
        try:
            return while_away(self.engine, lambda: read(self._readable()))
        except FAILURES as error:
            require_whole(self.engine, error)
            raise

    def leave_out_unreadable(self) -> bool:
        """Find results that cannot be read, print them and leave them out from now on.

        Returns:
            Whether any of them were not left out before.
        """
        found = find_unreadable(self.engine)
        if {each.number for each in found} <= set(self._unreadable):
            return False
        if not self.quiet:
            print_damage(self.engine.url.database or ":memory:", found)
        self._unreadable = [each.number for each in found]
        return True

    def _readable(self) -> list[ColumnElement[bool]]:
        return [ResultRow.id.not_in(self._unreadable)] if self._unreadable else []

    def write(self, write: Callable[[Session], None]) -> None:
        """Call a function in one transaction, again if need be: see :mod:`.writing`."""
        write_once(self.engine, write)


def _replace(
    session: Session,
    card: Card,
    provenance: Provenance,
    battery: Battery,
    result: ProbeResult,
    *,
    submitted: bool,
) -> None:
    """Store a result in place of an earlier one with the same key and of its shards."""
    save_model(session, card, provenance, submitted=submitted)
    key = (provenance.fingerprint, provenance.battery_sha256, provenance.data_sha256)
    same = [*of_key(*key, provenance.seed), ResultRow.probe == result.probe]
    # Dependent rows are deleted with it; it is not read, since it may be unreadable.
    session.execute(delete(ResultRow).where(*same))
    delete_shards(session, (*key, provenance.seed, result.probe))
    session.add(result_row(provenance, battery.model_dump(mode="json"), result))
    session.flush()
    lower_results(session, provenance.fingerprint, provenance.data_sha256)
