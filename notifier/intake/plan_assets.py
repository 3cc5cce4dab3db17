"""The lines, transformer areas and devices that one row of a plan file names."""

from notifier.domain.finding import Severity
from notifier.domain.plan import Equipment, EquipmentKind
from notifier.intake import plan_equipment
from notifier.intake.plan_row import PlanRow, RowCells

_NAME_FIELDS = (
    ("line", EquipmentKind.FEEDER),
    ("equipment", EquipmentKind.UNKNOWN),
    ("transformer", EquipmentKind.AREA),
)


def read_assets(cells: RowCells, row: PlanRow) -> None:
    """Sets the lines, areas and devices that the row takes out, with what is doubtful about them."""
    station = cells.text("station")
    by_field = {
        name: named(cells, name, expected, row, station=station) for name, expected in _NAME_FIELDS
    }
    lines, areas = by_field["line"], by_field["transformer"]
    others = tuple(item for item in by_field["equipment"] if item not in lines)
    if areas and any(item.kind is EquipmentKind.FEEDER for item in lines):
        row.doubt(
            "equipment.line_and_areas",
            Severity.WARNING,
            cells.label("line"),
            plan_equipment.joined(lines),
            "只取所列台区；全线停电请删去台区 / only the areas were taken, not the whole line",
        )
        lines = tuple(item for item in lines if item.kind is not EquipmentKind.FEEDER)
    if others and lines:
        # 停电线路 beside 停电设备: the device says more exactly what is out on the line.
        exact = {EquipmentKind.SECTION, EquipmentKind.AREA}
        if all(item.kind in exact for item in others):
            lines = tuple(item for item in lines if item.kind is not EquipmentKind.FEEDER)
        else:
            others = tuple(item for item in others if item.kind is not EquipmentKind.UNKNOWN)
    row.equipment = tuple(dict.fromkeys((*lines, *others, *areas)))
    if not row.equipment and station and not cells.text("transfer"):
        row.equipment = (Equipment(name=station, kind=EquipmentKind.STATION),)
    if not row.equipment and row.scope:
        row.equipment = tuple(
            item
            for item in plan_equipment.read_equipment(row.scope, EquipmentKind.UNKNOWN).equipment
            if plan_equipment.is_certain(row.scope)
        )


def named(
    cells: RowCells, name: str, expected: EquipmentKind, row: PlanRow, *, station: str = ""
) -> tuple[Equipment, ...]:
    """The assets that the column ``name`` names; ``expected`` where their names do not say the kind."""
    text = cells.text(name, joint="、")
    if not text:
        return ()
    label = cells.label(name)
    read = plan_equipment.read_equipment(text, expected, station)
    for old in read.old_names:
        row.doubt(
            "equipment.renamed",
            Severity.INFO,
            label,
            old,
            "按现名查找 / the new name was taken, the old one not",
        )
    if read.completed:
        row.doubt(
            "equipment.completed",
            Severity.INFO,
            label,
            text,
            "、".join(read.completed),
        )
    if read.is_open:
        row.doubt(
            "equipment.incomplete",
            Severity.WARNING,
            label,
            text,
            "逐一列出，不用“等” / every asset by name, instead of “and others”",
        )
    sections = [item for item in read.equipment if item.kind is EquipmentKind.SECTION]
    if sections:
        feeders = dict.fromkeys(
            feeder for item in sections if (feeder := plan_equipment.feeder_of(item.name))
        )
        row.doubt(
            "equipment.section",
            Severity.WARNING,
            label,
            plan_equipment.joined(sections),
            f"台账只到线路和台区（{'、'.join(feeders) or '—'}），请列出所停台区 / "
            "the ledger knows lines and areas only: name the areas that are out",
        )
    return read.equipment
