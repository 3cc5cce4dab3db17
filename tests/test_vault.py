"""Phone numbers: sealed, found again, masked."""

import hmac
import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier import vault

KEY, OTHER, FINGERPRINT = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))
PHONE = "+8613800000001"
digits = st.text("0123456789", min_size=4, max_size=15)


def a_vault() -> vault.Vault:
    return vault.Vault({"k1": KEY}, "k1", FINGERPRINT)


@given(st.text(max_size=40))
def test_what_is_sealed_opens_again(phone: str) -> None:
    """Sealing loses nothing, and shows nothing."""
    keeper = a_vault()

    sealed = keeper.seal(phone)

    assert keeper.open(sealed) == phone
    assert len(phone) < 4 or phone.encode() not in sealed


def test_two_seals_of_one_number_differ() -> None:
    """Equal numbers cannot be told from their sealed form."""
    keeper = a_vault()

    sealed = {keeper.seal(PHONE) for _ in range(1000)}

    assert len(sealed) == 1000


def test_threads_never_share_a_nonce() -> None:
    """Sealing in several threads at once repeats no nonce, which would give the key away."""
    keeper = a_vault()
    seals: list[bytes] = []

    def work() -> None:
        seals.extend(keeper.seal(PHONE) for _ in range(5000))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({sealed[4:16] for sealed in seals}) == 20_000


