from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.directory import (
    DirectoryError,
    DirectoryInUse,
    DirectoryLock,
    FileUnreadable,
    KeyFile,
    KeyRing,
    RealDisk,
    ReceiptKey,
    StateFile,
    read_json,
    replace,
    write_json,
)

SECRET = bytes(range(32))
OTHER = bytes(range(1, 33))


class FaultyDisk(RealDisk):
    """Refuses the next calls of one kind."""

    def __init__(self) -> None:
        self._call, self._times = "", 0

    def refuse(self, call: str, times: int) -> None:
        self._call, self._times = call, times

    def _step(self, call: str) -> None:
        if call == self._call and self._times > 0:
            self._times -= 1
            raise OSError(errno.EIO, "Input/output error")

    def create(self, path: Path, mode: int) -> int:
        self._step("create")
        return super().create(path, mode)

    def write(self, fd: int, data: bytes, offset: int) -> int:
        self._step("write")
        return super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        self._step("sync")
        super().sync(fd)

    def rename(self, old: Path, new: Path) -> None:
        self._step("rename")
        super().rename(old, new)

    def sync_directory(self, path: Path) -> None:
        self._step("sync_directory")
        super().sync_directory(path)


class FullDisk(RealDisk):
    """Takes some bytes of a write, and then no more."""

    def write(self, fd: int, data: bytes, offset: int) -> int:
        if offset:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(fd, data[: len(data) // 2], offset)


def test_a_second_holder_of_the_lock_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path), pytest.raises(DirectoryInUse, match="One server a directory"):
        DirectoryLock(tmp_path).acquire()
    with DirectoryLock(tmp_path):
        pass


def test_the_lock_holds_against_another_process_and_goes_with_it(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from hashpass.directory import DirectoryLock;"
        "DirectoryLock(Path(sys.argv[1])).acquire(); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(DirectoryInUse):
            DirectoryLock(tmp_path).acquire()
        other.kill()
        other.wait(10)
    with DirectoryLock(tmp_path):
        pass


def test_the_directory_is_made_when_it_is_missing(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "new" / "data"):
        assert (tmp_path / "new" / "data" / "hashpass.lock").exists()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileUnreadable, match=r"hashpass\.lock"):
        DirectoryLock(tmp_path / "file").acquire()


def test_a_replacement_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    replace(path, b"old")
    with pytest.raises(OSError, match="No space"):
        replace(path, b"the new contents", disk=FullDisk())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_crash_left_of_a_replacement_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".state.json.new").write_bytes(b"half")
    replace(tmp_path / "state.json", b"{}")
    assert (tmp_path / "state.json").read_bytes() == b"{}"


def test_a_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state.json")
    assert state.load() == {}
    state.save({"difficulty": 3.5, "drop": None, "text": "ä"})
    assert StateFile(tmp_path / "state.json").load() == {"difficulty": 3.5, "drop": None, "text": "ä"}


@given(st.binary(max_size=60))
def test_a_file_that_is_not_json_is_named_and_left_alone(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "state.json"
    path.write_bytes(data)
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError):
        with pytest.raises(FileUnreadable, match=r"state\.json is not valid JSON"):
            StateFile(path).load()
    else:
        if not isinstance(value, dict) and value is not None:
            with pytest.raises(FileUnreadable, match=r"state\.json must hold a JSON object"):
                StateFile(path).load()
    assert path.read_bytes() == data


def test_deep_nesting_is_only_unreadable(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"[" * 100_000)
    with pytest.raises(FileUnreadable):
        read_json(tmp_path / "x.json")


def test_a_file_that_may_not_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "redeemed.json").mkdir()
    with pytest.raises(FileUnreadable, match=r"redeemed\.json cannot be read"):
        read_json(tmp_path / "redeemed.json")


def test_keys_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = KeyFile(path).load()
    assert KeyFile(path).load() == keys
    assert path.stat().st_mode & 0o777 == 0o600
    single = {keys.audit, keys.trace, keys.cap, keys.rounds, keys.code.secret, keys.receipts[0].seed}
    assert len(single) == 6
    assert {len(key) for key in single} == {32}


