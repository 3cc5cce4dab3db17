"""What the demonstration says: Chinese first, then English; numbers that can be checked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from notifier.commands.console import Console
from notifier.demo import grid
from notifier.demo.bureau import Bureau
from notifier.demo.joint import JointCheck
from notifier.demo.meeting import Meeting
from notifier.demo.plans import Programme
from notifier.demo.reckoning import PlanLine, Reckoning
from notifier.demo.section import SectionCheck
from notifier.demo.walk import Fate

_WEEKDAYS = "一二三四五六日"
#: Which messages are shown, by a part of the provider's template code or title.
_SAMPLES = (
    ("停电预告 advance", "aliyun", "DEMO_ADVANCE_SMS_ZH"),
    ("英文 in English", "aliyun", "DEMO_ADVANCE_SMS_EN"),
    ("短时停电 seconds only", "aliyun", "DEMO_SHORT_ADVANCE_SMS_ZH"),
    ("改期 moved", "aliyun", "DEMO_RESCHEDULED_SMS_ZH"),
    ("延时 late", "aliyun", "DEMO_LATE_SMS_ZH"),
    ("取消 cancelled", "aliyun", "DEMO_CANCELLED_SMS_ZH"),
    ("不再受影响 removed", "wechat", "DEMO_REMOVED_WECHAT_ZH"),
    ("提醒 reminder", "jpush", ""),
    ("送电 restored", "wechat", "DEMO_RESTORED_WECHAT_ZH"),
)


def introduce(console: Console, town: Bureau, programme: Programme, folder: Path) -> None:
    """The cast."""
    feeders = {area.feeder for area in town.areas}
    stations = {area.station for area in town.areas}
    public = sum(1 for area in town.areas if area.is_public)
    console.say("示范县供电公司的一个月 / a month of a made-up county bureau")
    console.say(
        f"  {len(stations)} 站 {len(feeders)} 线 {public} 个公变台区 {len(town.rows):,} 行台账，"
        f"3 个部门 {sum(programme.numbers.values())} 个计划；文件在 {folder}"
    )
    console.say(
        f"  {len(stations)} stations, {len(feeders)} feeders, {public} public transformer areas, "
        f"{len(town.rows):,} ledger rows; {sum(programme.numbers.values())} plans of 3 departments; "
        f"the files are in {folder}"
    )


def ledger(console: Console, imported: Mapping[str, Any]) -> None:
    """What the import of the ledger found."""
    counts = imported["counts"]
    console.say(
        f"导入台账：{counts['usage_points']:,} 户、{counts['contacts']:,} 个联系人；"
        f"{counts['poster_only']} 户无电话，只能张贴 / ledger imported: "
        f"{counts['usage_points']:,} usage points, {counts['contacts']:,} contacts, "
        f"{counts['poster_only']} reached by poster only"
    )
    found = "、".join(f"{code} {count}" for code, count in imported["finding_counts"].items())
    console.say(f"  数据问题 / findings: {found}")


def network(console: Console, town: Bureau, imported: Mapping[str, Any]) -> None:
    """How much of the grid there is a model of, and what there is not."""
    counts = imported["counts"]
    left_out = "、".join(
        dict.fromkeys(area.feeder for area in town.areas if area.station == grid.LEFT_OUT)
    )
    console.say(
        f"导入网络模型：{counts['feeders']} 线、{counts['nodes']:,} 个节点、{counts['switches']:,} 个开关、"
        f"{counts['customers']:,} 户；{left_out}只有台账 / network model imported: "
        f"{counts['feeders']} feeders, {counts['nodes']:,} nodes, {counts['switches']:,} switches, "
        f"{counts['customers']:,} usage points; two feeders are known by the ledger alone"
    )


def plans(console: Console, department: str, file: Path, answer: Mapping[str, Any]) -> None:
    """What one department's file held."""
    counts = "、".join(f"{name} {count}" for name, count in answer["counts"].items() if count)
    console.say(f"导入计划 / plans imported: {file.name}（{department}） {counts}")
    for plan in answer["plans"]:
        for finding in plan["findings"]:
            if finding["severity"] == "error":
                console.say(
                    f"  {plan['number']}：{finding['code']} {finding['found']} → {finding['expected']}"
                    "；等人更正，不猜 / waits for a person, is not guessed"
                )


