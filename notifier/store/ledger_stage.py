"""A ledger on its way into the store: rows sealed and laid into temporary tables, nothing else.

Staging writes no main table and holds up nobody. Phones are sealed before they touch the disk.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from notifier.domain.customer import ContactKind, Reach
from notifier.domain.ledger import ContactRow, Outline, PlaceEntry, PointRow
from notifier.store import engine
from notifier.vault import Vault

POINT_COLUMNS = (
    "number", "account", "name", "address", "area", "feeder", "building", "category",
    "criticality", "need", "has_standby", "row_hash",
)  # fmt: skip
LINK_COLUMNS = (
    "seq", "number", "role", "kind", "name", "locale", "reach", "phone_hmac", "phone_sealed",
    "place_key", "openid", "push_token", "opted_out",
)  # fmt: skip

_PHONE_REACH = int(Reach.SMS | Reach.VOICE)
_WECHAT, _PUSH, _POSTING = int(Reach.WECHAT), int(Reach.PUSH), int(Reach.POSTING)

#: ``{blob}`` is the dialect's word for bytes.
TABLES = (
    "CREATE TEMP TABLE stage_point (number INTEGER PRIMARY KEY, account TEXT, name TEXT,"
    " address TEXT, area INTEGER, feeder INTEGER, building INTEGER, category TEXT,"
    " criticality SMALLINT, need SMALLINT, has_standby BOOLEAN, row_hash {blob})",
    "CREATE TEMP TABLE stage_link (seq INTEGER PRIMARY KEY, number INTEGER, role SMALLINT,"
    " kind SMALLINT, name TEXT, locale TEXT, reach SMALLINT, phone_hmac {blob},"
    " phone_sealed {blob}, place_key TEXT, openid TEXT, push_token TEXT, opted_out SMALLINT)",
    "CREATE TEMP TABLE stage_place (seq INTEGER PRIMARY KEY, subject SMALLINT, number INTEGER,"
    " subject_id BIGINT, role SMALLINT, kind SMALLINT, name TEXT, reach SMALLINT,"
    " phone_hmac {blob}, phone_sealed {blob}, place_key TEXT)",
)
PLACE_COLUMNS = (
    "seq", "subject", "number", "subject_id", "role", "kind", "name", "reach", "phone_hmac",
    "phone_sealed", "place_key",
)  # fmt: skip


class Preparing:
    """Turns rows of the ledger into rows of the temporary tables.

    One call at a time, in the order of the rows; it computes, and runs in a thread.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._links = 0
        #: What further rows of an account add to its hash.
        self.extra: dict[int, list[bytes]] = {}

    def rows(
        self, chunk: Sequence[PointRow]
    ) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Rows for ``stage_point`` and for ``stage_link``."""
        points: list[tuple[Any, ...]] = []
        links: list[tuple[Any, ...]] = []
        seal, fingerprint, blake2b = self._vault.seal, self._vault.fingerprint, hashlib.blake2b
        seq = self._links
        for (
            number, is_extra, account, name, address, area, feeder, building,
            category, criticality, need, has_standby, contacts,
        ) in chunk:  # fmt: skip
            # What a row says, without what is compared by id; phones by their fingerprint, for a
            # hash of a phone number alone is no secret.
            said = (
                f"{name}\x1f{address}\x1f{category}\x1f{criticality}\x1f{need}\x1f{has_standby:d}"
            )
            material = said.encode()
            for role, kind, person, locale, phone, openid, token, opted_out in contacts:
                hmac = sealed = key = None
                if phone:
                    hmac, sealed = fingerprint(phone), seal(phone)
                    material += hmac
                    reach = _PHONE_REACH
                else:
                    key = f"openid:{openid}" if openid else f"push:{token}"
                    reach = 0
                if openid:
                    reach |= _WECHAT
                if token:
                    reach |= _PUSH
                if openid or token or opted_out or role or locale != "zh":
                    more = f"\x1e{role}\x1f{locale}\x1f{openid}\x1f{token}\x1f{opted_out}"
                    material += more.encode()
                if person != name:
                    material += f"\x1e{person}".encode()
                seq += 1
                links.append(
                    (seq, number, role, kind, person, locale, reach & ~opted_out, hmac, sealed,
                     key, openid or None, token or None, opted_out)
                )  # fmt: skip
            row_hash = blake2b(material, digest_size=16).digest()
            if is_extra:
                self.extra.setdefault(number, []).append(row_hash)
                continue
            points.append(
                (number, account, name, address, area, feeder, building, category, criticality,
                 need, has_standby, row_hash)
            )  # fmt: skip
        self._links = seq
        return points, links

    def places(
        self, places: Sequence[PlaceEntry], subject_ids: Sequence[int]
    ) -> list[tuple[Any, ...]]:
        """Rows for ``stage_place``; ``subject_ids`` are those of the places' subjects."""
        rows: list[tuple[Any, ...]] = []
        for seq, (place, subject_id) in enumerate(zip(places, subject_ids, strict=True)):
            head = (seq, int(place.subject), place.number, subject_id, int(place.role))
            contact: ContactRow | None = place.contact
            if contact is None:
                kind = int(ContactKind.PLACE)
                rows.append((*head, kind, place.name, _POSTING, None, None, place.place_key))
            else:
                phone = contact.phone
                rows.append(
                    (*head, contact.kind, place.name, _PHONE_REACH & ~contact.opted_out,
                     self._vault.fingerprint(phone), self._vault.seal(phone), None)
                )  # fmt: skip
        return rows

    def amended_hash(self, number: int, first: bytes) -> bytes:
        """The hash of an account that several rows describe."""
        return hashlib.blake2b(
            first + b"".join(sorted(self.extra.get(number, ()))), digest_size=16
        ).digest()


async def create_tables(bulk: engine.Bulk, dialect: engine.Dialect) -> None:
    """Make the temporary tables."""
    blob = "BLOB" if dialect == "sqlite" else "BYTEA"
    for statement in TABLES:
        await bulk.connection.exec_driver_sql(statement.format(blob=blob))


async def amend(bulk: engine.Bulk, outline: Outline, preparing: Preparing) -> None:
    """Give accounts that several rows name what holds of them all."""
    for amendment in outline.amendments:
        result = await bulk.connection.execute(
            text("SELECT row_hash FROM stage_point WHERE number = :number"),
            {"number": amendment.number},
        )
        await bulk.connection.execute(
            text(
                "UPDATE stage_point SET area = :area, feeder = :feeder, need = :need,"
                " criticality = :criticality, has_standby = :has_standby, row_hash = :row_hash"
                " WHERE number = :number"
            ),
            {
                "number": amendment.number,
                "area": amendment.area,
                "feeder": amendment.feeder,
                "need": amendment.need,
                "criticality": amendment.criticality,
                "has_standby": amendment.has_standby,
                "row_hash": preparing.amended_hash(amendment.number, bytes(result.scalar_one())),
            },
        )
