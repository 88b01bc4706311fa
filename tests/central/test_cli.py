"""The command muniment-central: what each subcommand does and how it exits; backup and restore tried, as their users will."""

import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from central.cli import main
from central.ledger.verifier import main as verify_main
from central.store.single import only_writer
from tests.central.journals import SITE, Centre, Journal
from tests.ports import free_port, wait_for_port
from wire.records import record

NOW = 1_790_000_000_000


class Command:
    """Runs the command in this process and keeps what it printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.data, self._capsys = folder, folder / "central", capsys
        self.config = folder / "central.toml"
        self.config.write_text(f'[central]\nsite = "{SITE}"\ndata = "{self.data}"\n[limits]\nreserve_mb = 2\nledger_reserve_mb = 1\n')
        self.out = self.err = ""

    def __call__(self, *words: str | Path) -> int:
        status = main([*map(str, words), "--config", str(self.config)])
        self.out, self.err = self._capsys.readouterr()
        return status


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


@pytest.fixture
def filled(command: Command) -> Iterator[tuple[Command, Journal]]:
    """A centre with one agent, some events and one object."""
    journal = Journal("room-101")
    assert command("migrate") == 0
    assert command("agent", "enrol", "room-101", "--key", base64.b64encode(journal.public).decode()) == 0
    journal.add("events", *[record("contact", NOW + k, k, contact="room-101/door", state="open", kind="door") for k in range(5)])
    centre = Centre(command.data)
    centre.send(journal.batch("events"))
    stored = command.data / "objects" / "ab" / ("ab" * 32)
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"0123456789")
    with centre.engine.begin() as connection:
        row = "INSERT INTO objects (sha256, bytes, state, received, agent, path, created_ms) VALUES (?, 10, 'stored', 10, 'room-101', ?, 1)"
        connection.exec_driver_sql(row, ("ab" * 32, f"ab/{'ab' * 32}"))
    centre.close()
    yield command, journal


def test_help_names_every_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["--help"],
        ["user", "--help"],
        ["agent", "--help"],
        ["run", "--help"],
        ["backup", "--help"],
        ["agent", "enrol", "--help"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
    text = capsys.readouterr().out
    for word in ("run", "web", "ingest", "check", "migrate", "rebuild", "backup", "restore", "export-ledger", "user", "agent", "enrol"):
        assert f" {word}" in text
    with pytest.raises(SystemExit) as ended:
        main(["nonsense"])
    assert ended.value.code == 2


def test_wrong_input_is_2_and_names_itself(command: Command) -> None:
    assert command("ingest") == 2
    assert "run `muniment-central migrate` first" in command.err
    assert command("migrate") == 0
    assert command("agent", "enrol", "Room 101", "--key", "AAAA") == 2
    assert "is not a name" in command.err
    assert command("agent", "enrol", "room-101", "--key", "AAAA") == 2
    assert "a public key has 32 bytes, this one 3" in command.err
    (command.folder / "password").write_text("short")
    assert command("user", "add", "wang", "--role", "facility", "--password-file", command.folder / "password") == 2
    assert "10-200 characters" in command.err
    assert command("restore", command.folder / "nowhere") == 2
    command.config.write_text("[central]\nsite = 7\n")
    assert command("check") == 2
    assert f"{command.config}:2: central.site" in command.err


def test_secrets_are_made_once_and_for_their_owner_only(filled: tuple[Command, Journal]) -> None:
    command, _ = filled
    made = ["key", "session-secret", "broker-password", "broker/passwords", "broker/acl"]
    made += [f"enrolled/room-101/{name}" for name in ("token", "broker-password", "centre.pub")]
    before = {name: (command.data / name).read_bytes() for name in made}
    assert all((command.data / name).stat().st_mode & 0o777 == 0o600 for name in made)
    assert command.data.stat().st_mode & 0o777 == 0o700
    assert command("migrate") == 0
    assert {name: (command.data / name).read_bytes() for name in made} == before
    assert before["token" if "token" in before else "enrolled/room-101/token"].decode().strip() not in before["broker/passwords"].decode()


@pytest.mark.parametrize("name", ["central", "centre"])
def test_no_agent_takes_the_centres_own_names(filled: tuple[Command, Journal], name: str) -> None:
    command, _ = filled
    before = (command.data / "broker" / "passwords").read_text()
    assert command("agent", "enrol", name, "--key", base64.b64encode(Journal("x").public).decode()) == 2
    assert "own name" in command.err
    assert (command.data / "broker" / "passwords").read_text() == before


def test_a_key_belongs_to_one_agent(filled: tuple[Command, Journal]) -> None:
    command, journal = filled
    assert command("agent", "enrol", "vault-01", "--key", base64.b64encode(journal.public).decode()) == 2
    assert "enrolled for another agent already" in command.err
    assert command("agent", "enrol", "room-101", "--key", base64.b64encode(Journal("x").public).decode(), "--room", "vault-01") == 0


def test_a_person_is_added_with_a_token(command: Command) -> None:
    command("migrate")
    (command.folder / "password").write_text("correct horse battery\n")
    words = ("user", "add", "wang", "--role", "facility", "--role", "security", "--password-file", command.folder / "password")
    assert command(*words, "--token") == 0
    assert command.out.startswith("mun_")
    assert command(*words) == 2
    assert "already a user wang" in command.err


def test_a_backup_is_restored_and_is_the_same_centre(filled: tuple[Command, Journal]) -> None:
    command, journal = filled
    backup = command.folder / "backup"
    assert command("backup", backup) == 0
    assert "1 objects were new" in command.out
    assert backup.stat().st_mode & 0o777 == 0o700
    assert command("backup", backup) == 0  # again into the same folder: only what is new
    assert "0 objects were new" in command.out
    assert command("restore", backup) == 2
    assert "restore replaces nothing" in command.err
    key = (command.data / "key").read_bytes()
    command.data.rename(command.folder / "lost")
    assert command("restore", backup) == 0
    assert (command.data / "key").read_bytes() == key
    assert command("check") == 0, command.err
    centre = Centre(command.data)
    journal.add("events", record("contact", NOW, 9, contact="room-101/door", state="closed", kind="door"))
    assert centre.send(journal.batch("events"))[0]["seq"] == 6
    centre.close()
    assert (command.data / "objects" / "ab" / ("ab" * 32)).read_bytes() == b"0123456789"
    command.config.write_text(command.config.read_text().replace(f'site = "{SITE}"', 'site = "other"'))
    command.data.rename(command.folder / "lost2")
    assert command("restore", backup) == 2
    assert "is a backup of site demo" in command.err
    command.config.write_text(command.config.read_text().replace('site = "other"', f'site = "{SITE}"'))
    (command.folder / "lost" / "muniment.db").rename(command.folder / "lost" / "elsewhere.db")
    (command.folder / "lost2").rename(command.data)
    assert command("backup", command.folder / "lost") == 2
    assert "neither empty nor a backup" in command.err


def test_check_finds_what_does_not_fit(filled: tuple[Command, Journal]) -> None:
    command, _ = filled
    centre = Centre(command.data)
    with centre.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE checkpoints SET root = ?", ("00" * 32,))
    centre.close()
    stored = command.data / "objects" / "ab" / ("ab" * 32)
    stored.write_bytes(b"012")
    assert command("check") == 1
    assert "has 3 bytes, not 10" in command.err
    assert "another root than its signed checkpoint" in command.err
    stored.unlink()
    assert command("check") == 1
    assert "is missing" in command.err


def test_an_exported_ledger_verifies(
    filled: tuple[Command, Journal], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, _ = filled
    monkeypatch.setattr("central.ingest.writer.CHECKPOINT_S", 0.0)
    centre = Centre(command.data)
    centre.write()
    centre.close()
    file = command.folder / "ledger.ndjson"
    assert command("export-ledger", file) == 0
    assert verify_main([str(file)]) == 0
    assert "1 batches" in capsys.readouterr().out
    assert command("rebuild") == 0
    assert "entries replayed" in command.out


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20) as answer:
            return bool(json.load(answer)["status"] == "ok")
    except OSError:
        return False


def web_of(parent: int) -> int | None:
    """The process of `run` that serves the web."""
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        try:
            if b"central.web.server" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
        except FileNotFoundError:
            continue
    return None


def test_run_starts_both_restarts_what_died_and_stops_in_order(command: Command) -> None:
    port = free_port()
    command.config.write_text(command.config.read_text() + f'[web]\nbind = "127.0.0.1:{port}"\npublic_url = "http://127.0.0.1:{port}"\n')
    assert command("migrate") == 0
    process = subprocess.Popen([sys.executable, "-m", "central.cli", "run", "--config", str(command.config)])
    try:
        wait_for_port(port, process=process, timeout_s=60)
        assert answers(port)
        killed = web_of(process.pid)
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while web_of(process.pid) in (killed, None) or not answers(port):  # its old worker may answer for a moment
            assert time.monotonic() < deadline, "web did not start again"
            time.sleep(0.1)
    finally:
        process.terminate()
        assert process.wait(40) == 0
    assert not answers(port)


def test_a_killed_run_leaves_no_ingest_behind(command: Command) -> None:
    port = free_port()
    command.config.write_text(command.config.read_text() + f'[web]\nbind = "127.0.0.1:{port}"\npublic_url = "http://127.0.0.1:{port}"\n')
    assert command("migrate") == 0
    process = subprocess.Popen([sys.executable, "-m", "central.cli", "run", "--config", str(command.config)])
    lock, deadline = command.data / "ingest.lock", time.monotonic() + 60
    while not (lock.exists() and lock.read_text()):
        assert time.monotonic() < deadline, "ingest did not start"
        time.sleep(0.05)
    process.kill()
    process.wait(10)
    with only_writer(command.data, wait_s=30):  # the old one lets go
        pass


def test_damaged_files_are_failures_told_in_words(filled: tuple[Command, Journal]) -> None:
    command, _ = filled
    backup = command.folder / "backup"
    assert command("backup", backup) == 0
    (command.data / "key").write_bytes(b"half a key")
    assert command("export-ledger", command.folder / "ledger.ndjson") == 1
    assert "10 bytes" in command.err
    (backup / "muniment.db").write_bytes(b"no database" * 1000)
    command.data.rename(command.folder / "old")
    assert command("restore", backup) == 1
    assert "not a database" in command.err
    assert not (command.data / "muniment.db").exists()


def test_web_that_cannot_start_says_why_and_exits_1(filled: tuple[Command, Journal]) -> None:
    command, _ = filled
    web = [sys.executable, "-m", "central.cli", "web", "--config", str(command.config)]
    (command.data / "session-secret").chmod(0o644)
    done = subprocess.run(web, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "others may read it" in done.stderr
    (command.data / "session-secret").chmod(0o600)
    with sqlite3.connect(command.data / "muniment.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    database.close()
    assert subprocess.run([sys.executable, "-m", "central.web.server", *web[-2:]], capture_output=True, timeout=60).returncode == 1


def test_a_wifi_node_gets_a_user_of_its_own_that_stays_when_others_are_enrolled(filled: tuple[Command, Journal]) -> None:
    command, _ = filled
    assert command("agent", "enrol", "room-101", "--node", "wall") == 0
    password = (command.data / "enrolled/room-101/node-wall-password").read_text().strip()
    assert len(password) > 30
    assert command("agent", "enrol", "attic", "--key", base64.b64encode(Journal("attic").public).decode()) == 0
    assert "room-101.wall:$7$" in (command.data / "broker/passwords").read_text()
    own = f"muniment/1/{SITE}/room-101/node/wall"
    assert f"user room-101.wall\ntopic write {own}\ntopic read {own}/ack\n" in (command.data / "broker/acl").read_text()
    assert command("agent", "enrol", "nobody", "--node", "wall") == 2
    assert "nobody is not enrolled" in command.err
    assert command("agent", "enrol", "room-101", "--node", "Wall.1") == 2


def test_policies_are_set_shown_and_applied_and_the_ledger_is_packed_by_hand(filled: tuple[Command, Journal]) -> None:
    command, journal = filled
    old = NOW - 400 * 86_400_000
    journal.add("readings", record("channel", old, 1, i=1, sensor="climate", q="temperature", u="Cel", room="room-101"))
    journal.add("readings", *[record("reading", old + k * 3_600_000, k + 2, i=1, v=20.5) for k in range(96)])
    centre = Centre(command.data)
    centre.send(journal.batch("readings"))
    assert command("thin") == 0
    assert command.out == "no policy lets any reading go\n"
    assert command("keep", "climate", "7") == 2
    assert "30 to 36500 days" in command.err
    assert command("keep", "climate", "30") == 0
    centre.write()
    assert command("thin") == 0
    assert "readings of 1 channels before" in command.out
    assert "nothing was changed" in command.out
    assert command("thin", "--apply") == 0
    centre.write()
    assert centre.rows('SELECT "then" FROM reading_thinned') == [("hour",)]
    assert command("pack", "--now", "--vacuum") == 0
    assert command.out == "0 packs of the ledger were made\n"
    assert command("check") == 0 or "object" in command.err
    centre.close()
