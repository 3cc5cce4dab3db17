"""The words of plan files: columns, kinds of outage, ways of transferring load, states."""

import functools
import re
from collections.abc import Iterable

from notifier.domain.plan import PlanKind, Transition
from notifier.intake.headers import Vocabulary

_OFF = ("", "停电", "计划停电", "预计停电", "计划", "检修", "计划检修", "施工", "工作")
_BEGINS = tuple(f"{what}{word}" for what in _OFF for word in ("开始", "起始", "起"))
_ENDS = (
    *(f"{what}{word}" for what in _OFF for word in ("结束", "终止", "截止", "止")),
    *(
        f"{how}{word}"
        for how in ("", "计划", "预计")
        for word in ("送电", "复电", "恢复", "恢复送电", "恢复供电", "来电")
    ),
)


def _of(stems: Iterable[str], *endings: str) -> tuple[str, ...]:
    """Every stem with every ending: 停电起始 + 时刻."""
    return tuple(f"{stem}{ending}" for stem in stems for ending in endings)


#: Canonical columns and what bureaus, portals and other countries call them.
VOCABULARY = Vocabulary(
    {
        "number": (
            *("停电编号", "停电计划编号", "计划编号", "计划号", "编号", "停电申请单号", "申请单号"),
            *("申请单编号", "工单号", "工单编号", "通知编号", "powerOffId", "powerCutNo"),
            *("outage_id", "plan_id", "plan number", "plan no", "outage number", "reference"),
            *("номер", "номер заявки", "số kế hoạch", "mã kế hoạch"),
        ),
        "sequence": ("序号", "序號", "行号", "ROWNUM", "no", "№", "п/п", "stt", "seq"),
        "kind": (
            *("停电类型", "停电性质", "停电类别", "计划类型", "类型", "性质", "类别", "停电分类"),
            *("typeCode", "powerType", "outage type", "type", "тип", "вид отключения"),
            *("loại", "hình thức"),
        ),
        "department": (
            *(
                "申请部门",
                "申请单位",
                "申报单位",
                "申报部门",
                "部门",
                "单位",
                "单位名称",
                "供电单位",
            ),
            *("供电所", "供电公司", "停电申请单位", "管理单位", "运维单位", "所属单位", "责任单位"),
            *("orgName", "powsupComp", "power_company", "company", "res", "рэс", "điện lực"),
            *("đơn vị", "подразделение"),
        ),
        "station": (
            *("变电站", "变电站名称", "变电所", "站名", "厂站", "厂站名称", "所属变电站", "电源点"),
            *("subsName", "rdtSubsName", "substation", "подстанция", "пс", "trạm biến áp"),
        ),
        "line": (
            *(
                "停电线路",
                "线路名称",
                "线路",
                "检修线路",
                "停电线路名称",
                "所属线路",
                "馈线",
                "馈线名称",
            ),
            *(
                "配电线路",
                "10kV线路",
                "10kV线路名称",
                "中压线路",
                "线路(设备)名称",
                "線路",
                "lineName",
            ),
            *("powerCircuit", "rdtFeederName", "feeder", "feeder name", "фидер", "линия", "tuyến"),
            *("xuất tuyến", "đường dây"),
        ),
        "transformer": (
            *(
                "公变名称",
                "公变",
                "专变",
                "配变",
                "配变名称",
                "台区",
                "台区名称",
                "停电台区",
                "影响台区",
            ),
            *(
                "停电公变",
                "停电配变",
                "变压器",
                "变压器名称",
                "pubTranName",
                "tgName",
                "transformer",
            ),
            *("transformer area", "тп", "трансформатор", "涉及台区"),
        ),
        "equipment": (
            *(
                "停电设备",
                "设备",
                "设备名称",
                "检修设备",
                "停电设备名称",
                "停电线路或设备",
                "停电线路/设备",
            ),
            *("停电线路设备", "停电线路及设备", "powerArea", "asset", "оборудование", "thiết bị"),
            *("停电间隔", "停电范围(设备)", "线路及设备名称", "停电区段", "停电线路段", "停电线段"),
        ),
        "date": (
            *(
                "日期",
                "停电日期",
                "检修日期",
                "计划日期",
                "计划停电日期",
                "施工日期",
                "停电日",
                "дата",
            ),
            *("дата отключения", "ngày", "ngày cắt điện", "outage date", "day"),
        ),
        "weekday": ("星期", "星期几", "周几", "day_label", "weekday", "день недели", "thứ"),
        "time": (
            *("停电时间", "计划停电时间", "检修时间", "时间", "停电时段", "时段", "停电起止时间"),
            *(
                "起止时间",
                "停电时间段",
                "计划停电时段",
                "检修时段",
                "停電時間",
                "时间段",
                "计划时间",
            ),
            *("停送电时间", "outage time", "time window", "window", "время", "время отключения"),
            *("период", "thời gian", "thời gian cắt điện", "giờ", "hours"),
        ),
        "start": (
            *_of(_BEGINS, "", "时间"),
            *("停电时间开始", "停电时间起", "停电时间从", "停电时间开始时间", "计划停电时间开始"),
            *("计划停电时间起", "停电时间自", "停电自"),
            *("startTime", "beginTime", "start_time", "outageStartTime", "start at", "starts_at"),
            *(
                "start",
                "from",
                "planned start",
                "outage start",
                "off time",
                "time off",
                "start datetime",
            ),
            *("начало", "с", "время начала", "начало отключения", "время начала работ"),
            *("время отключения с", "дата и время начала"),
            *("bắt đầu", "thời gian bắt đầu", "từ", "từ ngày", "thời gian bắt đầu cắt điện"),
            *("thời gian cắt điện từ", "thời gian từ"),
        ),
        "end": (
            *_of(_ENDS, "", "时间"),
            *(
                "停电时间结束",
                "停电时间止",
                "停电时间结束时间",
                "计划停电时间结束",
                "计划停电时间止",
            ),
            *("停电时间至", "停电至"),
            *("stopTime", "endTime", "end_time", "end at", "ends_at", "end", "to", "until"),
            *("planned end", "outage end", "finish", "planned finish", "on time", "time on"),
            *("restoration time", "estimated restoration time", "end datetime"),
            *("окончание", "до", "время окончания", "окончание отключения"),
            *("время окончания работ", "время включения", "дата и время окончания"),
            *("kết thúc", "thời gian kết thúc", "đến", "đến ngày", "thời gian có điện lại"),
            *("thời gian đóng điện", "thời gian cắt điện đến", "thời gian đến"),
        ),
        "start_date": (
            *_of(_BEGINS, "日期", "日"),
            *("start date", "дата начала", "дата начала работ", "ngày bắt đầu"),
        ),
        "end_date": (
            *_of(_ENDS, "日期", "日"),
            *("end date", "дата окончания", "дата окончания работ", "ngày kết thúc"),
        ),
        "start_time": (*_of(_BEGINS, "时刻"), "停电时刻", "start hour"),
        "end_time": (*_of(_ENDS, "时刻"), "end hour"),
        "scope": (
            *("停电范围", "影响范围", "停电涉及范围", "涉及停电区域", "涉及停電區域", "停电区域"),
            *(
                "影响区域",
                "停电影响范围",
                "受影响区域",
                "停电地址",
                "停电用户",
                "影响用户",
                "涉及范围",
            ),
            *(
                "停电涉及区域",
                "主要影响用户",
                "范围",
                "区域",
                "停电小区",
                "停電範圍",
                "停电范围及用户",
            ),
            *("area", "areas", "powerRange", "address", "location", "адрес", "адреса", "khu vực"),
            *("khu vực mất điện", "affected area", "affected areas", "area affected"),
            *("areas affected", "streets", "streets affected", "suburb", "населенный пункт"),
            *(
                "адрес отключения",
                "улица",
                "phạm vi mất điện",
                "khu vực ngừng cấp điện",
                "địa điểm",
            ),
            *("khu vực ảnh hưởng", "khu vực cắt điện"),
        ),
        "works": (
            *("停电原因", "工作内容", "检修内容", "作业内容", "原因", "施工内容", "主要工作内容"),
            *("停电工作内容", "检修工作内容", "停电事由", "事由", "工作任务", "检修任务", "項目"),
            *("powerCause", "poweroffReason", "reason", "work", "work_type", "description"),
            *("work description", "purpose", "reason for outage", "причина", "вид работ", "работы"),
            *("причина отключения", "цель отключения", "lý do", "nội dung công việc"),
            *("lý do cắt điện", "lý do ngừng cung cấp điện"),
        ),
        "crew": (
            *("施工单位", "施工班组", "作业班组", "工作班组", "检修班组", "施工队", "施工队伍"),
            *("作业单位", "检修单位", "工作单位", "实施单位", "承办单位", "工作负责单位", "班组"),
            *("crew", "team", "contractor", "бригада", "исполнитель", "đội thi công"),
        ),
        "switching": (
            *("操作步骤", "倒闸操作", "倒闸操作步骤", "停电操作", "停电操作步骤", "开关操作"),
            *("操作内容", "操作顺序", "操作任务", "switching", "switching steps", "steps"),
        ),
        "switching_back": (
            *("恢复操作", "恢复操作步骤", "送电操作", "送电操作步骤", "恢复步骤", "回倒操作"),
            *("switching back", "restoring steps"),
        ),
        "work_place": (
            *("工作地点", "作业地点", "检修地点", "工作地段", "工作区段", "作业区段", "检修区段"),
            *("work place", "work target", "place of work"),
        ),
        "transfer": (
            *(
                "转供线路",
                "转供台区",
                "转供设备",
                "转电线路",
                "转电台区",
                "转供",
                "倒供线路",
                "倒供台区",
            ),
            *(
                "倒供",
                "倒供范围",
                "被转供线路",
                "短时停电线路",
                "短时停电台区",
                "负荷转供线路",
                "转带线路",
            ),
            *("transferred feeders", "transferred areas", "load transfer"),
        ),
        "transition": (
            *(
                "转电方式",
                "转供方式",
                "倒供方式",
                "倒电方式",
                "倒闸方式",
                "转供电方式",
                "transition",
            ),
            *("transfer mode", "transfer type"),
        ),
        "transfer_time": (
            *("转电时间", "转电时段", "转供时间", "倒电时间", "倒电时段", "倒供时间", "转供时段"),
            *("短时停电时间", "短时停电时段", "transfer time", "transfer at"),
        ),
        "back_time": (
            *(
                "回倒时间",
                "回倒时段",
                "恢复(回倒)时间",
                "恢复回倒时间",
                "倒回时间",
                "恢复原方式时间",
            ),
            *("转回时间", "回转时间", "恢复方式时间", "转供恢复时间", "transfer back", "back at"),
            *("transfer back time",),
        ),
        "duration": ("停电时长", "时长", "停电时长(小时)", "duration", "duration hours"),
        "published": ("发布日期", "发布时间", "公告日期", "公布日期", "published", "publish date"),
        "status": ("状态", "计划状态", "审批状态", "status", "статус", "trạng thái"),
        "remark": (
            "备注",
            "備註",
            "说明",
            "注",
            "remark",
            "remarks",
            "note",
            "примечание",
            "ghi chú",
        ),
        "ignored": (
            *("联系人", "联系电话", "电话", "负责人", "影响户数", "停电户数", "影响用户数", "户数"),
            *("affectedConsCnt", "countyName", "crawled_date", "zone_label", "source", "takeType"),
            *(
                "时户数",
                "停电时户数",
                "容量",
                "电压等级",
                "工作负责人",
                "orgNo",
                "provinceNo",
            ),
        ),
    },
    either={
        frozenset({"line", "transformer"}): "equipment",
        frozenset({"line", "equipment"}): "equipment",
        frozenset({"transformer", "equipment"}): "equipment",
        frozenset({"line", "transformer", "equipment"}): "equipment",
    },
)

