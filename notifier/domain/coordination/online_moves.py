"""Better times for a work that comes in: other days, and starts shared with another work."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from notifier.domain.coordination.online_counting import Alone, Kind, Measure, Tally, outages, tally
from notifier.domain.coordination.online_index import MINUTE, Work
from notifier.domain.coordination.problem import Weights

#: Milliseconds.
DAY = 1440 * MINUTE
_HALF_HOUR = 30 * MINUTE
#: Over how long interruptions are counted where nobody says otherwise (3 in 60 days).
LOOK = 60 * DAY
#: Other works with which a common start is tried.
_PARTNERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """By what a work is judged ``now``; all times in milliseconds. ``look``: how far works are looked
    for, and over how long interruptions are counted; ``momentary``: the policy's limit; ``times``: so
    many within the look-back put a customer on the repeat list. ``candidates`` are the moves tried;
    ``refuses`` says why a first start is not allowed, or nothing."""

    weights: Weights = field(default_factory=Weights)
    now: int = 0
    look: int = LOOK
    momentary: int = 3 * MINUTE
    times: int = 3
    candidates: tuple[int, ...] = tuple(n * DAY for n in range(-22, 23) if n)
    refuses: Callable[[int], str] = lambda _start: ""

    @property
    def measure(self) -> Measure:
        """By what is counted."""
        return Measure(within=self.look, momentary=self.momentary, limit=self.weights.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A better time. ``shift`` is the move, ``start`` the new first start (milliseconds).

    ``gain`` is in units of the objective, the price of telling people again (``told_again`` customers)
    taken off. The other figures are customers and customer-milliseconds, now less then; they may be
    negative. ``merged`` are the works with which it would share an outage, and the customers of each.
    """

    shift: int
    start: int
    gain: int
    spared_repeats: int
    spared_over_limit: int
    spared_interruptions: int
    spared_time: int
    told_again: int
    merged: tuple[tuple[Work, int], ...]


def best_moves(
    kinds: Sequence[Kind],
    first: int,
    rules: Rules,
    is_published: bool,
    refused: Counter[str],
) -> tuple[Suggestion, ...]:
    """The three best other times, each on a day of its own."""
    shifts = set(rules.candidates)
    shared: Counter[tuple[int, int]] = Counter()
    for kind in kinds:
        for spell in kind.others:
            if not spell.work.is_history:
                shared[spell.starts_at, spell.ends_at] += kind.customers
    widest = max((abs(shift) for shift in rules.candidates), default=0)
    partners = sorted(shared, key=lambda span: (-shared[span], span))[:_PARTNERS]
    shifts |= {start - first for start, _ in partners if 0 < abs(start - first) <= widest}
    allowed = []
    for shift in sorted(shifts):
        why = rules.refuses(first + shift)
        if why:
            refused[why] += 1
        else:
            allowed.append(shift)
    # What cannot change whatever the day has no place in the comparison.
    moving = [kind for kind in kinds if kind.others]
    measure = rules.measure
    alone = [Alone(kind, measure) for kind in moving]
    now = [tally(outages(kind, 0), measure) for kind in moving]
    told = sum(kind.customers for kind in kinds) if is_published else 0
    found = []
    for shift in allowed:
        suggestion = _moved(moving, alone, now, shift, first, rules, told)
        if suggestion.gain > 0:
            found.append(suggestion)
    found.sort(key=lambda it: (-it.gain, abs(it.shift), it.shift))
    best: list[Suggestion] = []
    for suggestion in found:
        if all(abs(suggestion.start - other.start) >= DAY // 2 for other in best):
            best.append(suggestion)
        if len(best) == 3:
            break
    return tuple(replace(it, merged=_merging(moving, it.shift)) for it in best)


def _moved(
    kinds: Sequence[Kind],
    alone: Sequence[Alone],
    now: Sequence[Tally],
    shift: int,
    first: int,
    rules: Rules,
    told: int,
) -> Suggestion:
    weights = rules.weights
    gain = -weights.move_notified * told
    repeats = over = interruptions = lasting = 0
    for kind, others, before in zip(kinds, alone, now, strict=True):
        after = others.with_windows([(start + shift, end + shift) for start, end in kind.own])
        gain += kind.burden * (cost(before, weights) - cost(after, weights))
        repeats += kind.customers * (before.repeats - after.repeats)
        over += kind.customers * (before.over - after.over)
        interruptions += kind.customers * (before.interruptions - after.interruptions)
        lasting += kind.customers * (before.lasting - after.lasting)
    return Suggestion(
        shift=shift,
        start=first + shift,
        gain=gain,
        spared_repeats=repeats,
        spared_over_limit=over,
        spared_interruptions=interruptions,
        spared_time=lasting,
        told_again=told,
        merged=(),
    )


def _merging(kinds: Sequence[Kind], shift: int) -> tuple[tuple[Work, int], ...]:
    """The planned works with which the moved one would overlap, and the customers of each."""
    merged: Counter[str] = Counter()
    works: dict[str, Work] = {}
    for kind in kinds:
        sharing = {
            spell.work.key: spell.work
            for spell in kind.others
            if not spell.work.is_history
            and any(
                spell.starts_at < end + shift and start + shift < spell.ends_at
                for start, end in kind.own
            )
        }
        works |= sharing
        merged.update(dict.fromkeys(sharing, kind.customers))
    return tuple((works[key], number) for key, number in merged.most_common())


def cost(tally: Tally, weights: Weights) -> int:
    """What one customer's outages cost by the objective."""
    return (
        weights.interruption * tally.interruptions
        + weights.repeat * tally.repeats
        + weights.over_limit * tally.over
        + weights.half_hour * tally.lasting // _HALF_HOUR
    )
