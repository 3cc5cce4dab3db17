"""The trace: what feeds every place in every state of a switching plan.

Only the patches whose switches a plan touches are taken apart, into *blocks*; all other patches
stay whole. The walk goes out from the blocks touched and stops at the source zone, because a plan
that leaves the source zone alone cannot change what lies beyond it. A plan that does touch the
source zone is walked on through it, patch by patch. In both cases a state costs a few set
operations per block, so a plan costs microseconds a step and not a walk of the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from notifier.domain import finding
from notifier.domain.network import model, steps, zones
from notifier.domain.network.zones import Feeds

_CLOSED_STATES = (zones.CLOSED, zones.CLOSED_HEAD)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Zones that share one fate: ``feeds`` in the state before the plan and after each step."""

    zones: Sequence[int]
    feeds: tuple[Feeds, ...]

    @property
    def is_partly_known(self) -> bool:
        """Whether in any state the block hangs on what lies beyond the model."""
        return any(feed <= zones.FIRST_BOUNDARY for feeds in self.feeds for feed in feeds)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """What a plan does to the network. ``blocks`` are those whose feeds change in any state.

    ``walked`` is everything the plan's switches are joined to, changed or not.
    ``moves`` is the link each step moves, None where it moves nothing.
    ``findings`` are about the steps: ERROR forbids approval.
    """

    graph: zones.ZoneGraph
    steps: tuple[steps.Step, ...]
    moves: tuple[int | None, ...]
    blocks: tuple[Block, ...]
    walked: tuple[Block, ...]
    findings: tuple[finding.Finding, ...]
    _block_of_zone: dict[int, Block]
    _block_of_patch: dict[int, Block]

    @property
    def state_count(self) -> int:
        """States traced: the one before the plan and one after each step."""
        return len(self.steps) + 1

    def block_at(self, zone: int) -> Block | None:
        """The block a zone belongs to, or None where the plan cannot change anything."""
        block = self._block_of_zone.get(zone)
        return block or self._block_of_patch.get(self.graph.patch_of_zone[zone])

    def feeds_at(self, zone: int) -> tuple[zones.Feeds, ...]:
        """The feeds of a zone in each state."""
        block = self.block_at(zone)
        if block is None:
            return (self.graph.normal_feeds(zone),) * self.state_count
        return block.feeds


def trace(graph: zones.ZoneGraph, plan: Sequence[steps.Step]) -> Trace:
    """Traces a plan. Steps that cannot be done are left out of effect and reported."""
    moves, findings = _resolve(graph, plan)
    touched = {link for link in moves if link is not None}
    split = _Split(graph, touched)
    source_touched = _touches_source(graph, touched)
    blocks = _reach(graph, split, touched, source_touched)
    heads, ties = _joins(graph, split, touched, blocks)
    sources = {block for block in blocks if split.has_source(block)}
    boundary = {block: marks for block in blocks if (marks := split.boundary(block))}

    closed = {link for link in touched if graph.link_state[link] in _CLOSED_STATES}
    feeds: list[dict[int, zones.Feeds]] = []
    for number in range(len(plan) + 1):
        if number:
            link = moves[number - 1]
            if link is not None:
                if plan[number - 1].action is steps.Action.CLOSE:
                    closed.add(link)
                else:
                    closed.discard(link)
        feeds.append(
            zones.solve(
                blocks,
                sources,
                boundary,
                [*heads, *(ends[:3] for ends in ties if ends[0] in closed and ends[3])],
                [ends[1:3] for ends in ties if ends[0] in closed and not ends[3]],
            )
        )
    walked, of_zone, of_patch = [], {}, {}
    for number in blocks:
        block = Block(
            split.zones_in(number), tuple(state.get(number, zones.DEAD) for state in feeds)
        )
        walked.append(block)
        if number < graph.patch_count:
            of_patch[number] = block
        else:
            for zone in block.zones:
                of_zone[zone] = block
    return Trace(
        graph=graph,
        steps=tuple(plan),
        moves=tuple(moves),
        blocks=tuple(block for block in walked if _changes(block)),
        walked=tuple(walked),
        findings=tuple(findings),
        _block_of_zone=of_zone,
        _block_of_patch=of_patch,
    )


