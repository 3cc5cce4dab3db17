"""Codes in words, Chinese and English: every code that a page shows has a sentence here."""

from collections.abc import Mapping

Words = tuple[str, str]

#: Why something is said, not said, said later, or did not arrive.
REASONS: Mapping[str, Words] = {
    "": ("", ""),
    "address.gone": ("联系方式已不存在", "The address is gone"),
    "adapter.fault": ("渠道适配器出错，结果不明", "The adapter failed; the outcome is not known"),
    "adapter.miscounted": (
        "渠道返回数量不符，结果不明",
        "The adapter answered for another number of messages; the outcome is not known",
    ),
    "advance_serves": ("提前通知时间已近，无需再提醒", "The advance notice is near enough"),
    "cap.reached": ("24 小时内条数已达上限", "As many messages in 24 hours as the policy allows"),
    "channel.failover": ("渠道连续失败，改由备用渠道发送", "The channel kept failing; another took over"),
    "channel.stopped": ("渠道已停用，等待恢复", "The channel stands still until an operator starts it"),
    "correction_serves": ("更正通知已说明，无需再提醒", "The correction serves as the reminder"),
    "gave_up": ("到期仍未送出，改用下一种方式", "Not sent in time: the next medium is tried"),
    "never_answered": ("服务商始终未确认收到", "The provider never said that it had the message"),
    "never_arrived": ("服务商查无此条，重新发送", "The provider never had it: sent again"),
    "never_told": ("此前未通知过，不再打扰", "Never told, so there is nothing to put right"),
    "no_longer_wanted": ("计划已变化，通知已撤回", "The plan changed; the message was withdrawn"),
    "no_receipt": ("未收到回执", "No receipt came"),
    "opted_out": ("对方已退订", "The person opted out"),
    "outage_begun": ("停电已开始，提前通知失去意义", "The outage has begun: too late for an advance notice"),
    "outage_over": ("原停电时间已过，无需通知", "The outage that was announced is over"),
    "channel.gone": ("渠道已从配置中移除，改走其他渠道", "The channel is no longer configured"),
    "plan.not_approved": ("计划变更待批准，批准后再发", "The changed plan awaits approval"),
    "plan.not_reconciled": ("计划刚有变化，重新核对后再发", "The plan just changed and is being looked at"),
    "policy.not_this_audience": ("策略不要求通知这类对象", "The policy does not ask for this audience"),
    "policy.tells_nobody": ("策略不要求通知这类影响", "The policy tells nobody of this impact"),
    "posted": ("已张贴并拍照", "Put up and photographed"),
    "quiet_hours.earlier": ("避开静默时段，提前发送", "Moved before the quiet hours"),
    "quiet_hours.later": ("静默时段，结束后发送", "Held until the quiet hours end"),
    "quiet_hours.seconds": (
        "夜间几秒钟的短时停电，不影响此类用户",
        "Seconds in the quiet hours, which do not matter to this recipient",
    ),
    "quiet_hours.overridden": (
        "情况紧急，静默时段内仍发送",
        "Sent in the quiet hours: waiting would be too late",
    ),
    "rate": ("超过渠道速率，稍后发送", "Held back by the channel's rate"),
    "reconcile": ("按计划与策略核对发送清单", "The list of messages was made to follow the plan"),
    "resend": ("结果不明，以同一编号重发", "Sent again under the same key"),
    "restored_as_announced": ("按时送电，无需另行通知", "Restored as announced"),
    "other_days_stand": ("其余日期不变，张贴仍然有效", "The other days stand: the poster hangs on"),
    "transition.closed": ("合环或不停电转供，不中断供电", "Supply stays on: nobody need be told"),
    "told_with": ("同停，由此计划告知：", "One outage, told by plan"),
    "too_late": ("已过有效时间，不再发送", "It lost its point before it could be sent"),
    "unreachable": ("没有可用的联系方式", "No usable address"),
    "worker.lost": ("处理进程中断，结果待查", "The worker was lost; the outcome is being asked for"),
}  # fmt: skip

#: What stands on the list for people.
EXCEPTIONS: Mapping[str, Words] = {
    "not_reached": ("未能送达", "Not reached"),
    "unreachable": ("无法联系", "Unreachable"),
    "approval_overdue": ("待批准，期限将至", "Approval overdue"),
    "impact_outdated": ("台账或网络已变化", "Ledger or network has changed"),
    "impact_unknown": ("影响不明", "Impact not known"),
    "no_contact": ("没有联系人", "No contact"),
    "no_words": ("消息无法生成", "The message cannot be written"),
    "notice_late": ("晚于法定提前期", "Later than the law asks"),
    "end_unconfirmed": ("送电时间未确认", "End not confirmed"),
    "pushed_by_overrun": ("因他处延时须顺延", "Must move: another ends later"),
    "posting_undone": ("通知未张贴", "Poster not up"),
}

VERDICTS: Mapping[str, Words] = {
    "skip": ("不通知", "Not told"),
    "schedule": ("排定发送", "Scheduled"),
    "withdraw": ("撤回", "Withdrawn"),
    "repoint_batches": ("批次改用新内容", "Batches given the new content"),
    "withdraw_batches": ("批次撤回", "Batches withdrawn"),
}

STAGES: Mapping[str, Words] = {
    "": ("", ""),
    "advance": ("提前通知", "Advance"),
    "reminder": ("停电提醒", "Reminder"),
    "started": ("开始停电", "Started"),
    "rescheduled": ("改期通知", "Rescheduled"),
    "removed": ("不再受影响", "No longer affected"),
    "cancelled": ("取消通知", "Cancelled"),
    "late": ("延迟送电", "Late"),
    "restored": ("恢复供电", "Restored"),
}

