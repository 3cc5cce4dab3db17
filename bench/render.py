"""How long a message takes to write, beside the naive way; JSON on standard output.

Usage: python bench/render.py [messages]
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2

from notifier.domain.customer import Audience, Need
from notifier.domain.impact import ImpactClass
from notifier.domain.notice import Facts, Recipient, Stage
from notifier.domain.window import Window
from notifier.rendering.library import Library, shipped_folder
from notifier.rendering.messages import MessageRenderer
from notifier.rendering.variables import Utility

NOW = datetime(2026, 11, 18, tzinfo=UTC)
UTILITY = Utility(
    name="南州供电局",
    signature="南州供电",
    hotline="95598",
    link="https://example.org/o/{number}",
    zone=ZoneInfo("Asia/Shanghai"),
)
FACTS = Facts(
    number="NZ-2026-1124-03",
    stage=Stage.ADVANCE,
    impact_class=ImpactClass.OUT,
    windows=(Window(datetime(2026, 11, 24, 0, tzinfo=UTC), datetime(2026, 11, 24, 9, 30, tzinfo=UTC)),),
    audience=Audience.ORDINARY,
    need=Need.NONE,
    where="10kV中05线东风路1号公变、东风路2号公变",
    works="更换变压器",
    revision=1,
)  # fmt: skip
BATCH = 100


def main(messages: int) -> None:
    library = Library()
    renderer = MessageRenderer(library, UTILITY)
    people = [(f"客户{n}", 1 + n % 3) for n in range(BATCH)]

    def ours(template: str) -> float:
        began = time.perf_counter()
        for _ in range(messages // BATCH):
            prepared = renderer.prepare(template, FACTS, now=NOW)
            for name, accounts in people:
                prepared.render(Recipient(name=name, accounts=accounts))
        return (time.perf_counter() - began) / messages * 1e6

    def naive(template: str) -> float:
        environment = jinja2.Environment(loader=jinja2.FileSystemLoader(shipped_folder()))  # noqa: S701
        path = f"messages/{template.replace('.', '/', 1)}.txt.j2"
        count = max(BATCH, messages // 20)
        values = renderer.variables(template, FACTS, Recipient(), now=NOW)
        began = time.perf_counter()
        for number in range(count):
            name, accounts = people[number % BATCH]
            environment.get_template(path).render(values | {"name": name, "accounts": accounts})
        return (time.perf_counter() - began) / count * 1e6

    def preparing(template: str) -> float:
        count = 200
        began = time.perf_counter()
        for _ in range(count):
            MessageRenderer(library, UTILITY).prepare(template, FACTS, now=NOW)
        return (time.perf_counter() - began) / count * 1e6

    templates = {"constant": "advance.sms.zh", "personal": "advance.email.zh"}
    for template in templates.values():
        renderer.prepare(template, FACTS, now=NOW)
    result = {
        kind: {
            "template": template,
            "us_per_message": round(ours(template), 2),
            "naive_us_per_message": round(naive(template), 2),
            "prepare_us": round(preparing(template), 1),
        }
        for kind, template in templates.items()
    }
    print(json.dumps({"benchmark": Path(__file__).stem, "messages": messages} | result, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
