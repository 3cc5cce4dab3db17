"""What the pages about coordination call things, Chinese and English."""

from collections.abc import Mapping

from notifier.web.words import Words

#: By the name of ``customer.Criticality``, lower case.
CRITICALITIES: Mapping[str, Words] = {
    "ordinary": ("普通用户", "ordinary"),
    "sensitive": ("敏感用户", "sensitive"),
    "critical_temporary": ("临时性重要用户", "critical, temporary"),
    "critical_2": ("二级重要用户", "critical, grade 2"),
    "critical_1": ("一级重要用户", "critical, grade 1"),
    "critical_special": ("特级重要用户", "critical, special"),
    "life_support": ("生命支持", "life support"),
}

#: What is proposed for a work; see ``proposal.Outcome``.
OUTCOMES: Mapping[str, Words] = {
    "kept": ("不变", "Kept"),
    "moved": ("移动", "Moved"),
    "switched": ("换方式", "Another way"),
    "merged": ("合并", "Merged"),
    "deferred": ("本期不做", "Deferred"),
}

#: How far a meeting is.
RUN_STATES: Mapping[str, Words] = {
    "running": ("计算中", "Running"),
    "done": ("已完成", "Done"),
    "stopped": ("已停止，取当前最好方案", "Stopped with the best so far"),
    "failed": ("失败", "Failed"),
    "lost": ("中断", "Lost"),
}

#: What became of an item.
DECISIONS: Mapping[str, Words] = {
    "": ("", ""),
    "accepted": ("已采纳", "Accepted"),
    "refused": ("未能采纳", "Refused"),
}

#: What found a proposal.
SOLVERS: Mapping[str, Words] = {
    "greedy": ("贪心与局部搜索，未证明最优", "greedy with local search, nothing proven"),
    "cp-sat": ("CP-SAT 求解器", "CP-SAT"),
}

#: The rows of the totals.
FIGURES: Mapping[str, Words] = {
    "interruptions": ("停电户次", "Interruptions of customers"),
    "repeats": ("其中重复停电", "of them repeats"),
    "over_limit": ("其中超过限值", "of them over the limit"),
    "customer_hours": ("停电时户数", "Customer-hours"),
    "transfers": ("短时停电户次", "Short interruptions"),
    "told_again": ("须重新告知户数", "Customers to be told again"),
    "moved": ("移动的工作", "Works moved"),
    "deferred": ("本期不做的工作", "Works deferred"),
}

#: The tables of a file of constraints.
TABLES: Mapping[str, Words] = {
    "coordination": ("参数", "Settings"),
    "crew": ("班组", "Crews"),
    "region": ("区域", "Regions"),
    "window": ("允许时间", "Windows"),
    "precedence": ("先后", "Precedence"),
    "same_outage": ("同停组", "Same outage"),
    "exclusive": ("互斥", "Exclusions"),
    "blackout": ("禁停", "Blackouts"),
    "customer": ("用户日期", "Customers' dates"),
    "own_work": ("用户检修", "Customers' own work"),
    "transfer": ("转供方式", "Transfers"),
}