class _Split:
    """Patches taken apart where a plan opens a closed switch inside them.

    Blocks are numbered: a whole patch by its own number, parts of a patch from the number of
    patches upwards.
    """

    def __init__(self, graph: zones.ZoneGraph, touched: set[int]) -> None:
        self._graph = graph
        self._parts: list[list[int]] = []
        self._part_of_zone: dict[int, int] = {}
        self._parts_of_patch: dict[int, list[int]] = {}
        state, link_a, link_b = graph.link_state, graph.link_a, graph.link_b
        for link in touched:
            if state[link] == zones.CLOSED and link_a[link] != link_b[link]:
                for zone in (link_a[link], link_b[link]):
                    if zone not in self._part_of_zone:
                        self._flood(zone, touched)

    def block_of(self, zone: int) -> int:
        part = self._part_of_zone.get(zone)
        return self._graph.patch_of_zone[zone] if part is None else self._graph.patch_count + part

    def zones_in(self, block: int) -> Sequence[int]:
        part = block - self._graph.patch_count
        return self._parts[part] if part >= 0 else self._graph.zones_of(block)

    def heads(self, block: int) -> Sequence[int]:
        """The feeder heads at a block, closed or not."""
        graph = self._graph
        part = block - graph.patch_count
        if part < 0:
            return graph.patch_heads.get(block, ())
        state = graph.link_state
        return [
            link
            for zone in self._parts[part]
            for link in graph.zone_links[zone]
            if state[link] >= zones.OPEN_HEAD
        ]

    def has_source(self, block: int) -> bool:
        graph = self._graph
        part = block - graph.patch_count
        if part < 0:
            return block in graph.source_patches
        return not graph.source_zones.isdisjoint(self._parts[part])

    def boundary(self, block: int) -> zones.Feeds:
        graph = self._graph
        part = block - graph.patch_count
        if part < 0:
            return graph.patch_boundary.get(block, zones.DEAD)
        if not graph.boundary_zones:
            return zones.DEAD
        found: set[int] = set()
        for zone in self._parts[part]:
            found.update(graph.boundary_zones.get(zone, ()))
        return frozenset(found)

    def _flood(self, seed: int, touched: set[int]) -> None:
        graph = self._graph
        state, link_a, link_b = graph.link_state, graph.link_a, graph.link_b
        zone_links, part_of_zone = graph.zone_links, self._part_of_zone
        part = len(self._parts)
        part_of_zone[seed] = part
        queue = [seed]
        for zone in queue:
            for link in zone_links[zone]:
                if state[link] == zones.CLOSED and link not in touched:
                    other = link_a[link] + link_b[link] - zone
                    if other not in part_of_zone:
                        part_of_zone[other] = part
                        queue.append(other)
        self._parts.append(queue)