#: A header names at least one of these, else it is some other table.
ESSENTIAL = frozenset(
    {
        "date",
        "time",
        "start",
        "end",
        "start_date",
        "start_time",
        "transfer_time",
        "line",
        "equipment",
    }
)

_KINDS: tuple[tuple[PlanKind, re.Pattern[str]], ...] = (
    (
        PlanKind.SHORT_TRANSFER,
        re.compile(r"短时|转供|转电|倒供|倒电|合环|short[\s_-]*transfer|load transfer|momentary"),
    ),
    (
        PlanKind.UNPLANNED,
        re.compile(r"故障|抢修|紧急|unplanned|forced|fault|emergency|аварий|sự cố|đột xuất"),
    ),
    (PlanKind.SHORT_NOTICE, re.compile(r"临时|临停|short[\s_-]*notice|temporary|внепланов")),
    (
        PlanKind.PLANNED,
        re.compile(r"计划|检修|预安排|planned|scheduled|планов|kế hoạch|预试|施工|改造"),
    ),
)

_CLOSED = re.compile(r"合环|不停电|先合后断|closed|make[\s-]*before|без отключения")
_OPEN = re.compile(
    r"停电倒|停电转|断电|先断后合|先停后|开环|短时停电|短停|open|break[\s-]*before|有感"
)

