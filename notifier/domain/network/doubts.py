"""What may be doubtful about one row of a network, each doubt with its code and its sentence."""

from notifier.domain import finding
from notifier.domain.network import findings

_ERROR, _WARNING, _INFO = (
    finding.Severity.ERROR,
    finding.Severity.WARNING,
    finding.Severity.INFO,
)


class Doubts(findings.FindingList):
    """Findings about the rows of a network file; ``row`` as numbered in ``file``."""

    def duplicate(self, chinese: str, english: str, mrid: str, file: str, row: int | None) -> None:
        """An identifier was there before."""
        self.add(
            "network.duplicate_id",
            _ERROR,
            f"{chinese} {mrid} 重复，未采用 / {english} {mrid} again, not taken",
            file=file,
            row=row,
            column=f"{english}_id",
        )

    def self_loop(self, branch: str, node: str, file: str, row: int | None) -> None:
        """Both ends of a branch are one node."""
        self.add(
            "network.self_loop",
            _WARNING,
            f"{branch} 两端为同一节点 {node} / both ends of {branch} are node {node}",
            "两个不同的节点 / two different nodes",
            file=file,
            row=row,
        )

    def partial_phases(self, switch: str) -> None:
        """A switch has fewer than three phases."""
        self.add(
            "network.partial_phases",
            _WARNING,
            f"开关 {switch} 不足三相 / switch {switch} has fewer than three phases",
            "三相；不能据此认定可以转供 / three phases; its tie does not prove a transfer",
        )

    def feeder_without_head(self, feeder: str, head: str, file: str, row: int | None) -> None:
        """A feeder names a branch that nobody described."""
        self.add(
            "network.feeder_without_head",
            _ERROR,
            f"馈线 {feeder} 的出线支路“{head}”不存在 / head “{head}” of feeder {feeder} unknown",
            "branches 中的支路 / a branch of the model",
            file=file,
            row=row,
            column="head_branch_id",
        )

    def head_off_busbar(
        self, feeder: str, head: str, busbar: str, file: str, row: int | None
    ) -> None:
        """A feeder does not begin where it says."""
        self.add(
            "network.head_off_busbar",
            _WARNING,
            f"馈线 {feeder} 的出线 {head} 不在母线 {busbar} 上 / "
            f"head {head} of feeder {feeder} is not at busbar {busbar}",
            file=file,
            row=row,
            column="busbar_node",
        )

    def shared_head(self, feeder: str, head: str, file: str, row: int | None) -> None:
        """Two feeders begin with one branch."""
        self.add(
            "network.shared_head",
            _WARNING,
            f"馈线 {feeder} 与另一馈线共用出线 {head} / feeder {feeder} shares head {head}",
            file=file,
            row=row,
            column="head_branch_id",
        )

    def unknown_transformer(self, area: str, transformer: str, file: str, row: int | None) -> None:
        """An area names a transformer that nobody described."""
        self.add(
            "network.unknown_transformer",
            _WARNING,
            f"台区 {area} 的变压器 {transformer} 不存在 / "
            f"transformer {transformer} of area {area} unknown",
            file=file,
            row=row,
            column="transformer_branches",
        )

    def unknown_area(self, customer: str, area: str, file: str, row: int | None) -> None:
        """A customer names an area that nobody described."""
        self.add(
            "network.unknown_area",
            _WARNING,
            f"用户 {customer} 的台区 {area} 不存在 / area {area} of customer {customer} unknown",
            file=file,
            row=row,
            column="area_id",
        )

    def without_area(self, customer: str, file: str, row: int | None) -> None:
        """A customer is placed by its node alone."""
        self.add(
            "network.customer_without_area",
            _WARNING,
            f"用户 {customer} 无台区，按节点判定 / customer {customer} has no area, placed by its node",
            file=file,
            row=row,
            column="area_id",
        )

    def blank_end(self, branch: str, column: str, file: str, row: int | None) -> None:
        """A branch leads nowhere."""
        self.add(
            "network.blank_end",
            _ERROR,
            f"支路 {branch} 一端为空，未采用 / branch {branch} has a blank end, not taken",
            "节点编号 / a node id",
            file=file,
            row=row,
            column=column,
        )

    def unknown_node(
        self, what: str, mrid: str, node: str, column: str, file: str, row: int | None
    ) -> None:
        """Something stands on a node that nobody described."""
        self.add(
            "network.unknown_node",
            _ERROR,
            f"{mrid} 所在节点 {node} 不存在 / {what} {mrid} names node {node}, which is unknown",
            "nodes 中的节点；其后结果为未知 / a node of the model; beyond it results are unknown",
            file=file,
            row=row,
            column=column,
        )

    def placed_by_area(self, customer: str, file: str, row: int | None) -> None:
        """A customer is placed by its area."""
        self.add(
            "network.placed_by_area",
            _WARNING,
            f"用户 {customer} 按台区判定 / customer {customer} is placed by its area",
            file=file,
            row=row,
        )

    def placed_by_feeder(self, customer: str, feeder: str, file: str, row: int | None) -> None:
        """A customer is placed by its feeder only."""
        self.add(
            "network.placed_by_feeder",
            _WARNING,
            f"用户 {customer} 仅按馈线 {feeder} 判定 / customer {customer} is placed by its feeder only",
            "台区或节点 / an area or a node",
            file=file,
            row=row,
        )

    def without_place(self, customer: str, file: str, row: int | None) -> None:
        """A customer cannot be placed."""
        self.add(
            "network.customer_without_place",
            _ERROR,
            f"用户 {customer} 无法定位，未采用 / customer {customer} cannot be placed, not taken",
            "节点、台区或馈线 / a node, an area or a feeder",
            file=file,
            row=row,
        )

    def customer_again(self, customer: str, file: str, row: int | None) -> None:
        """A customer is there twice, with the same place."""
        self.add(
            "network.duplicate_id",
            _INFO,
            f"用户 {customer} 重复且一致 / customer {customer} again, the same",
            file=file,
            row=row,
            column="customer_id",
        )

    def in_two_areas(self, customer: str, file: str, row: int | None) -> None:
        """A customer stands in two areas."""
        self.add(
            "network.customer_in_two_areas",
            _ERROR,
            f"用户 {customer} 在两个台区，未作选择 / "
            f"customer {customer} stands in two areas; none was picked",
            "一个台区 / one area",
            file=file,
            row=row,
            column="area_id",
        )
