"""The columns of a customer ledger: under which headings the bureaus' systems write which field.

Headings are compared folded (NFKC, lower case, no blanks, marks or notes in brackets removed), so
that ``配变（台区）名称``, ``台区 名称`` and ``台区名称*`` are one.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from notifier.domain import names


class Field(StrEnum):
    """What a column of a ledger says."""

    STATION = "station"
    FEEDER = "feeder"
    AREA_CODE = "area_code"
    AREA = "area"
    AREA_TYPE = "area_type"
    ACCOUNT = "account"
    NAME = "name"
    ADDRESS = "address"
    CATEGORY = "category"
    CRITICAL = "critical"
    SENSITIVE = "sensitive"
    LIFE_SUPPORT = "life_support"
    STANDBY = "standby"
    ESTATE = "estate"
    BUILDING = "building"
    FLOORS = "floors"
    HIGH_RISE = "high_rise"
    UNIT = "unit"
    PHONE = "phone"
    TENANT = "tenant"
    TENANT_PHONE = "tenant_phone"
    MANAGER = "manager"
    MANAGER_PHONE = "manager_phone"
    VILLAGE = "village"
    VILLAGE_PHONE = "village_phone"
    ACCOUNT_MANAGER = "account_manager"
    ACCOUNT_MANAGER_PHONE = "account_manager_phone"
    OPENID = "openid"
    PUSH_TOKEN = "push_token"  # noqa: S105 - a column
    LOCALE = "locale"
    OPTED_OUT = "opted_out"
    ROW_NUMBER = "row_number"
    EAST = "east"
    NORTH = "north"
    KNOWN = "known"  # understood, and not kept: supply office, meter, date of the export
    FINDINGS = "findings"  # the column of our own correction sheet


_HEADINGS: Mapping[Field, str] = {
    Field.STATION: (
        "变电站 变电站名称 所属变电站 电源站 站名 站名称 厂站 厂站名称 变电所 subsname rdtsubsname "
        "station stationname substation substationname"
    ),
    Field.FEEDER: (
        "线路 线路名称 所属线路 所属10千伏线路 所属10kv线路 10千伏线路 10kv线路 10kv线路名称 "
        "10千伏线路名称 馈线 馈线名称 所属馈线 中压线路 配电线路 出线 linename rdtfeedername feeder "
        "feedername line circuit"
    ),
    Field.AREA_CODE: (
        "台区编号 台区编码 台区号 台区id 台区代码 配变编号 配变编码 变压器编号 变压器编码 公变编号 "
        "配变台区编号 tgid tgno areacode areaid transformerid transformercode"
    ),
    Field.AREA: (
        "台区 台区名称 所属台区 配变 配变名称 配变台区名称 配变台区 台区配变名称 变压器 变压器名称 "
        "公变 公变名称 台变 台变名称 配电变压器 配电变压器名称 tgname pubtranname area areaname "
        "transformer transformername"
    ),
    Field.AREA_TYPE: "台区类型 台区性质 配变性质 配变类型 公专变 公专变标志 公变专变 变压器类型",
    Field.ACCOUNT: (
        "户号 用户编号 用户编码 用户号 客户编号 客户编码 客户号 用电户号 用电客户编号 营销户号 "
        "consno account accountno accountnumber customerid customerno usagepoint"
    ),
    Field.NAME: (
        "户名 用户名称 用户名 客户名称 客户名 用电客户名称 用电户名 姓名 consname name customername"
    ),
    Field.ADDRESS: "地址 用电地址 用户地址 客户地址 装表地址 详细地址 住址 elecaddr address",
    Field.CATEGORY: (
        "用电类别 用电性质 用户类别 用户类型 客户类型 客户类别 用电分类 行业类别 行业 "
        "category customertype"
    ),
    Field.CRITICAL: (
        "重要用户 重要客户 重要用户等级 重要客户等级 重要等级 重要性等级 重要级别 用户重要等级 "
        "重要用户级别 重要电力用户 critical criticality"
    ),
    Field.SENSITIVE: (
        "敏感用户 敏感客户 敏感类型 敏感用户类型 敏感设备 敏感负荷 敏感原因 特殊用电设备 sensitive need"
    ),
    Field.LIFE_SUPPORT: (
        "生命支持 生命支持设备 呼吸机 呼吸机用户 维生设备 居家医疗设备 居家医疗 lifesupport"
    ),
    Field.STANDBY: "双电源 双回路 双电源用户 是否双电源 备用电源 多电源 电源数 dualsupply standby",
    Field.ESTATE: "小区 小区名称 所属小区 住宅小区 estate community",
    Field.BUILDING: "楼栋 楼栋号 楼号 楼宇 楼幢 栋号 幢号 楼栋小区 小区楼栋 楼 大楼 building",
    Field.FLOORS: "层数 楼层数 总层数 地上层数 楼层总数 floors storeys",
    Field.HIGH_RISE: "高层 是否高层 高层建筑 高层住宅 高层小区 highrise",
    Field.UNIT: "单元 单元号 出入口 单元出入口 单元门 门洞 梯号 unit entrance",
    Field.PHONE: (
        "电话 电话号码 联系电话 手机 手机号 手机号码 移动电话 联系方式 联系号码 户主电话 户主手机 "
        "用户电话 客户电话 用户手机 用户联系电话 客户联系电话 停电通知电话 短信号码 "
        "phone phonenumber mobile mobilephone tel telephone"
    ),
    Field.TENANT: "租户 租户姓名 租户名称 承租人 租客 tenant tenantname",
    Field.TENANT_PHONE: (
        "租户电话 租户手机 租户手机号 租户联系电话 承租人电话 租客电话 租客手机 tenantphone"
    ),
    Field.MANAGER: "物业 物业公司 物业名称 物业单位 物业联系人 物业管家 propertymanager manager",
    Field.MANAGER_PHONE: (
        "物业电话 物业联系电话 物业手机 物业手机号 物业联系方式 propertymanagerphone managerphone"
    ),
    Field.VILLAGE: (
        "村委 村委会 村 行政村 街道 社区 居委 居委会 村居 村社区 街道社区 街道办 村委街道 village"
    ),
    Field.VILLAGE_PHONE: (
        "村委电话 村委会电话 村委街道电话 街道电话 社区电话 居委电话 居委会电话 村居电话 村社区电话 "
        "街道办电话 村委联系电话 村干部电话 villagephone"
    ),
    Field.ACCOUNT_MANAGER: (
        "客户经理 台区经理 用电客户经理 网格经理 客户经理姓名 台区经理姓名 accountmanager"
    ),
    Field.ACCOUNT_MANAGER_PHONE: (
        "客户经理电话 台区经理电话 客户经理手机 客户经理联系电话 台区经理联系电话 台区经理手机 "
        "网格经理电话 accountmanagerphone"
    ),
    Field.OPENID: "openid 微信openid 微信 微信号openid 公众号openid wechat wechatopenid",
    Field.PUSH_TOKEN: "推送token registrationid 推送标识 推送id apptoken pushtoken token 设备token",
    Field.LOCALE: "语言 语种 locale language",
    Field.OPTED_OUT: "退订 是否退订 退订标志 拒收 免打扰 optout optedout unsubscribed",
    Field.ROW_NUMBER: "rownum rowno",
    Field.EAST: "x 经度 坐标x longitude lon",
    Field.NORTH: "y 纬度 坐标y latitude lat",
    Field.KNOWN: (
        "序号 编号 供电单位 供电所 供电公司 单位 单位名称 抄表段号 电能表条码 电表编号 表号 导出时间 "
        "容量 运行容量 合同容量 配变容量 备注 电压等级 powsupcomp orgname orgno meterreadnum "
        "elecmetercode expousertime capacity remark note"
    ),
    Field.FINDINGS: "检查结果findings 检查结果",
}
_NOTE = re.compile(r"[(\[【<].*?[)\]】>]")
_MARKS = re.compile(r"[\s*_\-/\\、,:：;.·|()\[\]【】<>#*]+")
_NUMBERED = re.compile(r"(?<=\D)[0-9一二三四]$")
_BY_HEADING = {
    heading: field for field, headings in _HEADINGS.items() for heading in headings.split()
}

#: Fields that a heading may give more than once: 联系电话1, 联系电话2.
_REPEATABLE = frozenset(
    {Field.PHONE, Field.TENANT_PHONE, Field.MANAGER_PHONE, Field.VILLAGE_PHONE, Field.KNOWN,
     Field.ACCOUNT_MANAGER_PHONE}
)  # fmt: skip
#: A header row names one of these, and two fields in all (a list of feeders may have one column).
_ANCHORS = frozenset({Field.ACCOUNT, Field.AREA, Field.AREA_CODE, Field.FEEDER})
_HEADER_WITHIN = 30

Columns = Mapping[Field, tuple[int, ...]]


def field_of(heading: str) -> Field | None:
    """The field that a heading stands for, None when it is not one of ours."""
    folded = names.fold(heading)
    tries = [_MARKS.sub("", folded), _MARKS.sub("", _NOTE.sub("", folded))]
    tries += [_NUMBERED.sub("", text) for text in tries]
    tries += [text.removeprefix("是否") for text in tries]
    return next((_BY_HEADING[text] for text in tries if text in _BY_HEADING), None)


def columns_of(headings: Sequence[str]) -> dict[Field, tuple[int, ...]]:
    """Where each field stands, counted from 0. A field given twice counts once, the first time,
    unless it may be repeated."""
    found: dict[Field, tuple[int, ...]] = {}
    for index, heading in enumerate(headings):
        field = field_of(heading) if heading else None
        if field is not None and (field not in found or field in _REPEATABLE):
            found[field] = (*found.get(field, ()), index)
    return found


def find_header(rows: Sequence[Sequence[str]]) -> tuple[int, dict[Field, tuple[int, ...]]] | None:
    """The header row among the first rows, as its place from 0 and its columns.

    The row with the most fields wins, the first of equals; None when no row is a header.
    """
    best: tuple[int, dict[Field, tuple[int, ...]]] | None = None
    for index, row in enumerate(rows[:_HEADER_WITHIN]):
        columns = columns_of(row)
        kinds = len(columns)
        filled = sum(1 for cell in row if cell)
        if not _ANCHORS & columns.keys() or kinds * 2 < filled or (kinds < 2 and filled > 1):
            continue
        if best is None or kinds > len(best[1]):
            best = (index, columns)
    return best