def _resolve(
    graph: zones.ZoneGraph, plan: Sequence[steps.Step]
) -> tuple[list[int | None], list[finding.Finding]]:
    """The link each step moves, or None where it moves nothing, and what is wrong with steps."""
    network = graph.network
    findings: list[finding.Finding] = []
    moves: list[int | None] = []
    stands: dict[int, bool] = {}
    for number, step in enumerate(plan, start=1):
        moves.append(None)
        place = f"第{number}步“{_verb(step)} {step.switch}” / step {number} “{step}”: "
        try:
            branch = network.branch(step.switch)
        except (model.UnknownEquipment, model.AmbiguousName) as refusal:
            code = "trace.unknown_switch"
            if isinstance(refusal, model.AmbiguousName):
                code = "trace.ambiguous_switch"
            findings.append(_wrong(code, place + refusal.sentence, "模型中的开关 / a known switch"))
            continue
        name = network.label(branch)
        if not network.is_switch(branch):
            findings.append(
                _wrong(
                    "trace.not_a_switch",
                    f"{place}{name} 不是开关 / {name} is not a switch",
                    "开关 / a switch",
                )
            )
            continue
        link = graph.link_of_branch.get(branch)
        if link is None:
            findings.append(
                _wrong(
                    "trace.switch_out_of_service",
                    f"{place}{name} 已退出运行 / {name} is out of service",
                    "在运开关 / a switch in service",
                )
            )
            continue
        opens = step.action is steps.Action.OPEN
        was_open = stands.get(link, graph.link_state[link] in (zones.OPEN, zones.OPEN_HEAD))
        if was_open == opens:
            code, zh, en = (
                ("trace.already_open", "已在分位", "is open already")
                if opens
                else ("trace.already_closed", "已在合位", "is closed already")
            )
            findings.append(_wrong(code, f"{place}{name} {zh} / {name} {en}"))
        if not opens and branch in network.partial_phases:
            findings.append(
                finding.Finding(
                    code="trace.partial_phase_tie",
                    severity=finding.Severity.WARNING,
                    found=f"{place}{name} 不足三相 / {name} has fewer than three phases",
                    expected="核实转供能力 / check that it can carry the transfer",
                )
            )
        stands[link] = opens
        moves[-1] = link
    return moves, findings


def _touches_source(graph: zones.ZoneGraph, touched: set[int]) -> bool:
    """Whether the plan can change the source zone: heads stand outside it by definition."""
    patch_of_zone = graph.patch_of_zone
    return any(
        graph.link_state[link] < zones.OPEN_HEAD
        and not graph.source_patches.isdisjoint(
            (patch_of_zone[graph.link_a[link]], patch_of_zone[graph.link_b[link]])
        )
        for link in touched
    )


def _reach(
    graph: zones.ZoneGraph, split: _Split, touched: set[int], source_touched: bool
) -> dict[int, None]:
    """Every block that the plan's switches can be joined to, in the order in which it is met."""
    link_a, link_b = graph.link_a, graph.link_b
    blocks: dict[int, None] = {}
    across: dict[int, list[int]] = {}
    for link in touched:
        a, b = split.block_of(link_a[link]), split.block_of(link_b[link])
        across.setdefault(a, []).append(b)
        across.setdefault(b, []).append(a)
        blocks[a] = blocks[b] = None
    queue = list(blocks)
    for block in queue:
        if not source_touched and split.has_source(block):
            continue
        found = list(across.get(block, ()))
        for link in split.heads(block):
            if graph.link_state[link] == zones.CLOSED_HEAD and link not in touched:
                found.append(split.block_of(link_a[link]))
                found.append(split.block_of(link_b[link]))
        for other in found:
            if other not in blocks:
                blocks[other] = None
                queue.append(other)
    return blocks


def _joins(
    graph: zones.ZoneGraph, split: _Split, touched: set[int], blocks: dict[int, None]
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int, bool]]]:
    """Untouched closed heads between the blocks, and the touched links with "is it a head"."""
    link_a, link_b, state = graph.link_a, graph.link_b, graph.link_state
    heads = []
    seen = set()
    for block in blocks:
        if block < graph.patch_count and block in graph.source_patches:
            continue  # its heads are met from the other side, where anybody is walked at all
        for link in split.heads(block):
            if link in seen or link in touched or state[link] != zones.CLOSED_HEAD:
                continue
            seen.add(link)
            heads.append((link, split.block_of(link_a[link]), split.block_of(link_b[link])))
    ties = [
        (
            link,
            split.block_of(link_a[link]),
            split.block_of(link_b[link]),
            state[link] >= zones.OPEN_HEAD,
        )
        for link in touched
    ]
    return heads, ties


def _changes(block: Block) -> bool:
    first = block.feeds[0]
    return any(feeds != first for feeds in block.feeds)


def _wrong(code: str, found: str, expected: str = "") -> finding.Finding:
    return finding.Finding(
        code=code, severity=finding.Severity.ERROR, found=found, expected=expected
    )


def _verb(step: steps.Step) -> str:
    return "拉开" if step.action is steps.Action.OPEN else "合上"