MEDIA: Mapping[str, Words] = {
    "sms": ("短信", "SMS"),
    "wechat": ("微信", "WeChat"),
    "push": ("App 推送", "App push"),
    "voice": ("电话语音", "Voice"),
    "email": ("邮件", "E-mail"),
    "posting": ("现场张贴", "Posting"),
}

PLAN_STATES: Mapping[str, Words] = {
    "draft": ("草稿", "Draft"),
    "submitted": ("待批准", "Submitted"),
    "approved": ("已批准", "Approved"),
    "cancelled": ("已取消", "Cancelled"),
    "done": ("已结束", "Done"),
}

KINDS: Mapping[str, Words] = {
    "planned": ("计划停电", "Planned"),
    "short_notice": ("临时停电", "Short notice"),
    "short_transfer": ("短时停电", "Short transfer"),
    "unplanned": ("故障停电", "Unplanned"),
}

CHANGES: Mapping[str, Words] = {
    "submitted": ("提交", "Submitted"),
    "revised": ("修改", "Revised"),
    "cancelled": ("取消", "Cancelled"),
    "delayed": ("调整结束时间", "End moved"),
    "restored": ("恢复供电", "Restored"),
    "rematched": ("重新匹配", "Matched anew"),
}

CLASSES: Mapping[str, Words] = {
    "out": ("停电", "Out"),
    "short": ("短时停电（数秒）", "Out for seconds"),
    "lost_one_source": ("失去一路电源", "One source lost"),
    "paralleled": ("合环", "Paralleled"),
    "transferred_live": ("不停电转供", "Transferred live"),
    "energised_by_plan": ("因操作带电", "Energised"),
    "unknown": ("影响不明", "Unknown"),
    "dead_before": ("原已停电", "Dead before"),
    "unaffected": ("不受影响", "Unaffected"),
}

AUDIENCES: Mapping[str, Words] = {
    "ordinary": ("普通用户", "Ordinary"),
    "high_rise": ("高层住户", "High-rise"),
    "sensitive": ("敏感用户", "Sensitive"),
    "critical": ("重要用户", "Critical"),
    "life_support": ("生命支持", "Life support"),
    "property_manager": ("物业", "Property manager"),
    "village_office": ("村居", "Village office"),
    "account_manager": ("客户经理", "Account manager"),
    "entrance": ("楼道张贴", "Entrance"),
}

DELIVERY_STATES: Mapping[str, Words] = {
    "scheduled": ("待发送", "Scheduled"),
    "sending": ("发送中", "Sending"),
    "accepted": ("已受理", "Accepted"),
    "delivered": ("已送达", "Delivered"),
    "uncertain": ("结果待查", "Uncertain"),
    "failed": ("失败", "Failed"),
    "dropped": ("不再发送", "Dropped"),
    "withdrawn": ("已撤回", "Withdrawn"),
    "unconfirmed": ("无回执", "Unconfirmed"),
}

DIFFERENCES: Mapping[str, Words] = {
    "added": ("新增", "added"),
    "removed": ("不再受影响", "removed"),
    "changed": ("时间或方式变化", "changed"),
    "unchanged": ("不变", "unchanged"),
}

ACTS: Mapping[str, Words] = {
    "plan.submitted": ("提交计划", "Plan submitted"),
    "plan.revised": ("修改计划", "Plan revised"),
    "plan.approved": ("批准计划", "Plan approved"),
    "plan.cancelled": ("取消计划", "Plan cancelled"),
    "plan.delayed": ("调整结束时间", "End moved"),
    "plan.restored": ("确认恢复供电", "Supply restored"),
    "plan.rematched": ("重新匹配", "Matched anew"),
    "plan.joined": ("加入同停", "Told as one"),
    "plan.parted": ("退出同停", "Told for itself again"),
    "running.on_time": ("班组确认按时送电", "Crew: on time"),
    "running.late": ("班组报延迟送电", "Crew: late"),
    "running.restored": ("班组报已送电", "Crew: restored"),
    "attempt": ("发送", "Sent"),
    "receipt": ("回执", "Receipts"),
}


def words(table: Mapping[str, Words], code: str) -> Words:
    """The words for a code; what stands behind a colon is named after them. A provider's own code
    stands for itself."""
    kind, _, name = code.partition(":")
    if name and kind in table and code not in table:
        zh, en = table[kind]
        return f"{zh}{name}", f"{en} {name}"
    return table.get(code, (code, code))


#: By what a report is divided.
DIVISIONS: Mapping[str, Words] = {
    "station": ("变电站", "Station"),
    "feeder": ("线路", "Feeder"),
    "area": ("台区", "Area"),
}

#: What an interruption was.
INTERRUPTIONS: Mapping[str, Words] = {"out": ("停电", "Out"), "short": ("短时", "Seconds")}

#: How well the times of an interruption are known.
QUALITIES: Mapping[str, Words] = {
    "measured": ("实报", "Reported"),
    "as_planned": ("按计划", "As planned"),
    "no_end": ("无终止", "No end"),
}

#: Why an outage was not carried out as announced.
DEPARTURES: Mapping[str, Words] = {
    "not_done": ("取消或未实施", "Cancelled or not done"),
    "moved": ("改期", "Moved"),
    "late": ("延时送电", "Restored late"),
    "wider": ("范围扩大", "More customers"),
}
