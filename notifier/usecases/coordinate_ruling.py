"""The bureau's wishes for one plan at submission: prices, and starts that are not to be suggested."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.coordination import allowing, online_moves
from notifier.domain.coordination.constraints import Constraints
from notifier.domain.coordination.gathering import STEPS_A_DAY, Shape
from notifier.domain.coordination.online_index import MINUTE, Work
from notifier.domain.finding import Finding
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import PlanKind, PlanState
from notifier.domain.policy import Policy
from notifier.domain.reliability import MILLISECOND, instant_of
from notifier.usecases.coordinate_contracts import Terms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HALF_HOUR = 30 * MINUTE
#: The calendar of the check has no period: it begins before all plans and ends after them.
_BEGINS, _DAYS = date(2000, 1, 1), 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ever:
    """Where and when the calendar holds; see ``allowing.Calendar``."""

    terms: Terms
    accounts: Mapping[str, int]
    first: date = _BEGINS
    days: int = _DAYS
    now: datetime = _EPOCH

    @property
    def zone(self) -> ZoneInfo:
        return self.terms.zone

    @property
    def policy(self) -> Policy:
        return self.terms.policy


class Ruling:
    """The rules in force, ready to be asked plan by plan. ``constraints`` None: none were imported,
    and only the law's notice bounds what is suggested."""

    def __init__(
        self,
        constraints: Constraints | None,
        accounts: Mapping[str, int],
        network: NetworkIndex,
        terms: Terms,
    ) -> None:
        self._terms = terms
        self._constraints = constraints or Constraints()
        self._calendar: allowing.Calendar | None = None
        self._held = _held(self._constraints)
        if constraints is not None:
            findings: list[Finding] = []
            places = allowing.Places(network, constraints, findings)
            around = _Ever(terms=terms, accounts=accounts)
            self._calendar = allowing.Calendar(constraints, places, around, findings)

    def rules(self, work: Work, now: datetime) -> online_moves.Rules:
        """By what the work is judged now."""
        policy = self._terms.policy
        kind = PlanKind(work.kind)
        return online_moves.Rules(
            weights=self._constraints.coordination.weights,
            now=instant_of(now),
            look=policy.counting.repeat_within // MILLISECOND,
            momentary=policy.counting.momentary // MILLISECOND,
            times=policy.counting.repeat_times,
            refuses=self._refuses(work, kind, now + policy.legal_lead.get(kind, timedelta())),
        )

    def rules_if_movable(self, work: Work, now: datetime) -> online_moves.Rules | None:
        """The rules of a work that might be moved for the sake of another one. Nothing where it stays: it
        was approved or is no planned outage, begins within the frozen days, is fixed, or is bound to
        other works."""
        begins = min((start for item in work.outages for start, _ in item.windows), default=0)
        frozen = now + timedelta(days=self._constraints.coordination.frozen_days)
        if (
            work.state != PlanState.SUBMITTED
            or work.kind not in (PlanKind.PLANNED, PlanKind.SHORT_NOTICE)
            or begins < instant_of(frozen)
            or work.key in self._held
        ):
            return None
        return self.rules(work, now)

    def _refuses(self, work: Work, kind: PlanKind, floor: datetime) -> Callable[[int], str]:
        earliest = instant_of(floor)
        calendar = self._calendar
        if calendar is None or not any(outage.windows for outage in work.outages):
            return lambda start: "notice" if start < earliest else ""
        subject = allowing.Subject(
            number=work.key,
            kind=kind,
            state=PlanState(work.state),
            out=frozenset(area for area in work.areas if area > 0),
        )
        shape = self._shape(work)
        return lambda start: calendar.refusal(subject, shape, self._step(start), floor)

    def _shape(self, work: Work) -> Shape:
        windows = sorted(window for outage in work.outages for window in outage.windows)
        first, last = self._step(windows[0][0]), self._step(windows[-1][0])
        longest = max(end - start for start, end in windows)
        return Shape(
            start=first,
            half_hours=-(-longest // _HALF_HOUR),
            days=last // STEPS_A_DAY - first // STEPS_A_DAY + 1,
            is_regular=True,
        )

    def _step(self, instant: int) -> int:
        """Milliseconds since 1970 on the calendar's grid, by the local clock."""
        local = (_EPOCH + instant * MILLISECOND).astimezone(self._terms.zone)
        day = (local.date() - _BEGINS).days
        return day * STEPS_A_DAY + (local.hour * 60 + local.minute) // 30


def _held(constraints: Constraints) -> frozenset[str]:
    """Plans that cannot be moved by themselves: fixed ones, and those bound to others."""
    return frozenset(
        [window.plan for window in constraints.window if window.fixed]
        + [number for item in constraints.precedence for number in (item.first, item.then)]
        + [number for item in constraints.same_outage for number in item.plans]
        + [number for item in constraints.exclusive for number in item.plans]
    )


def unknown(
    constraints: Constraints, accounts: Mapping[str, int], network: NetworkIndex, terms: Terms
) -> tuple[Finding, ...]:
    """The names and accounts of a bureau's wishes that the ledger does not have."""
    findings: list[Finding] = []
    places = allowing.Places(network, constraints, findings)
    allowing.Calendar(constraints, places, _Ever(terms=terms, accounts=accounts), findings)
    for item in constraints.transfer:
        places.areas(item.areas, (), ())
        if item.tie_feeder:
            places.feeder(item.tie_feeder)
    return tuple(findings)