def test_keys_do_not_show_in_a_repr(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json").load()
    assert repr(keys.audit) not in repr(keys)
    assert repr(keys.code.secret) not in repr(keys)
    assert keys.code.secret.hex() not in repr(keys)
    for secret in (keys.rounds, keys.receipts[0].seed):
        assert repr(secret) not in repr(keys)
        assert secret.hex() not in repr(keys)


def test_the_environments_code_key_is_used_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = KeyFile(path, code_secret=SECRET).load()
    assert keys.code.secret == SECRET
    assert SECRET.hex() not in path.read_text()
    assert KeyFile(path, code_secret=SECRET).load() == keys


def test_a_renewed_code_key_stays_and_the_old_one_is_still_known(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    old = file.load()
    new = file.renew_code(old)
    assert new.code != old.code
    assert new.code_keys == {old.code.id: old.code.secret, new.code.id: new.code.secret}
    assert (new.audit, new.trace, new.cap) == (old.audit, old.trace, old.cap)
    assert KeyFile(tmp_path / "keys.json").load() == new


def test_a_renewed_key_wins_over_the_environment_until_that_changes(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    file = KeyFile(path, code_secret=SECRET)
    renewed = file.renew_code(file.load())
    again = KeyFile(path, code_secret=SECRET).load()
    assert again.code == renewed.code
    assert SECRET in again.code_keys.values()
    changed = KeyFile(path, code_secret=OTHER).load()
    assert changed.code.secret == OTHER
    assert renewed.code in changed.retired
    assert KeyFile(path, code_secret=OTHER).load() == changed


def test_a_code_key_that_was_used_before_is_refused(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    keys = file.renew_code(file.load(), SECRET)
    assert keys.code.secret == SECRET
    with pytest.raises(ValueError, match="used before"):
        file.renew_code(file.renew_code(keys), SECRET)


def test_a_key_file_of_an_older_version_gets_the_missing_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = KeyFile(path).load()
    value = json.loads(path.read_text())
    del value["rounds"], value["receipts"]
    path.write_text(json.dumps(value))
    again = KeyFile(path).load()
    assert (again.audit, again.code) == (keys.audit, keys.code)
    assert json.loads(path.read_text()).keys() >= {"rounds", "receipts"}
    assert KeyFile(path).load() == again


def test_the_one_receipt_key_of_an_older_version_becomes_the_first_of_the_list(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = KeyFile(path).load()
    value = json.loads(path.read_text())
    del value["receipts"]
    value["receipt"] = SECRET.hex()
    path.write_text(json.dumps(value))
    again = KeyFile(path).load()
    assert again.receipts == (ReceiptKey(SECRET, 0),)
    assert again.audit == keys.audit
    assert "receipt" not in json.loads(path.read_text())
    renewed = KeyFile(path).renew_receipt(again)
    assert renewed.receipts[0].seed == SECRET
    assert KeyFile(path).load() == renewed


def test_a_new_receipt_key_stands_last_with_its_date_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    file = KeyFile(path, wall=lambda: 1234.56789)
    old = file.load()
    new = file.renew_receipt(old)
    assert new.receipts[:-1] == old.receipts
    assert new.receipts[-1].since == 1234.568
    assert len({key.kid for key in new.receipts}) == 2
    assert (new.code, new.retired, new.audit) == (old.code, old.retired, old.audit)
    assert KeyFile(path).load() == new
    assert path.stat().st_mode & 0o777 == 0o600


def test_whoever_renews_a_key_keeps_what_others_have_renewed(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    ring = KeyRing(file, file.load())
    code = ring.renew_code()
    receipt = ring.renew_receipt()
    assert (ring.keys.code, ring.keys.receipts[-1]) == (code, receipt)
    assert KeyFile(tmp_path / "keys.json").load() == ring.keys


@pytest.mark.parametrize("call", ["create", "write", "sync", "rename", "sync_directory"])
def test_a_key_that_cannot_be_saved_is_not_used_now_nor_after_a_restart(tmp_path: Path, call: str) -> None:
    disk = FaultyDisk()
    file = KeyFile(tmp_path / "keys.json", disk=disk)
    ring = KeyRing(file, file.load())
    before = ring.keys
    for renew in (ring.renew_code, ring.renew_receipt):
        disk.refuse(call, times=1)
        with pytest.raises(OSError, match="Input/output"):
            renew()
        assert ring.keys == before
        assert KeyFile(tmp_path / "keys.json").load() == before


def test_commands_read_the_keys_and_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with pytest.raises(DirectoryError, match=r"There is no .*keys\.json"):
        KeyFile(path).read()
    assert not path.exists()
    file = KeyFile(path, code_secret=SECRET)
    keys = file.renew_code(file.load())
    value = json.loads(path.read_text())
    del value["rounds"]
    write_json(path, value)
    before = path.read_bytes()
    assert KeyFile(path, code_secret=SECRET).read().code == keys.code
    for other in (None, OTHER):  # whoever loads with these makes the environment's key current again
        with pytest.raises(DirectoryError, match="HASHPASS_HMAC_SECRET"):
            KeyFile(path, code_secret=other).read()
    assert path.read_bytes() == before


@pytest.mark.parametrize("wrong", ["", "00", None, 7, "g" * 64, "A" * 64])
@pytest.mark.parametrize("place", ["audit", "rounds", "code", "receipts"])
def test_a_spoilt_key_stops_the_start_and_is_not_quoted(tmp_path: Path, place: str, wrong: object) -> None:
    path = tmp_path / "keys.json"
    KeyFile(path).load()
    value = json.loads(path.read_text())
    if place in ("audit", "rounds"):
        value[place] = wrong
    else:
        value[place][0]["key"] = wrong
    write_json(path, value)
    before = path.read_bytes()
    with pytest.raises(FileUnreadable, match=r"keys\.json") as caught:
        KeyFile(path).load()
    assert "A" * 64 not in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("codes", ["x", {}, [1], [{"id": "00000000", "key": "0" * 64}]])
def test_a_spoilt_list_of_code_keys_stops_the_start(tmp_path: Path, codes: object) -> None:
    write_json(tmp_path / "keys.json", {"code": codes})
    with pytest.raises(FileUnreadable):
        KeyFile(tmp_path / "keys.json").load()


@pytest.mark.parametrize(
    "receipts",
    [
        "x",
        {},
        None,
        [1],
        [{"kid": "0" * 16, "key": "0" * 64, "since": 0}],
        [{"kid": "66687aadf862bd77", "key": "0" * 64, "since": "yesterday"}],
        [{"kid": "66687aadf862bd77", "key": "0" * 64, "since": float("nan")}],
        [{"kid": "66687aadf862bd77", "key": "0" * 64, "since": -1}],
    ],
)
def test_a_spoilt_list_of_receipt_keys_stops_the_start(tmp_path: Path, receipts: object) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"receipts": receipts}))
    with pytest.raises(FileUnreadable):
        KeyFile(tmp_path / "keys.json").load()
    good = [{"kid": "66687aadf862bd77", "key": "0" * 64, "since": 0}]
    (tmp_path / "keys.json").write_text(json.dumps({"receipts": good}))
    assert KeyFile(tmp_path / "keys.json").load().receipts == (ReceiptKey(bytes(32), 0),)
