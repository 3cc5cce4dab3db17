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