def test_an_exhausted_or_foreign_counter_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forked process and the 2^32nd number take a new prefix."""
    keeper = a_vault()
    before = keeper.seal(PHONE)[4:12]

    monkeypatch.setattr(os, "getpid", lambda: -1)
    after = keeper.seal(PHONE)[4:12]

    assert before != after


@given(digits)
def test_the_fingerprint_is_an_hmac(phone: str) -> None:
    """The fast path is HMAC-SHA256, cut to 16 bytes, also for long keys."""
    for key in (FINGERPRINT, bytes(range(100))):
        keeper = vault.Vault({"k1": KEY}, "k1", key)

        assert keeper.fingerprint(phone) == hmac.digest(key, phone.encode(), "sha256")[:16]


def test_old_keys_open_and_the_new_one_seals() -> None:
    """What is sealed names its key."""
    old = a_vault().seal(PHONE)
    rotated = vault.Vault({"k1": KEY, "k2": OTHER}, "k2", FINGERPRINT)

    anew = rotated.reseal(old)

    assert rotated.open(old) == rotated.open(anew) == PHONE
    assert old.startswith(rotated.headers["k1"])
    assert anew.startswith(rotated.headers["k2"])


def test_a_missing_key_or_a_changed_byte_is_refused() -> None:
    """Nothing is guessed: an unknown key and every changed byte say so."""
    sealed = a_vault().seal(PHONE)
    stranger = vault.Vault({"k9": KEY}, "k9", FINGERPRINT)

    with pytest.raises(vault.VaultClosed):
        stranger.open(sealed)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(vault.VaultClosed):
            a_vault().open(bytes(changed))
    for cut in range(len(sealed)):
        with pytest.raises(vault.VaultClosed):
            a_vault().open(sealed[:cut])


@pytest.mark.parametrize(
    ("keys", "current", "fingerprint_key"),
    [
        ({"k1": KEY}, "k2", FINGERPRINT),
        ({"k1": KEY[:16]}, "k1", FINGERPRINT),
        ({"": KEY}, "", FINGERPRINT),
        ({"k1": KEY}, "k1", b"short"),
    ],
)
def test_unusable_keys_are_refused(
    keys: dict[str, bytes], current: str, fingerprint_key: bytes
) -> None:
    """A vault that could not protect is not built."""
    with pytest.raises(ValueError, match="key"):
        vault.Vault(keys, current, fingerprint_key)


def test_a_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    """The second start finds the keys of the first."""
    path = tmp_path / "keys" / "vault.json"

    sealed = vault.Vault.load_or_create(path).seal(PHONE)

    assert vault.Vault.load_or_create(path).open(sealed) == PHONE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["vault.json"]


def test_a_key_is_added_before_it_seals(tmp_path: Path) -> None:
    """Every node holds it first; used, it seals, and the old one still opens."""
    path = tmp_path / "vault.json"
    old = vault.Vault.load_or_create(path)

    name = vault.add_key(path)
    waiting = vault.Vault.load(path)
    vault.use_key(path, name)
    new = vault.Vault.load(path)

    assert (name, waiting.current, new.current) == ("k2", "k1", "k2")
    assert new.open(old.seal(PHONE)) == PHONE
    assert new.fingerprint(PHONE) == old.fingerprint(PHONE)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_running_service_takes_new_keys_over(tmp_path: Path) -> None:
    """It meets a number sealed with a key it does not know, and looks into the file once more; from
    then on it seals with the new one as well."""
    path = tmp_path / "vault.json"
    running = vault.Vault.load_or_create(path)
    vault.use_key(path, vault.add_key(path))
    sealed = vault.Vault.load(path).seal(PHONE)

    assert running.open(sealed) == PHONE
    assert running.seal(PHONE).startswith(running.headers["k2"])


@pytest.mark.parametrize("content", [None, "", '{"keys": {}}'])
def test_a_file_that_is_gone_or_damaged_leaves_the_keys_that_are_held(
    tmp_path: Path, content: str | None
) -> None:
    """The service goes on with what it has; the strange number stays closed."""
    path = tmp_path / "vault.json"
    running = vault.Vault.load_or_create(path)
    own = running.seal(PHONE)
    strange = vault.Vault({"k7": OTHER}, "k7", FINGERPRINT).seal(PHONE)
    path.unlink()
    if content is not None:
        path.touch(0o600)
        path.write_text(content)

    with pytest.raises(vault.VaultClosed):
        running.open(strange)

    assert running.open(own) == PHONE


def test_a_key_is_taken_away_by_name_and_its_name_is_not_given_again(tmp_path: Path) -> None:
    """An old backup must not meet another key under the name of its own."""
    path = tmp_path / "vault.json"
    vault.Vault.load_or_create(path)
    vault.use_key(path, vault.add_key(path))
    vault.add_key(path)

    vault.remove_key(path, "k1")
    vault.remove_key(path, "k3")

    assert list(vault.Vault.load(path).headers) == ["k2"]
    assert vault.add_key(path) == "k4"
    with pytest.raises(vault.KeysUnusable, match="current"):
        vault.remove_key(path, "k2")
    with pytest.raises(vault.KeyUnknown, match="k9"):
        vault.remove_key(path, "k9")
    with pytest.raises(vault.KeyUnknown, match="k9"):
        vault.use_key(path, "k9")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": {}, "current": "k1"}'])
def test_a_damaged_key_file_is_refused(tmp_path: Path, content: str) -> None:
    """A damaged file is never replaced by new keys: the numbers would be lost."""
    path = tmp_path / "vault.json"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(vault.KeysUnusable):
        vault.Vault.load_or_create(path)

    assert path.read_text() == content


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Keys that others read protect nothing."""
    path = tmp_path / "vault.json"
    vault.Vault.load_or_create(path)
    path.chmod(0o644)

    with pytest.raises(vault.KeysUnusable, match="0600"):
        vault.Vault.load(path)

    assert json.loads(path.read_text())["current"] == "k1"


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13800000001", "138****0001"),
        ("+8613800000001", "+86 138****0001"),
        ("0086 138-0000-0001", "+86 138****0001"),
        ("0571-88880001", "0571-****0001"),
        ("(010) 6234 5678", "010-****5678"),
        ("+86 571 8888 0001", "+86 ****0001"),
        ("+44 20 7946 0958", "+44 ****0958"),
        ("+447911123456", "+44 ****3456"),
        ("+1 415 555 0123", "+1 ****0123"),
        ("+84912345678", "+84 ****5678"),
        ("8888001", "****8001"),
        ("95598", "****98"),
        ("+", "****"),
        ("", "****"),
    ],
)
def test_a_number_is_masked_as_people_know_it(phone: str, shown: str) -> None:
    """Mobiles, landlines, foreign and short numbers."""
    assert vault.mask(phone) == shown


@given(digits, st.sampled_from(["", "+", "+86", "0086"]))
def test_a_mask_never_shows_a_whole_number(number: str, prefix: str) -> None:
    """At least four digits of a longer number are gone, two of a short one."""
    shown = vault.mask(prefix + number)

    assert number not in shown
    assert "****" in shown


@pytest.mark.parametrize(
    "text", ["打给{}，谢谢", "tel:{}.", '{{"to":"{}"}}', "phone={}", "3:{}", "({})", "{}/{}"]
)
@pytest.mark.parametrize("phone", ["13800000001", "+8613800000001", "138 0000 0001"])
def test_numbers_inside_a_text_are_masked(text: str, phone: str) -> None:
    """Wherever a mobile number stands, it does not stay."""
    shown = vault.mask_within(text.format(phone, phone))

    assert phone not in shown
    assert "138****0001" in shown


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22 08:00:00",
        "2026-11-22T08:00:00.123456Z",
        "20261122-0001",
        "2026-0001",
        "took 0.1234567890 s",
        "digest 1234567890123456789",
    ],
)
def test_times_and_measures_stay(text: str) -> None:
    """A log without dates would be of little use."""
    assert vault.mask_within(text) == text
