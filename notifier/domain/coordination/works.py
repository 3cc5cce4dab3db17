"""Plans as coordination sees them: what each says, and which areas it takes out when."""

from dataclasses import dataclass

from notifier.domain import matching
from notifier.domain.coordination.online_index import Outage, Work
from notifier.domain.impact import ImpactClass
from notifier.domain.network_index import NetworkIndex
from notifier.domain.plan import Plan, PlanContent, PlanState
from notifier.domain.reliability import Span, instant_of
from notifier.domain.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How far the store had come: what was read up to here need not be read again."""

    audit: int
    ledger: int
    rules: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What was decided since: on which plans, and whether history was imported."""

    numbers: frozenset[str]
    has_history: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Areas (by id) that share class and windows."""

    impact_class: ImpactClass
    windows: tuple[Window, ...]
    areas: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWork:
    """A plan with its present content and the frozen impact of it, area by area.

    ``is_matched`` is False, and there are no parts, where nobody has computed the impact yet.
    """

    plan: Plan
    content: PlanContent
    parts: tuple[Part, ...]
    is_matched: bool

    def areas(self, impact_class: ImpactClass) -> tuple[int, ...]:
        """The areas of a class, ascending."""
        return tuple(
            sorted(
                {a for part in self.parts if part.impact_class is impact_class for a in part.areas}
            )
        )


def parts_of(content: PlanContent, network: NetworkIndex) -> tuple[Part, ...]:
    """The areas a plan would touch by the ledger alone: for what was never matched."""
    return parts_of_match(matching.match(content, network))


def parts_of_match(match: matching.Match) -> tuple[Part, ...]:
    """A match as parts; an area that is hit in part counts as hit."""
    areas: dict[int, list[int]] = {}
    for area, number in {**match.traced_areas, **match.areas}.items():
        areas.setdefault(number, []).append(area)
    return tuple(
        Part(
            impact_class=group.impact_class,
            windows=group.windows,
            areas=tuple(sorted(areas.get(group.number, ()))),
        )
        for group in match.groups
    )


def as_work(planned: PlannedWork) -> Work:
    """The plan for the online index before its interruptions are counted: by its present revision
    alone, and an area that is hit in part counts as hit. Only what is out counts, and only until supply
    came back."""
    plan, outages = planned.plan, []
    is_firm = plan.state in (PlanState.APPROVED, PlanState.DONE)
    for part in planned.parts:
        if part.impact_class is ImpactClass.OUT and part.areas:
            restored = None if plan.restored_at is None else instant_of(plan.restored_at)
            windows = tuple(
                (start, end if restored is None else min(end, restored))
                for start, end in (span_of(window) for window in part.windows)
                if restored is None or start < restored
            )
            outages.append(Outage(areas=part.areas, windows=windows, is_firm=is_firm))
    return Work(
        key=plan.number,
        outages=tuple(outages),
        kind=plan.kind.value,
        state=plan.state.value,
        department=plan.department,
        revision=plan.revision,
    )


def draft_work(content: PlanContent, parts: tuple[Part, ...]) -> Work:
    """A plan that is not in the store, for the online index."""
    return Work(
        key=content.number,
        outages=tuple(
            Outage(
                areas=part.areas,
                windows=tuple(span_of(window) for window in part.windows),
                is_firm=False,
            )
            for part in parts
            if part.impact_class is ImpactClass.OUT and part.areas
        ),
        kind=content.kind.value,
        state=PlanState.DRAFT.value,
        department=content.department,
    )


def span_of(window: Window) -> Span:
    """A window in whole milliseconds since 1970 UTC."""
    return instant_of(window.starts_at), instant_of(window.ends_at)
