"""What must be wrong with nothing before a switching plan may be approved.

Each finding is one sentence in the names the dispatcher uses; severity ERROR blocks approval.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from notifier.domain import finding
from notifier.domain.impact import ImpactClass
from notifier.domain.network import classify, model, target, trace, zones

STALE_AFTER = timedelta(days=7)
"""How old a model may be unless policy says otherwise."""


def check(
    verdict: classify.Verdict,
    work: target.WorkArea | None,
    *,
    now: datetime | None,
    stale_after: timedelta = STALE_AFTER,
    working_states: Sequence[int] | None = None,
) -> tuple[finding.Finding, ...]:
    """Everything that forbids or deserves a second look at this plan.

    ``working_states`` are the states in which people work, by number, 0 being the one before the
    plan; the last state where nothing is said. Without ``now`` the model's age is not judged.
    """
    traced = verdict.trace
    found = list(traced.findings)
    found += _target(traced, work, working_states)
    age = stale(traced.graph.network.as_of, now, stale_after)
    found += [age] if age is not None else []
    if any(block.is_partly_known for block in traced.walked):
        found.append(
            _blocking(
                "trace.partly_traced",
                "相邻馈线的模型缺失，影响范围未知 / "
                "the model of a neighbouring feeder is missing: part of the impact is unknown",
                "补全模型后重算 / import the missing part and trace again",
            )
        )
    if not any(c not in classify.QUIET for c in verdict.counts) and not _moves_area(verdict):
        found.append(
            _blocking(
                "trace.empty_impact",
                "没有任何用户受影响 / nobody is affected by this plan",
                "核对开关与工作地点 / check the switches and the place of work",
            )
        )
    return tuple(found)


def stale(
    as_of: datetime | None, now: datetime | None, stale_after: timedelta = STALE_AFTER
) -> finding.Finding | None:
    """A blocking finding where a model as of ``as_of`` is too old to plan on."""
    if now is None or as_of is None or now - as_of <= stale_after:
        return None
    days = (now - as_of).days
    return _blocking(
        "trace.stale_model",
        f"网络模型已有 {days} 天未更新 / the network model is {days} days old",
        f"不超过 {stale_after.days} 天 / {stale_after.days} days at most",
    )


def disagreements(
    network: model.Network, statuses: Mapping[int, model.SwitchStatus]
) -> tuple[finding.Finding, ...]:
    """Switches that stand otherwise than normally, or whose status is of doubtful quality."""
    found = []
    for branch, status in statuses.items():
        name = network.label(branch)
        if not status.is_good:
            found.append(
                finding.Finding(
                    code="network.status_doubtful",
                    severity=finding.Severity.WARNING,
                    found=f"开关 {name} 的位置品质不良 / the status of switch {name} is marked bad",
                )
            )
        known = branch not in network.state_unknown
        if known and status.is_open != bool(network.normal_open[branch]):
            zh, en = ("分", "open") if status.is_open else ("合", "closed")
            found.append(
                finding.Finding(
                    code="network.status_disagrees",
                    severity=finding.Severity.WARNING,
                    found=f"开关 {name} 现为{zh}位，与常态不符 / switch {name} is {en}, "
                    "unlike its normal state",
                )
            )
    return tuple(found)


def _target(
    traced: trace.Trace, work: target.WorkArea | None, states: Sequence[int] | None
) -> list[finding.Finding]:
    if work is None:
        return []
    live = target.energised(traced, work)
    if live is None:
        return []
    last = traced.state_count - 1
    hot = [state for state in (states if states is not None else (last,)) if live[state]]
    if not hot:
        return []
    state = hot[0]
    feeds = {
        name
        for zone in work.zones
        if (name := traced.graph.feeds_text(traced.feeds_at(zone)[state]))
    }
    step = f"第{state}步后 / after step {state}" if state else "操作前 / before the first step"
    return [
        _blocking(
            "trace.target_energised",
            f"工作地点 {work.label} 仍带电（{step}，来自 {'、'.join(sorted(feeds))}） / "
            f"{work.label} is still energised by {', '.join(sorted(feeds))}",
            "工作地点无电 / a dead work area",
        )
    ]


def _moves_area(verdict: classify.Verdict) -> bool:
    """Whether some area loses supply although no customer is known to stand in it."""
    areas = verdict.areas()
    return bool(areas.out or areas.short or areas.unknown)


def _blocking(code: str, found: str, expected: str) -> finding.Finding:
    return finding.Finding(
        code=code, severity=finding.Severity.ERROR, found=found, expected=expected
    )


def summary(verdict: classify.Verdict) -> dict[ImpactClass, int]:
    """How many customers of each class, gravest first."""
    return {kind: verdict.counts[kind] for kind in ImpactClass if kind in verdict.counts}


def feeders(graph: zones.ZoneGraph, verdict: classify.Verdict, zone: int) -> tuple[str, str]:
    """The feeders of a zone before and after the plan, as text."""
    feeds = verdict.trace.feeds_at(zone)
    return graph.feeds_text(feeds[0]), graph.feeds_text(feeds[-1])


def has_blocking(
    verdict: classify.Verdict, work: target.WorkArea | None, *, now: datetime | None
) -> bool:
    """Whether anything forbids approving this plan."""
    return finding.has_errors(check(verdict, work, now=now))
