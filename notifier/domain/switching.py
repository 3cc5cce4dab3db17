"""The course of a switching plan: every step in its order, when it is done, and how supply comes back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notifier.domain.finding import Finding, Severity
from notifier.domain.network import steps
from notifier.domain.network.steps import Action, Step
from notifier.domain.plan import PlanContent, PlanKind, Switching, Transition
from notifier.domain.window import Window, union

#: A step without a time of its own is done this close to the moment at which its window begins or ends.
ASSUMED_SPAN = timedelta(minutes=15)

#: A step with a time may lie so far outside every window: a transfer is made some time before the work.
MARGIN = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The steps of a course carried out once: when each of them, and when the last state ends."""

    moments: tuple[datetime, ...]
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is switched, and when. Times are aware.

    ``out`` makes the place of work dead, ``back`` restores; ``runs`` has one entry for each window.
    ``windows`` are when work is done. The seconds of a step fall within ``spans`` where the plan says
    so, else from ``lead`` before its moment.
    """

    out: tuple[Step, ...]
    back: tuple[Step, ...]
    runs: tuple[Run, ...]
    windows: tuple[Window, ...]
    spans: tuple[Window, ...]
    lead: timedelta
    findings: tuple[Finding, ...]

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """The steps out, then those back."""
        return (*self.out, *self.back)


def course(content: PlanContent, switching: Switching) -> Course:
    """The course of a plan that has windows or spans; what is wrong with its times is in ``findings``.

    Steps are timed by the plan or not at all: times on some of them only, or times for one of several
    windows, are reported and not used.
    """
    findings: list[Finding] = []
    windows = union(content.windows)
    spans = union(span for transfer in content.transfers for span in transfer.spans)
    if content.kind is PlanKind.SHORT_TRANSFER and not spans:
        # A short transfer is nothing but its seconds: its windows are the spans in which they fall.
        windows, spans = (), windows
    out = _in_order(switching, findings)
    if _is_timed(switching, windows, findings):
        _check_times(out, (*windows, *spans), findings)
        return _timed(out, switching.back, windows, spans, findings)
    back = switching.back or back_of(out)
    if not windows:
        runs = _run_of_spans(out, back, spans)
        if len(spans) == 1 and not switching.back:
            back = ()  # the load stays where it was taken
        return Course(
            out=out, back=back, runs=runs, windows=(), spans=spans, lead=timedelta(),
            findings=tuple(findings),
        )  # fmt: skip
    return Course(
        out=out,
        back=back,
        runs=tuple(
            Run(moments=(w.starts_at,) * len(out) + (w.ends_at,) * len(back), ends_at=w.ends_at)
            for w in windows
        ),
        windows=windows,
        spans=spans,
        lead=ASSUMED_SPAN,
        findings=tuple(findings),
    )


def back_of(out: Sequence[Step]) -> tuple[Step, ...]:
    """What puts every switch back that ends otherwise than it began, in reverse."""
    first: dict[str, Action] = {}
    last: dict[str, Step] = {}
    for step in out:
        first.setdefault(step.switch, step.action)
        last.pop(step.switch, None)
        last[step.switch] = step
    moved = [step for step in last.values() if step.action is first[step.switch]]
    return steps.transfer_back(moved)


def is_after_all(out: Sequence[Step]) -> bool:
    """Whether steps written as the way out put everything back themselves."""
    return bool(out) and not back_of(out)


def _in_order(switching: Switching, findings: list[Finding]) -> tuple[Step, ...]:
    """The steps, each group in the order that its transition asks for where its steps have no times."""
    found = list(switching.steps)
    for group, transition in switching.transitions:
        places = [place for place, step in enumerate(found) if step.group == group]
        wanted = sorted((found[place] for place in places), key=_first_in(transition))
        if wanted == [found[place] for place in places]:
            continue
        if any(step.planned_at is not None for step in wanted):
            findings.append(
                _wrong(
                    "switching.contradictory",
                    f"分组{group or '—'}的操作顺序与“{_WORDS[transition][0]}”不符 / the steps of group "
                    f"{group or '-'} are not in the order of a transfer by {_WORDS[transition][1]}",
                    "改顺序或改转供方式 / another order, or another transition",
                )
            )
            continue
        for place, step in zip(places, wanted, strict=True):
            found[place] = step
    return tuple(found)


_WORDS = {
    Transition.OPEN: ("停电倒供（先断后合）", "open transition"),
    Transition.CLOSED: ("合环（先合后断）", "closed transition"),
}


def _first_in(transition: Transition) -> Callable[[Step], bool]:
    first = Action.OPEN if transition is Transition.OPEN else Action.CLOSE
    return lambda step: step.action is not first


def _is_timed(switching: Switching, windows: Sequence[Window], findings: list[Finding]) -> bool:
    written = (*switching.steps, *switching.back)
    timed = [step for step in written if step.planned_at is not None]
    if not timed:
        return False
    if len(timed) < len(written) and any(step.planned_at is None for step in switching.steps):
        findings.append(
            Finding(
                code="switching.partly_timed",
                severity=Severity.WARNING,
                found=f"{len(written)} 步中 {len(timed)} 步有时间 / "
                f"{len(timed)} of {len(written)} steps have a time",
                expected="每一步都有时间；现按窗口起止计 / a time for every step; "
                "taken to be done when the window begins and ends",
            )
        )
        return False
    if len(windows) > 1:
        findings.append(
            Finding(
                code="switching.times_not_used",
                severity=Severity.WARNING,
                found=f"{len(windows)} 个窗口 / {len(windows)} windows",
                expected="多个窗口各按起止时间操作；步骤时间未采用 / "
                "with several windows the steps are done at the ends of each",
            )
        )
        return False
    return True


def _check_times(out: Sequence[Step], windows: Sequence[Window], findings: list[Finding]) -> None:
    moments = [step.planned_at for step in out if step.planned_at is not None]
    if moments != sorted(moments):
        findings.append(
            _wrong(
                "switching.out_of_order",
                "有步骤早于前一步 / a step is planned before the one it follows",
                "按时间先后的步骤 / steps in the order of their times",
            )
        )
    first = min(window.starts_at for window in windows) - MARGIN
    last = max(window.ends_at for window in windows) + MARGIN
    stray = [step for step in out if not first <= (step.planned_at or first) <= last]
    if stray:
        findings.append(
            _wrong(
                "switching.outside_windows",
                f"“{stray[0]}”计划于 {stray[0].planned_at:%Y-%m-%d %H:%M%z} / "
                f"“{stray[0]}” is planned for {stray[0].planned_at:%Y-%m-%d %H:%M%z}",
                "停电窗口内或前后两小时内 / within the windows, or two hours around them",
            )
        )


def _timed(
    written: tuple[Step, ...],
    written_back: tuple[Step, ...],
    windows: tuple[Window, ...],
    spans: tuple[Window, ...],
    findings: list[Finding],
) -> Course:
    ends_at = windows[-1].ends_at if windows else spans[-1].starts_at
    ordered = tuple(sorted(written, key=_moment))
    cut = len(ordered)
    if not written_back and windows:
        cut = sum(1 for step in ordered if _moment(step) < ends_at)
    out, back = ordered[:cut], written_back or ordered[cut:]
    if is_after_all(out) and not back and len(out) > 1:
        # Everything is put back before the window ends: the way back is the second half.
        cut = _turn(out)
        out, back = out[:cut], out[cut:]
    rest = back_of((*out, *back)) if windows or len(spans) > 1 else ()
    back = (*back, *rest)
    at_end = max([ends_at, *(_moment(step) for step in (*out, *back) if step.planned_at)])
    moments = tuple(step.planned_at or at_end for step in (*out, *back))
    return Course(
        out=out,
        back=back,
        runs=(Run(moments=moments, ends_at=max(at_end, (windows or spans)[-1].ends_at)),),
        windows=windows,
        spans=(),
        lead=timedelta(),
        findings=tuple(findings),
    )


def _turn(out: Sequence[Step]) -> int:
    """Where steps that undo themselves turn back: before the first that undoes an earlier one."""
    met: dict[str, Action] = {}
    for place, step in enumerate(out):
        if met.get(step.switch) is step.action.inverse:
            return place
        met[step.switch] = step.action
    return len(out)


def _run_of_spans(
    out: Sequence[Step], back: Sequence[Step], spans: Sequence[Window]
) -> tuple[Run, ...]:
    first, last = spans[0], spans[-1]
    if len(spans) == 1:
        return (Run(moments=(first.starts_at,) * len(out), ends_at=first.ends_at),)
    moments = (first.starts_at,) * len(out) + (last.starts_at,) * len(back)
    return (Run(moments=moments, ends_at=last.ends_at),)


def _moment(step: Step) -> datetime:
    assert step.planned_at is not None  # noqa: S101  # narrows for the type checker
    return step.planned_at


def moved(switching: Switching, back: Sequence[Step], by: timedelta, *, now: datetime) -> Switching:
    """The switching with those of its steps back that have a time and are to come moved by ``by``."""

    def shifted(found: Iterable[Step]) -> tuple[Step, ...]:
        return tuple(
            replace(step, planned_at=step.planned_at + by)
            if step.planned_at is not None and step.planned_at >= now and step in back
            else step
            for step in found
        )

    return replace(switching, steps=shifted(switching.steps), back=shifted(switching.back))


def _wrong(code: str, found: str, expected: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, found=found, expected=expected)
