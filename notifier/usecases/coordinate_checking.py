"""The answer at submission: what else takes the same areas out, who is hit again, what would be better."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from notifier.domain import reliability
from notifier.domain.coordination import online, online_joint, online_moves
from notifier.domain.coordination.constraints import Constraints
from notifier.domain.coordination.online_index import Index, Work
from notifier.domain.coordination.works import (
    Marks,
    PlannedWork,
    as_work,
    draft_work,
    parts_of,
)
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import PlanContent, PlanState
from notifier.domain.reliability import Counting
from notifier.ports import Store
from notifier.usecases import aside, plans
from notifier.usecases.coordinate_checked import Checked
from notifier.usecases.coordinate_contracts import RunBook, Terms, WorkBook
from notifier.usecases.coordinate_ruling import Ruling

#: The farthest move that is weighed.
_FARTHEST = max(map(abs, online_moves.Rules().candidates)) * reliability.MILLISECOND
_MOST_FORESEEN = 5_000
#: Plans of a file for which it is asked, too, what moving another work would bring: a tenth of a second
#: each.
_MOST_JOINT = 20


class Checker:
    """Checks works against an index of all others that it keeps up to date with the store.

    One for a process: the first question reads everything, later ones only what was decided since. It
    holds the interruptions that reports count, history and plans, those to come included; a plan whose
    interruptions have not been counted yet (``counting.catch_up``) is held by what it asks for.
    """

    def __init__(
        self,
        store: Store,
        book: WorkBook,
        terms: Terms,
        runs: RunBook,
        read_rules: Callable[[Mapping[str, Any]], Constraints],
    ) -> None:
        self._store = store
        self._book = book
        self._terms = terms
        self._runs = runs
        self._read_rules = read_rules
        self._known: tuple[Index, NetworkIndex] | None = None
        self._ruling: Ruling
        self._marks = Marks(audit=-1, ledger=-1, rules=-1)
        self._pending: set[str] = set()
        self._counting: Counting | None = None
        self._unnamed: Sequence[reliability.Unnamed] = ()
        self._fresh = asyncio.Lock()

    async def check(self, number: str, now: datetime) -> Checked:
        """Checks a plan as it stands. Raises ``plans.PlanNotFound``."""
        index, network = await self._present(now)
        work = index.works.get(number)
        if work is None:
            # Long over, or cancelled before it was counted: the index has no place for it, and the
            # question stands.
            plan = await plans.find(self._store, number)
            work = Work(key=number, outages=(), kind=plan.kind.value, state=plan.state.value)
            for found in await self._book.counted(numbers=[number]):
                work = found
        return self._checked(index, network, work, now)

    async def moving_too(self, number: str, now: datetime) -> Checked:
        """The check of a plan with what moving another work too would bring; some tenths of a second.
        Raises ``plans.PlanNotFound``."""
        checked = await self.check(number, now)
        index = checked.index.fork()
        return await asyncio.to_thread(lambda: self._with_joint(replace(checked, index=index), now))

    async def foresee(self, contents: Sequence[PlanContent], now: datetime) -> list[Checked]:
        """Checks plans that are not in the store, against it and against each other.

        A file of more than some thousand plans is no month of works: nothing is said about it.
        """
        if len(contents) > _MOST_FORESEEN:
            return []
        index, network = await self._present(now)
        index = index.fork()
        works = await asyncio.to_thread(
            lambda: [draft_work(content, parts_of(content, network)) for content in contents]
        )
        for work in works:
            index.put(work)
        return await self._looked(index, network, works, now)

    async def look(self, numbers: Sequence[str], now: datetime) -> dict[str, Checked]:
        """Checks plans of a file that was taken in; those that are not in the store are left out, and
        so is a whole file of more than some thousand."""
        if len(numbers) > _MOST_FORESEEN:
            return {}
        index, network = await self._present(now)
        index = index.fork()
        works = [index.works[number] for number in dict.fromkeys(numbers) if number in index.works]
        return {
            item.check.work.key: item for item in await self._looked(index, network, works, now)
        }

    async def _looked(
        self, index: Index, network: NetworkIndex, works: Sequence[Work], now: datetime
    ) -> list[Checked]:
        """The checks of a file's plans, those of the first few with what moving another too brings."""

        def look() -> list[Checked]:
            found = [self._checked(index, network, work, now) for work in works]
            first = [self._with_joint(item, now) for item in found[:_MOST_JOINT]]
            return [*first, *found[_MOST_JOINT:]]

        return await asyncio.to_thread(look)

    async def index(self, now: datetime) -> Index:
        """Every work that counts, as it is at this moment."""
        index, _ = await self._present(now)
        return index

    def _checked(self, index: Index, network: NetworkIndex, work: Work, now: datetime) -> Checked:
        state = PlanState(work.state)
        rules = self._ruling.rules(work, now)
        is_over = state in (PlanState.DONE, PlanState.CANCELLED)
        check = online.check(
            index, work, rules, is_published=state is PlanState.APPROVED, suggest=not is_over
        )
        return Checked(
            check=check,
            index=index,
            network=network,
            zone=self._terms.zone,
            somewhere=self._somewhere(index, work, rules),
        )

    def _somewhere(
        self, index: Index, work: Work, rules: online_moves.Rules
    ) -> tuple[reliability.Somewhere, ...]:
        """What happened on the work's feeders within the look-back up to its beginning."""
        starts = [start for outage in work.outages for start, _ in outage.windows]
        if not starts or not self._unnamed:
            return ()
        feeders = {index.known[area].feeder_id for area in work.areas if area in index.known}
        there = (one for one in self._unnamed if one.feeder_id in feeders)
        first = min(starts) + 1
        return tuple(reliability.somewhere(there, first - rules.look, first, rules.momentary))

    def _with_joint(self, checked: Checked, now: datetime) -> Checked:
        check = checked.check
        joint = online_joint.moving_too(
            checked.index,
            check,
            self._ruling.rules(check.work, now),
            lambda other: self._ruling.rules_if_movable(other, now),
            is_published=check.work.state == PlanState.APPROVED,
        )
        return replace(checked, joint=joint)

    async def _present(self, now: datetime) -> tuple[Index, NetworkIndex]:
        """Everything as the store has it now; usually one small question to it."""
        async with self._fresh:
            marks = await self._book.marks()
            counting = self._terms.policy.counting
            is_other = (marks.ledger, counting) != (self._marks.ledger, self._counting)
            if self._known is None or is_other:
                self._counting = counting
                self._known = await self._read_all(now)
            elif marks != self._marks or self._pending:
                await self._follow(*self._known, now)
            _, network = self._known
            if (marks.ledger, marks.rules) != (self._marks.ledger, self._marks.rules):
                self._ruling = await self._rules(network)
            self._marks = marks
            return self._known

    async def _rules(self, network: NetworkIndex) -> Ruling:
        """What the bureau asks, read again where it or the ledger has changed."""
        kept = await self._runs.rules()
        if kept is None:
            return Ruling(None, {}, network, self._terms)
        constraints = self._read_rules(kept["body"])
        accounts = await self._runs.accounts([item.account for item in constraints.customer])
        return Ruling(constraints, accounts, network, self._terms)

    async def _read_all(self, now: datetime) -> tuple[Index, NetworkIndex]:
        async with self._store.read() as tx:
            network = await tx.network()
        areas = await self._book.areas()
        since = self._since(now)
        counted = await self._book.counted(ending_after=since)
        planned = await self._book.works(ending_after=since, only_uncounted=True)
        suffered = await self._suffered(now)
        self._pending = {item.plan.number for item in planned}

        def build() -> Index:
            with aside.settled():
                index = Index(areas)
                for work in (*counted, *suffered):
                    index.put(work)
                for item in planned:
                    index.put(_work(item, network))
                return index

        return await asyncio.to_thread(build), network

    async def _suffered(self, now: datetime) -> Sequence[Work]:
        """The history of areas and customers; what is nobody's is noted beside it."""
        since, momentary = self._since(now), self._terms.policy.counting.momentary
        self._unnamed = await self._book.unnamed(since, momentary)
        return await self._book.suffered(since, momentary)

    def _since(self, now: datetime) -> datetime:
        """What ended before is nobody's neighbour any more, wherever two works are moved."""
        return now - 2 * (self._terms.policy.counting.repeat_within + _FARTHEST)

    async def _follow(self, index: Index, network: NetworkIndex, now: datetime) -> None:
        """Reads again what was decided on, and what has been counted meanwhile."""
        changes = await self._book.changed(self._marks)
        if changes.has_history:
            for work in [work for work in index.works.values() if work.is_history]:
                index.drop(work.key)
            for work in await self._suffered(now):
                index.put(work)
        counted = await self._book.counted(numbers={*changes.numbers, *self._pending})
        for work in counted:
            index.put(work)
        self._pending |= changes.numbers
        self._pending -= {work.key for work in counted}
        changed = changes.numbers & self._pending
        if changed:
            planned = await self._book.works(numbers=changed, only_uncounted=True)
            for item in planned:
                index.put(_work(item, network))
            for number in changed - {item.plan.number for item in planned}:
                index.drop(number)


def _work(planned: PlannedWork, network: NetworkIndex) -> Work:
    """The plan for the index; what nobody has matched is matched by the ledger, in passing."""
    if not planned.is_matched:
        planned = replace(planned, parts=parts_of(planned.content, network))
    return as_work(planned)
