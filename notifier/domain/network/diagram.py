"""The single-line diagram of what a plan touches, as SVG: zones as bars, switches between them.

Only the affected part and its nearest neighbours are drawn. The colours say what becomes of a
zone's customers, the switch symbols how they stand in the work window; what the plan operates has
a ring. Everything is plain text and shapes, without scripts or outside fonts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from notifier.domain.impact import ImpactClass
from notifier.domain.network import classify, model, steps, target, zones

MAX_ZONES = 160
"""Beyond this many zones the blocks are drawn instead: a picture nobody can read helps nobody."""

_COLUMN, _ROW, _MARGIN, _TOP = 252, 58, 40, 74

_COLOURS = {
    ImpactClass.OUT: "#c62828",
    ImpactClass.SHORT: "#ef8f00",
    ImpactClass.UNKNOWN: "#7b3fa0",
    ImpactClass.TRANSFERRED_LIVE: "#1565c0",
    ImpactClass.PARALLELED: "#1565c0",
    ImpactClass.LOST_ONE_SOURCE: "#1565c0",
    ImpactClass.ENERGISED_BY_PLAN: "#00897b",
    ImpactClass.DEAD_BEFORE: "#8a8f98",
    ImpactClass.UNAFFECTED: "#2e7d32",
}

_WORDS = {
    ImpactClass.OUT: "停电 out",
    ImpactClass.SHORT: "短时停电 short",
    ImpactClass.UNKNOWN: "未知 unknown",
    ImpactClass.TRANSFERRED_LIVE: "不停电转供 moved live",
    ImpactClass.PARALLELED: "合环 paralleled",
    ImpactClass.LOST_ONE_SOURCE: "失去一路电源 lost one source",
    ImpactClass.ENERGISED_BY_PLAN: "由此送电 energised",
    ImpactClass.DEAD_BEFORE: "原已无电 dead before",
    ImpactClass.UNAFFECTED: "供电 live",
}

_STYLE = (
    "text{font-family:'Noto Sans CJK SC','Microsoft YaHei','Helvetica Neue',Arial,sans-serif;"
    "fill:#1c2430}.n{font-size:12.5px;font-weight:600}.d{font-size:11px;fill:#5b6472}"
    ".s{font-size:10.5px;fill:#39424e;paint-order:stroke;stroke:#fbfcfd;stroke-width:3px}.t{font-size:17px;font-weight:700}"
    ".w{fill:none;stroke:#3b4552;stroke-width:1.6}.tie{stroke-dasharray:5 4;stroke:#8a8f98}"
)


@dataclass(slots=True)
class _Bar:
    """One drawn zone or block; ``x`` is its column, ``y`` its row."""

    zones: Sequence[int]
    kind: ImpactClass
    name: str = ""
    detail: str = ""
    is_work: bool = False
    x: int = 0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class _Wire:
    a: int
    b: int
    name: str
    is_closed: bool
    is_operated: bool
    is_switch: bool


def draw(verdict: classify.Verdict, work: target.WorkArea | None = None, *, title: str = "") -> str:
    """The diagram of a plan as one SVG document, in the state of the work window."""
    bars = _bars(verdict, work)
    wires = _wires(verdict, bars)
    tree = _lay_out(bars, wires)
    width = _MARGIN * 2 + _COLUMN * (1 + max((bar.x for bar in bars), default=0)) + 40
    width = max(width, 760)
    height = _TOP + _MARGIN + _ROW * (1 + int(max((bar.y for bar in bars), default=0))) + 34
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>{escape(title or '单线图 single-line diagram')}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fbfcfd"/>',
        f'<text class="t" x="{_MARGIN}" y="34">{escape(title)}</text>',
        f'<text class="d" x="{_MARGIN}" y="53">{escape(_subtitle(verdict))}</text>',
    ]
    lines += [
        _draw_wire(bars[wire.a], bars[wire.b], wire, is_tree=number in tree)
        for number, wire in enumerate(wires)
    ]
    lines += [_draw_bar(bar) for bar in bars]
    lines.append(_legend(bars, height))
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def _bars(verdict: classify.Verdict, work: target.WorkArea | None) -> list[_Bar]:
    graph = verdict.trace.graph
    at_work = set(work.zones) if work else set()
    kinds = {id(block): kind for block, kind in verdict.blocks}
    shown: dict[int, ImpactClass] = {}
    groups: list[tuple[Sequence[int], ImpactClass]] = []
    total = sum(len(block.zones) for block in verdict.trace.blocks)
    for block in verdict.trace.blocks:
        kind = kinds[id(block)]
        if total > MAX_ZONES:
            groups.append((block.zones, kind))
        else:
            groups += [((zone,), kind) for zone in block.zones]
        shown.update(dict.fromkeys(block.zones, kind))
    groups += [((zone,), _quiet(verdict, zone)) for zone in at_work if zone not in shown]
    shown.update((zone, _quiet(verdict, zone)) for zone in at_work if zone not in shown)
    operated = _operated(verdict)
    neighbours: dict[int, None] = {}
    for members, _ in groups:
        for zone in members:
            for link in graph.zone_links[zone]:
                other = graph.link_a[link] + graph.link_b[link] - zone
                if other not in shown and (total <= MAX_ZONES or link in operated):
                    neighbours[other] = None
    for link in operated:
        for zone in (graph.link_a[link], graph.link_b[link]):
            if zone not in shown:
                neighbours[zone] = None
    near = [((zone,), _quiet(verdict, zone)) for zone in list(neighbours)[:MAX_ZONES]]
    bars = [
        _Bar(zones=members, kind=kind, is_work=not at_work.isdisjoint(members))
        for members, kind in [*near, *groups]
    ]
    _name(verdict, bars)
    return bars


def _quiet(verdict: classify.Verdict, zone: int) -> ImpactClass:
    feeds = verdict.trace.graph.normal_feeds(zone)
    if zones.is_unknown(feeds):
        return ImpactClass.UNKNOWN
    return ImpactClass.UNAFFECTED if feeds else ImpactClass.DEAD_BEFORE


def _operated(verdict: classify.Verdict) -> dict[int, bool]:
    """The links the plan moves, with whether each is closed in the end."""
    traced = verdict.trace
    return {
        link: step.action is steps.Action.CLOSE
        for link, step in zip(traced.moves, traced.steps, strict=True)
        if link is not None
    }


def _name(verdict: classify.Verdict, bars: list[_Bar]) -> None:
    graph = verdict.trace.graph
    network = graph.network
    first: dict[int, str] = {}
    wanted = {zone for bar in bars for zone in bar.zones}
    for node, zone in enumerate(graph.zone_of_node):
        if zone in wanted and (zone not in first or node in network.busbars):
            first[zone] = network.node_names[node]
    for bar in bars:
        areas = list(dict.fromkeys(a for zone in bar.zones for a in graph.zone_areas.get(zone, ())))
        people = sum(len(graph.customers_of(zone)) for zone in bar.zones)
        people += len({c for zone in bar.zones for c in graph.special.get(zone, ())})
        bar.name = first.get(bar.zones[0], "")
        if areas:
            bar.name = network.area_names[areas[0]]
            if len(areas) > 1:
                bar.name += f" +{len(areas) - 1}"
        words = [f"{people} 户"] if people else []
        feeds = verdict.trace.feeds_at(bar.zones[0])
        before, after = _feeders(graph, feeds[0]), _feeders(graph, feeds[-1])
        words.append(before or "—" if before == after else f"{before or '—'} → {after or '—'}")
        if len(bar.zones) > 1:
            words.append(f"{len(bar.zones)} 段")
        bar.detail = " · ".join(words)


def _wires(verdict: classify.Verdict, bars: list[_Bar]) -> list[_Wire]:
    graph = verdict.trace.graph
    network = graph.network
    at = {zone: number for number, bar in enumerate(bars) for zone in bar.zones}
    operated = _operated(verdict)
    wires = []
    seen = set()
    for number, bar in enumerate(bars):
        for zone in bar.zones:
            for link in graph.zone_links[zone]:
                other = at.get(graph.link_a[link] + graph.link_b[link] - zone)
                if other is None or other == number or link in seen:
                    continue
                seen.add(link)
                branch = graph.link_branch[link]
                closed = graph.link_state[link] in (zones.CLOSED, zones.CLOSED_HEAD)
                wires.append(
                    _Wire(
                        number,
                        other,
                        network.branch_names[branch],
                        operated.get(link, closed),
                        link in operated,
                        network.is_switch(branch),
                    )
                )
    return wires


def _lay_out(bars: list[_Bar], wires: list[_Wire]) -> set[int]:
    """Columns by distance from what feeds the part, rows by a walk in depth.

    Gives the wires along which the walk went, by number; the others close rings.
    """
    tree: set[int] = set()
    near: dict[int, list[int]] = {}
    for number, wire in enumerate(wires):
        near.setdefault(wire.a, []).append(number)
        near.setdefault(wire.b, []).append(number)
    placed: set[int] = set()
    row = 0.0
    live = [n for n, bar in enumerate(bars) if bar.kind is ImpactClass.UNAFFECTED]
    for root in [*live, *range(len(bars))]:
        if root in placed:
            continue
        placed.add(root)
        bars[root].x, bars[root].y = 0, row
        deepest = _walk(bars, wires, near, placed, tree, root, row)
        row = deepest + 1
    return tree


def _walk(
    bars: list[_Bar],
    wires: list[_Wire],
    near: dict[int, list[int]],
    placed: set[int],
    tree: set[int],
    root: int,
    row: float,
) -> float:
    deepest = row
    stack = [root]
    is_first = True
    while stack:
        at = stack[-1]
        closed_first = sorted(near.get(at, ()), key=lambda number: not wires[number].is_closed)
        for number in closed_first:
            wire = wires[number]
            other = wire.b if wire.a == at else wire.a
            # An open switch leads on only to what nothing else leads to.
            if other in placed or (not wire.is_closed and not wire.is_operated and len(stack) > 1):
                continue
            placed.add(other)
            tree.add(number)
            if is_first:
                deepest += 1
            bars[other].x, bars[other].y = len(stack), deepest
            stack.append(other)
            is_first = False
            break
        else:
            stack.pop()
            is_first = True
    return deepest


def _draw_bar(bar: _Bar) -> str:
    x, y = _MARGIN + bar.x * _COLUMN, _TOP + bar.y * _ROW
    colour = _COLOURS[bar.kind]
    work = (
        f'<rect x="{x - 9}" y="{y - 4:g}" width="18" height="46" rx="6" fill="#ffe9a8" '
        f'stroke="#b58900" stroke-dasharray="3 3"/>'
        if bar.is_work
        else ""
    )
    mark = "⚒ " if bar.is_work else ""
    return (
        f"<g>{work}"
        f'<rect x="{x - 3}" y="{y:g}" width="6" height="38" rx="2" fill="{colour}"/>'
        f'<text class="n" x="{x + 10}" y="{y + 12:g}">{escape(mark + _cut(bar.name, 17))}</text>'
        f'<text class="d" x="{x + 10}" y="{y + 36:g}">{escape(_cut(bar.detail, 30))}</text></g>'
    )


def _draw_wire(a: _Bar, b: _Bar, wire: _Wire, *, is_tree: bool) -> str:
    if a.x > b.x:
        a, b = b, a
    ax, ay = _MARGIN + a.x * _COLUMN, _TOP + a.y * _ROW + 20
    bx, by = _MARGIN + b.x * _COLUMN, _TOP + b.y * _ROW + 20
    kind = "w" if wire.is_closed else "w tie"
    if a.x == b.x:
        bend = ax - 22
        path = f"M{ax} {ay:g}C{bend} {ay:g} {bend} {by:g} {bx} {by:g}"
        sx, sy = float(ax - 16), (ay + by) / 2
    else:
        # A wire that closes a ring turns earlier and has its symbol at its start, so that it
        # does not run over the wire by which the walk came.
        turn = bx - 46 if is_tree else bx - 66
        path = f"M{ax} {ay:g}H{turn}V{by:g}H{bx}"
        sx, sy = (float(bx - 24), by) if is_tree else (float(ax + 186), ay)
    symbol = ""
    if wire.is_switch:
        fill = "#3b4552" if wire.is_closed else "#ffffff"
        ring = (
            f'<circle cx="{sx:g}" cy="{sy:g}" r="10" fill="none" stroke="#d81b60" stroke-width="2"/>'
            if wire.is_operated
            else ""
        )
        symbol = (
            f'{ring}<rect x="{sx - 5:g}" y="{sy - 5:g}" width="10" height="10" fill="{fill}" '
            f'stroke="#3b4552" stroke-width="1.4"/>'
            f'<text class="s" x="{sx - 8:g}" y="{sy - 22:g}" text-anchor="end">'
            f"{escape(_cut(wire.name, 14))}</text>"
        )
    return f'<g><path class="{kind}" d="{path}"/>{symbol}</g>'


def _legend(bars: list[_Bar], height: float) -> str:
    kinds = [kind for kind in ImpactClass if any(bar.kind is kind for bar in bars)]
    parts, x = [], _MARGIN
    for kind in kinds:
        words = _WORDS[kind]
        parts.append(
            f'<rect x="{x}" y="{height - 27}" width="12" height="12" rx="2" '
            f'fill="{_COLOURS[kind]}"/>'
            f'<text class="d" x="{x + 17}" y="{height - 17}">{escape(words)}</text>'
        )
        x += 34 + sum(12 if ord(char) > 0x2E80 else 6 for char in words)
    parts.append(
        f'<text class="d" x="{x}" y="{height - 17}">■ 合 closed　□ 分 open　'
        f'<tspan fill="#d81b60">○ 本计划操作 operated</tspan></text>'
    )
    return f"<g>{''.join(parts)}</g>"


def _subtitle(verdict: classify.Verdict) -> str:
    people = "　".join(
        f"{_WORDS[kind]}: {verdict.counts[kind]}"
        for kind in ImpactClass
        if kind in verdict.counts and kind not in classify.QUIET
    )
    network = verdict.trace.graph.network
    plan = "，".join(_step(network, step) for step in verdict.trace.steps[:8])
    more = " …" if len(verdict.trace.steps) > 8 else ""
    return f"{people or '无用户受影响 nobody affected'}　|　{plan}{more}"


def _step(network: model.Network, step: steps.Step) -> str:
    branch = network.branch_index.get(step.switch)
    name = step.switch if branch is None else network.branch_names[branch]
    return f"{'合上 close' if step.action is steps.Action.CLOSE else '断开 open'} {name}"


def _feeders(graph: zones.ZoneGraph, feeds: zones.Feeds) -> str:
    """As ``feeds_text``, with what people call the feeders."""
    names = {feeder.id: feeder.name for feeder in graph.network.feeders}
    return "+".join(names.get(part, part) for part in graph.feeds_text(feeds).split("+"))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