_CANCELLED = re.compile(r"取消|作废|撤销|cancel|отмен|đã hủy|hủy bỏ|否决|退回|不同意")
_UNDECIDED = re.compile(r"待|草稿|未审|未批|draft|pending|chờ|проект|на согласовании")


@functools.lru_cache(maxsize=1024)
def kind_of(text: str) -> PlanKind | None:
    """The kind a type column says, None where its words say nothing."""
    folded = text.strip().lower()
    for kind, pattern in _KINDS:
        if folded and pattern.search(folded):
            # 非计划停电 is not a planned one.
            if kind is PlanKind.PLANNED and re.search(r"非计划|计划外", folded):
                return PlanKind.UNPLANNED
            return kind
    return None


@functools.lru_cache(maxsize=1024)
def transition_of(text: str) -> Transition | None:
    """OPEN or CLOSED after the words for it; None where both or neither are said."""
    folded = text.strip().lower()
    is_closed = bool(_CLOSED.search(folded))
    is_open = bool(_OPEN.search(folded))
    if is_closed == is_open:
        return None
    return Transition.CLOSED if is_closed else Transition.OPEN


@functools.lru_cache(maxsize=1024)
def is_cancelled(status: str) -> bool:
    """Whether a state says that the plan will not be carried out."""
    return bool(_CANCELLED.search(status.lower()))


@functools.lru_cache(maxsize=1024)
def is_undecided(status: str) -> bool:
    """Whether a state says that nobody has approved the plan yet."""
    return bool(_UNDECIDED.search(status.lower()))