def meeting(console: Console, held: Meeting, base: str) -> None:
    """What the balance meeting proposed and what was accepted, with where each figure stands."""
    asked, proposed = held.summary["asked"], held.summary["proposed"]
    figures = [
        (zh, en, asked[name], proposed[name])
        for zh, en, name in (
            ("停电户次", "customer interruptions", "interruptions"),
            ("重复停电", "repeats", "repeats"),
            ("时户数", "customer-hours", "customer_hours"),
        )
    ]
    console.say(
        f"平衡会：{held.summary['works']} 个工作，采纳 {len(held.accepted)} 项 / the balance meeting: "
        f"{held.summary['works']} works of three departments, {len(held.accepted)} items accepted "
        f"({held.summary['solver']}, {held.summary['seconds']} s) → {base}/coordination/{held.number}"
    )
    for zh, en, before, after in figures:
        console.say(
            f"  {zh} {before:,.0f} → {after:,.0f}（-{1 - after / before:.0%}） / {en}: "
            f"{before:,.0f} as asked, {after:,.0f} as accepted"
        )
    for item in held.accepted:
        others = "、".join(other["number"] for other in item["merged_with"])
        there = f"与 {others} 同停 / together with {others}" if others else "另选日期 / another day"
        console.say(
            f"  {item['number']} {item['from'][0]['starts_at'][5:10]} → "
            f"{item['to'][0]['starts_at'][5:10]} {there}：少停 {item['spared_interruptions']:,} 户次 / "
            f"spares {item['spared_interruptions']:,} → {base}/coordination/{held.number}"
            f"#i-{item['number']}"
        )
    for refused in held.refused:
        console.say(f"  {refused['number']} 未采纳 / not accepted: {refused['why']}")


def signed(console: Console, number: int, people: int) -> None:
    """What the approver signed."""
    console.say(
        f"主任审批 {number} 个计划，共 {people:,} 人次收件人 / "
        f"{number} plans approved by somebody else than whoever submitted them, "
        f"{people:,} recipients\n"
    )


def calendar_head(console: Console) -> None:
    """Explains the lines that follow."""
    console.say(
        "日期 day   短信 SMS（备用 backup）  微信 WeChat  推送 push  张贴 posters  发生 what happened"
    )


def day(console: Console, today: date, sent: Mapping[str, int], happened: Sequence[str]) -> None:
    """One line: what was sent on this day and what else happened."""
    backup = f"({sent['backup']})" if sent["backup"] else ""
    console.say(
        f"{today:%m-%d} 周{_WEEKDAYS[today.weekday()]} "
        f"{sent['aliyun'] + sent['backup']:>8,}{backup:>12}{sent['wechat']:>11,}"
        f"{sent['jpush']:>10,}{sent['posted']:>10,}    {'；'.join(happened)}"
    )


def table(console: Console, found: Reckoning) -> None:
    """One row a plan; every contact is in exactly one column from told to spared."""
    console.say("\n每个计划 / plan by plan（人 = 联系人 contacts）")
    headers = (
        "计划 plan", "内容 works", "影响 affected", "告知 told", "张贴 posted", "未达 failed",
        "无渠道 unreachable", "未张贴 unposted", "不必告知 spared", "同停 joint",
        "换渠道 fallback", "更正 corrected", "待办 open/all", "",
    )  # fmt: skip
    console.table(headers, [_cells(line) for line in [*found.lines, _total(found.lines)]])


def _cells(line: PlanLine) -> tuple[object, ...]:
    numbers = (
        line.affected, line.told, line.posted, line.failed, line.unreachable, line.unposted,
        line.spared, line.joint, line.fallback, line.corrected,
    )  # fmt: skip
    verdict = "✓" if line.adds_up else "✗"
    if line.state == "draft":
        verdict = "未批准 draft"
    return (
        line.number,
        line.works[:10],
        *(f"{number:,}" if number else "·" for number in numbers),
        f"{line.open_exceptions}/{line.exceptions}",
        verdict,
    )


def _total(lines: Sequence[PlanLine]) -> PlanLine:
    total = PlanLine(number="合计 total", kind="", state="", works="")
    for line in lines:
        for name in (
            "affected", "told", "posted", "failed", "unreachable", "unposted", "spared", "joint",
            "other", "fallback", "corrected", "exceptions", "open_exceptions",
        ):  # fmt: skip
            setattr(total, name, getattr(total, name) + getattr(line, name))
    return total


def joint(console: Console, found: JointCheck) -> None:
    """The merged outages: one announcement a person, where there would have been one a plan."""
    console.say(
        f"\n同停 {found.outages} 处：{found.people:,} 人身处两项以上工作，停电通知共 {found.told:,} 次，"
        f"而非逐项 {found.plan_by_plan:,} 次 / {found.outages} joint outages: {found.people:,} people in "
        f"two works or more were announced it {found.told:,} times, not {found.plan_by_plan:,} times "
        f"plan by plan {'✗' if found.faults else '✓'}"
    )


def section(console: Console, found: SectionCheck) -> None:
    """The section outage: what the network files say, and what each customer was told."""
    points, contacts = found.points, found.contacts
    halved = points[Fate.HALVED] + found.elsewhere
    out, short, none = (points[fate] for fate in (Fate.OUT, Fate.SHORT, Fate.UNAFFECTED))
    console.say(
        f"\n区段停电与转供 / a section outage with transfer: {found.number} {found.feeder}\n"
        f"  段内停电 {out:,} 户、转供短停 {short:,} 户、不受影响 {none:,} 户"
        f"（另 {halved} 户失一路电源仍有电） / {out:,} usage points out, "
        f"{short:,} for seconds only, {none:,} not at all "
        f"({halved} more lose one of two supplies and keep power)"
    )
    console.say(
        f"  {contacts[Fate.OUT]:,} 人收到停电通知，{contacts[Fate.SHORT]:,} 人收到短停通知，"
        f"{found.unreached} 人无法送达；与另行推算逐户核对{'不符' if found.faults else '一致'} / "
        f"{contacts[Fate.OUT]:,} contacts told of the outage, {contacts[Fate.SHORT]:,} of the seconds, "
        f"{found.unreached} could not be reached; "
        f"{'not ' if found.faults else ''}as an independent walk over the network files says"
    )
    for fate, title in ((Fate.OUT, "停电 out"), (Fate.SHORT, "短停 seconds")):
        if fate in found.examples:
            _message(console, title, found.examples[fate])


