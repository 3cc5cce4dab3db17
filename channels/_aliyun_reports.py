"""What Alibaba Cloud says became of a message, pushed or asked for, as receipts."""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from notifier.channel import Receipt, ReceiptStatus

#: The provider writes local time without a zone.
BEIJING = timezone(timedelta(hours=8))


def address_of(number: str) -> str:
    """The provider's way of writing a number as E.164."""
    digits = number.removeprefix("+").removeprefix("00")
    return f"+86{digits}" if len(digits) == 11 and digits.startswith("1") else f"+{digits}"


def is_report(report: object) -> bool:
    """Whether it can be told whom it is about."""
    return isinstance(report, dict) and bool(report.get("phone_number"))


def of_report(report: Mapping[str, Any]) -> Receipt:
    """A report that the provider pushed."""
    success = report.get("success")
    delivered = success is True or str(success).lower() == "true"
    return Receipt(
        status=ReceiptStatus.DELIVERED if delivered else ReceiptStatus.FAILED,
        code=str(report.get("err_code") or ("DELIVERED" if delivered else "")),
        at=_time(str(report.get("report_time"))),
        batch_key=str(report.get("out_id") or ""),
        reference=str(report.get("biz_id") or ""),
        address=address_of(str(report["phone_number"])),
    )


def of_detail(row: Mapping[str, Any], address: str) -> Receipt:
    """A row of ``QuerySendDetails``. ``UNKNOWN`` with the code ``WAITING`` while the carrier is silent."""
    status, code = {
        "3": (ReceiptStatus.DELIVERED, "DELIVERED"),
        "2": (ReceiptStatus.FAILED, ""),
    }.get(str(row.get("SendStatus")), (ReceiptStatus.UNKNOWN, "WAITING"))
    if status is not ReceiptStatus.UNKNOWN:
        code = str(row.get("ErrCode") or code)
    return Receipt(
        status=status,
        code=code,
        at=_time(str(row.get("ReceiveDate"))) if status is not ReceiptStatus.UNKNOWN else None,
        batch_key=str(row.get("OutId") or ""),
        address=address,
    )


@functools.lru_cache(maxsize=4096)  # receipts come by the thousand a second
def _time(text: str) -> datetime | None:
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    except ValueError:
        return None
    return local.astimezone(UTC)
