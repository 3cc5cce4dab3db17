"""What moving one other work too would save: pairs of starts, weighed together."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from notifier.domain.coordination import online
from notifier.domain.coordination.online_counting import Alone, Kind, Tally, outages
from notifier.domain.coordination.online_index import Index, Work
from notifier.domain.coordination.online_moves import Rules, cost
from notifier.domain.reliability import Span

#: Other works that are tried, those that share most first.
_OTHERS = 8
#: Customers of one kind weighed at one pair of starts, in all: about a tenth of a second. A number and
#: not a time, so that the same question has the same answer.
STEPS = 6_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """Two works at other times. ``shift`` and ``start`` are the work's own (0: it stays), ``other_shift``
    and ``other_start`` those of the ``other``; milliseconds.

    ``gain`` is in units of the objective against both as they stand, the price of telling people again
    taken off; ``more`` is what of it no move of the work alone would bring. The other figures are
    customers and customer-milliseconds, now less then. ``is_merged``: they would share an outage.
    """

    other: Work
    shift: int
    start: int
    other_shift: int
    other_start: int
    gain: int
    more: int
    spared_repeats: int
    spared_over_limit: int
    spared_interruptions: int
    spared_time: int
    told_again: int
    is_merged: bool


@dataclass(frozen=True, slots=True)
class _Both:
    """Customers of one kind with the windows of both works there, and what else they suffer: ``alone``,
    and at the very least (``floor``) wherever the two are."""

    alone: Alone
    floor: Tally
    customers: int
    burden: int
    own: tuple[Span, ...]
    others: tuple[Span, ...]

    def at(self, shift: int, other_shift: int) -> Tally:
        """What each of them suffers with both works moved."""
        windows = [(start + shift, end + shift) for start, end in self.own]
        windows += [(start + other_shift, end + other_shift) for start, end in self.others]
        return self.alone.with_windows(windows)


def moving_too(
    index: Index,
    found: online.Check,
    rules: Rules,
    rules_of: Callable[[Work], Rules | None],
    *,
    is_published: bool = False,
    steps: int = STEPS,
) -> tuple[Joint, ...]:
    """For up to three other works what moving them as well would bring, the best first; only where it
    brings more than the best move of the work alone.

    ``found`` is the check of the work, which stands in the index as it was checked; ``rules_of`` gives
    the rules of another work, or nothing where it has to stay. Every pair of starts is weighed, in the
    order of what it could bring at most, until ``steps`` are used up.
    """
    work = found.work
    if not found.others:
        return ()  # a work that takes nobody out has none, and no start either
    best_alone = max((item.gain for item in found.suggestions), default=0)
    shifts = _allowed(work, rules, (item.shift for item in found.suggestions))
    joints = []
    for other in [item.work for item in found.others if not item.work.is_history][:_OTHERS]:
        other_rules = rules_of(other)
        if other_rules is None:
            continue
        if steps <= 0:
            break
        pair = _Pair(index, work, other, rules, found.customers if is_published else 0)
        towards = (_begins(work) + shift - _begins(other) for shift in shifts)
        joint, used = pair.best(shifts, _allowed(other, other_rules, towards), best_alone, steps)
        steps -= used
        if joint is not None:
            joints.append(joint)
    joints.sort(key=lambda joint: (-joint.gain, joint.other.key))
    return tuple(joints[:3])


class _Pair:
    """Two works and everybody whom one of them takes out, by which of them."""

    def __init__(self, index: Index, work: Work, other: Work, rules: Rules, told: int) -> None:
        self._work, self._other, self._rules, self._told = work, other, rules, told
        kinds = online.kinds_of(index, work, rules, farther=True)
        self._shared = [self._of(kind, other, False) for kind in kinds if _has(kind, other)]
        # What cannot change whatever the day has no place in the comparison.
        self._mine = [
            self._of(kind, other, False) for kind in kinds if kind.others and not _has(kind, other)
        ]
        self._theirs = [
            self._of(kind, work, True)
            for kind in online.kinds_of(index, other, rules, farther=True)
            if kind.others and not _has(kind, work)
        ]

    def _of(self, kind: Kind, other: Work, swapped: bool) -> _Both:
        """``swapped``: the kind is one of the other work's own, and ``other`` is the first."""
        theirs = tuple(
            (spell.starts_at, spell.ends_at) for spell in kind.others if spell.work.key == other.key
        )
        rest = replace(kind, others=[s for s in kind.others if s.work.key != other.key])
        alone = Alone(rest, self._rules.measure)
        own, others = (theirs, kind.own) if swapped else (kind.own, theirs)
        return _Both(
            alone, _floor(rest, alone, (*own, *others)), kind.customers, kind.burden, own, others
        )

    def best(
        self, shifts: Sequence[int], other_shifts: Sequence[int], beyond: int, steps: int
    ) -> tuple[Joint | None, int]:
        """The best pair of starts that brings more than ``beyond``, and how many steps it took."""
        mine = {shift: self._cost(self._mine, shift, 0) for shift in shifts}
        mine = {shift: n + self._price(shift) for shift, n in mine.items()}
        theirs = {shift: self._cost(self._theirs, 0, shift) for shift in other_shifts}
        used = len(mine) * len(self._mine) + len(theirs) * len(self._theirs)
        now = mine[0] + theirs[0] + self._cost(self._shared, 0, 0)
        floor = sum(both.burden * cost(both.floor, self._rules.weights) for both in self._shared)
        pairs = [(mine[a] + theirs[b], a, b) for a in shifts for b in other_shifts if b]
        pairs.sort(
            key=lambda pair: (pair[0], not self._meet(*pair[1:]), abs(pair[1]), abs(pair[2]))
        )
        chosen, least = None, now - beyond
        for apart, shift, other_shift in pairs:
            if apart + floor >= least or used >= steps:
                break
            used += len(self._shared)
            found = apart + self._cost(self._shared, shift, other_shift)
            if found < least:
                chosen, least = (shift, other_shift), found
        if chosen is None:
            return None, used
        return self._joint(*chosen, gain=now - least, beyond=beyond), used

    def _cost(self, kinds: Sequence[_Both], shift: int, other_shift: int) -> int:
        weights = self._rules.weights
        return sum(both.burden * cost(both.at(shift, other_shift), weights) for both in kinds)

    def _price(self, shift: int) -> int:
        return self._rules.weights.move_notified * self._told if shift else 0

    def _meet(self, shift: int, other_shift: int) -> bool:
        return any(
            start + shift <= end_other + other_shift and start_other + other_shift <= end + shift
            for both in self._shared[:1]
            for start, end in both.own
            for start_other, end_other in both.others
        )

    def _joint(self, shift: int, other_shift: int, *, gain: int, beyond: int) -> Joint:
        repeats = over = interruptions = lasting = 0
        for both in (*self._mine, *self._theirs, *self._shared):
            before, after = both.at(0, 0), both.at(shift, other_shift)
            repeats += both.customers * (before.repeats - after.repeats)
            over += both.customers * (before.over - after.over)
            interruptions += both.customers * (before.interruptions - after.interruptions)
            lasting += both.customers * (before.lasting - after.lasting)
        return Joint(
            other=self._other,
            shift=shift,
            start=_begins(self._work) + shift,
            other_shift=other_shift,
            other_start=_begins(self._other) + other_shift,
            gain=gain,
            more=gain - beyond,
            spared_repeats=repeats,
            spared_over_limit=over,
            spared_interruptions=interruptions,
            spared_time=lasting,
            told_again=self._told if shift else 0,
            is_merged=self._meet(shift, other_shift),
        )


def _floor(rest: Kind, alone: Alone, windows: Sequence[Span]) -> Tally:
    """More windows make nothing better, but where one of them fills the pause between two outages."""
    found = alone.with_windows(())
    longest = max((end - start for start, end in windows), default=0)
    suffered = outages(rest)
    if any(b - a <= longest for (_, a), (b, _) in pairwise(suffered)):
        return Tally(interruptions=min(1, found.interruptions), lasting=found.lasting)
    return found


def _begins(work: Work) -> int:
    return min(start for outage in work.outages for start, _ in outage.windows)


def _has(kind: Kind, other: Work) -> bool:
    return any(spell.work.key == other.key for spell in kind.others)


def _allowed(work: Work, rules: Rules, more: Iterable[int]) -> list[int]:
    """Moves of a work, none among them, as near as may be first."""
    begins, widest = _begins(work), max(map(abs, rules.candidates), default=0)
    wanted = {*rules.candidates, *(shift for shift in more if abs(shift) <= widest)} - {0}
    return [0, *sorted((s for s in wanted if not rules.refuses(begins + s)), key=abs)]