def samples(console: Console, taken: Sequence[Mapping[str, Any]]) -> None:
    """Some messages as people got them; addresses masked."""
    console.say("\n人们收到的消息 / messages as people got them")
    for title, provider, code in _SAMPLES:
        found = next(
            (
                message
                for message in taken
                if message["provider"] == provider
                and message["template"] == code
                and not message["fate"]
            ),
            None,
        )
        if found is None:
            continue
        _message(console, title, found)


def _message(console: Console, title: str, message: Mapping[str, Any]) -> None:
    address = str(message["address"])
    console.say(f"  {title} → {address[:3]}****{address[-4:]}")
    console.say(f"    {message['text']}")


def crews(console: Console, done: Sequence[tuple[str, int, Sequence[str]]]) -> None:
    """What the crews did."""
    for name, number, handed_back in done:
        words = f"；退回 {'、'.join(handed_back)} / handed back" if handed_back else ""
        console.say(
            f"  {name}：{number} 处张贴、撤下，均有照片 / doors, each with a photograph{words}"
        )


def verdict(
    console: Console,
    found: Reckoning,
    main: Mapping[str, Any],
    backup: Mapping[str, Any],
    seconds: float,
) -> None:
    """The comparison with the gateways' own books, and whether all of it adds up."""
    console.say("\n对账 / the reckoning")
    for medium, words in (("sms", "短信 SMS"), ("wechat", "微信 WeChat"), ("push", "推送 push")):
        console.say(
            f"  {words}：台账已发 {found.sent[medium]:,}，网关收到 {found.taken[medium]:,} / "
            f"sent by the ledger, taken by the gateways"
        )
    refusals = Counter(main["refusals"]) + Counter(backup["refusals"])
    if refusals:
        shown = "、".join(f"{code} {count}" for code, count in sorted(refusals.items()))
        console.say(f"  网关拒绝 / refused by the gateways: {shown}")
    console.say(
        f"  备用通道承接 {found.failover:,} 条；重复 {found.doubled}，缺失 {found.missing}，"
        f"多出 {found.surplus}，过期未发 {found.too_late}（另有换渠道时已过期 {found.fallback_too_late}、"
        f"只管几小时或已取消而作废 {found.stale_news}），"
        f"仍在队列 {found.waiting}"
    )
    console.say(
        f"  {found.failover:,} went by the backup account; {found.doubled} doubled, "
        f"{found.missing} missing, {found.surplus} unaccounted for, {found.too_late} too late "
        f"(and {found.fallback_too_late} when it was the next medium's turn, {found.stale_news} "
        f"that were news for some hours only, or called off), "
        f"{found.waiting} still waiting"
    )
    for fault in found.faults:
        console.say(f"  ✗ {fault}")
    if found.faults:
        console.say("  数字对不上 / THE NUMBERS DO NOT ADD UP")
    else:
        console.say(
            "  ✓ 每人、每计划、每阶段、每版本恰好一次；影响 = 告知 + 张贴 + 未达 + 未张贴（= 审批人数）"
            " + 无渠道 + 不必告知 + 同停"
        )
        console.say(
            "  ✓ each (person, plan, stage, revision) exactly once; affected = told + posted + failed "
            "+ unposted (what was signed) + unreachable + spared + joint"
        )
    console.say(f"  用时 {seconds:.0f} 秒 / it took {seconds:.0f} s")


def address(
    console: Console,
    base: str,
    tokens: Mapping[str, str],
    programme: Programme,
    held: Meeting,
) -> None:
    """Where to look, and with which token to decide something."""
    console.say(f"\n页面仍在运行，无需登录即可看 / the pages are open, without logging in: {base}")
    for path, words in (
        ("/?all=1", "看板：全部计划、待办、渠道 / the board: every plan, what waits for a person"),
        (
            f"/plans/{programme.section.number}#network",
            "区段停电：单线图、每个人收到什么 / the section outage: its picture, and what each was told",
        ),
        (f"/plans/{programme.cast.rescheduled}", "改期的计划 / the outage that was moved"),
        (
            f"/coordination/{held.number}",
            "平衡会：前后对照、逐项理由 / the balance meeting: before and after, item by item",
        ),
        ("/reports", "可靠性指标、重复停电名单 / reliability, and who lost power again and again"),
        ("/running", "正在停电：预计何时送电 / outages under way: when supply will be back"),
    ):
        console.say(f"  {base}{path}  {words}")
    for name, token in tokens.items():
        console.say(f"  登录令牌 / sign in to decide（{name}）: {token}")
    console.say("  Ctrl-C 结束 / to stop")
