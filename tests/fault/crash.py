# SPDX-License-Identifier: Apache-2.0
"""Kills and power cuts: what was acknowledged is there afterwards, and nothing else is half there."""
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import unicodedata

from crowd import crowd
from limits import FIRE, figures, load_of
from verdict import Failed, code_of, fault, need, scratch, tries
import questd


def events_in(folder):
    """{seq: subject} as the database has it after the server is gone."""
    base = sqlite3.connect(f"file:{folder}/questd.db?mode=ro", uri=True)
    try:
        if base.execute("pragma integrity_check").fetchall() != [("ok",)]:
            raise Failed("the database is not sound")
        return dict(base.execute("select seq, subject from events"))
    finally:
        base.close()


@fault("F-01", "kill -9 under 64 writers")
def f_01(long):
    rounds, total, again_s, first_s = (1000 if long else 30), 0, [], []
    with scratch() as folder:
        for r in range(rounds):
            begun = time.monotonic()
            server = questd.Server("--ballast-mb", "0", data=folder, http="off")
            first_s.append(time.monotonic() - begun)
            timer = threading.Timer(random.uniform(.2, .6), server.kill)
            timer.start()
            acked = crowd(server.socket_path, 64, 5, f"r{r}-")
            timer.join()
            server.stop()
            begun = time.monotonic()
            again = questd.Server("--ballast-mb", "0", data=folder, http="off")
            again_s.append(time.monotonic() - begun)
            there = {e["seq"]: e["subject"] for e in page_events(again, acked)}
            again.stop()
            lost = [a for a in acked if there.get(a[0]) != a[1]]
            need(not lost, f"round {r}: {len(lost)} of {len(acked)} acknowledged events are lost, {lost[:3]}")
            total += len(acked)
        seqs = sorted(events_in(folder))
        need(seqs == list(range(1, len(seqs) + 1)), "the sequence of events has holes")
        need(total > rounds, "hardly anything was acknowledged")
    worst, first = max(again_s), max(first_s)  # the latter with nothing to recover: what the machine takes
    need(worst <= .5, f"ready again only after {worst * 1000:.0f} ms, without a kill after {first * 1000:.0f} ms")
    large = tries(ready_with_a_gib)
    return f"{rounds} rounds, {total} acknowledged, 0 lost, ready again in {worst * 1000:.0f} ms at worst (without a kill {first * 1000:.0f} ms); {large}"


def ready_with_a_gib():
    """How long a start takes beside 1 GiB, and 64 MiB of log that nobody has moved."""
    with scratch() as folder:
        with questd.Server("--ballast-mb", "0", data=folder, http="off"):
            pass
        base = sqlite3.connect(os.path.join(folder, "questd.db"))
        base.execute("pragma synchronous=off")
        fill(base, 1024)
        base.execute("pragma wal_checkpoint(truncate)")
        base.execute("pragma wal_autocheckpoint=0")
        fill(base, 64)
        holder = subprocess.Popen([sys.executable, "-c", "import sqlite3, sys, time\n"
                                   "b = sqlite3.connect(sys.argv[1]); b.execute('begin'); b.execute('select count(*) from meta').fetchall()\n"
                                   "print(flush=True); time.sleep(60)", os.path.join(folder, "questd.db")], stdout=subprocess.PIPE)
        holder.stdout.readline()
        base.close()  # does not move the log: somebody else has the file open, and is killed now
        holder.kill()
        holder.wait()
        holder.stdout.close()
        wal = os.path.getsize(os.path.join(folder, "questd.db-wal"))
        need(wal >= 64 << 20, f"the log has only {wal >> 20} MiB")
        begun = time.monotonic()
        with questd.Server("--ballast-mb", "0", data=folder, http="off") as server:
            took = time.monotonic() - begun
            need(int(server.lines().ok("events.poll")["head"].split(".")[1]) >= 1088 * 16, "what the log holds is missing")
    need(took <= .5, f"ready beside 1 GiB only after {took * 1000:.0f} ms")
    return f"beside 1 GiB and {wal >> 20} MiB of log in {took * 1000:.0f} ms"


def page_events(server, acked):
    """The events of this round, through the front door."""
    lines = server.lines()
    since = f"{lines.ok('events.poll')['head'].split('.')[0]}.{max(0, min((a[0] for a in acked), default=1) - 1)}"
    while True:
        page = lines.ok("events.poll", {"since": since, "limit": 200})
        yield from page["items"]
        since = page["since"]
        if not page["more"]:
            lines.close()
            return


@fault("F-02", "power loss")
def f_02(long):
    program = os.path.join(questd.BUILD, "tests/fault/power_loss")
    with scratch() as folder:
        done = subprocess.run([program, "50000" if long else "1000"], capture_output=True, text=True, timeout=3000 if long else 240,
                              env={**os.environ, "TMPDIR": folder})
    need(done.returncode == 0, done.stdout[-800:] + done.stderr[-800:])
    return done.stdout.strip().split("\n")[-1].removeprefix("F-02 ")


@fault("F-05", "the same request fifty times, and again after a kill before the answer")
def f_05(long):
    with questd.Server("--ballast-mb", "0", http="off") as server:
        answers = []

        def once():
            lines = server.lines()
            lines.send('{"jsonrpc":"2.0","id":1,"method":"events.fire","params":{"kind":"a.b","request_id":"same"}}')
            answers.append(lines.read())
            lines.close()
        threads = [threading.Thread(target=once) for _ in range(50)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        need(len(set(answers)) == 1 and '"result"' in answers[0], f"{len(set(answers))} different answers: {answers[:2]}")
        need(len(server.lines().ok("events.list")["items"]) == 1, "more than one effect")
        lines = server.lines()
        odd = lines.call("events.fire", {"kind": "b.c", "request_id": "same"})
        need(code_of(odd) == "idempotency_conflict", f"the same request_id with other parameters: {odd}")
        need(len(lines.ok("events.list")["items"]) == 1, "the refused one had an effect")
    with scratch() as folder:
        with questd.Server("--ballast-mb", "0", data=folder, http="off"):
            pass  # the store is made: the next commit is the call's
        server = questd.Server("--ballast-mb", "0", data=folder, http="off", env={"FP": "store_commit_after:1*kill"})
        params = {"kind": "a.b", "request_id": "killed"}
        try:
            answer = server.lines().call("events.fire", params)
            raise Failed(f"answered although it was killed: {answer}")
        except (EOFError, OSError):
            pass
        need(server.process.wait(10) == -9, "the server was not killed")
        server.stop()
        with questd.Server("--ballast-mb", "0", data=folder, http="off") as again:
            lines = again.lines()
            need(len(lines.ok("events.list", {"kinds": ["a.b"]})["items"]) == 1, "the effect was lost with the kill")
            texts = []
            for _ in range(2):
                lines.send({"jsonrpc": "2.0", "id": "x", "method": "events.fire", "params": params})
                texts.append(lines.read())
            need(texts[0] == texts[1] and '"result"' in texts[0], f"two answers: {texts}")
            need(len(lines.ok("events.list", {"kinds": ["a.b"]})["items"]) == 1, "two effects")
    return "50 callers: one answer, one effect; other parameters are a conflict; killed behind the commit: the retry finds the first effect"


MIGRATIONS = sorted(os.listdir(os.path.join(questd.TOP, "store/migrations")))


def migrated(folder, env=None):
    """Starts the server on it. How it ended when that was before it was ready, else the rows it has then."""
    server = questd.Server("--ballast-mb", "0", data=folder, http="off", wait=env is None, env=env)
    server.ready.wait(30)
    if server.address is None:  # killed
        code = server.process.wait(20)
        server.stop()
        return code
    lines = server.lines()
    need(lines.ok("events.list")["items"][0]["subject"] == "from before", "what was there is lost")
    need(lines.ok("system.check")["sound"], "not sound")
    need(os.listdir(os.path.join(folder, "backups")), "no backup was made before")
    lines.close()
    server.stop()
    return rows_of(folder)


def killed_at_each_statement(version, step):
    """How many kills there are in the migration from that version; behind each it comes to the same end."""
    with scratch() as top:
        old = os.path.join(top, "old")
        os.mkdir(old, 0o700)
        older(old, version)
        golden, n = migrated(shutil.copytree(old, os.path.join(top, "golden"))), 0
        while True:
            folder = shutil.copytree(old, os.path.join(top, "killed"))
            if migrated(folder, {"FP": f"store_migrate_statement:{n * step + 1}*kill"}) != -9:
                break
            need(migrated(folder) == golden, f"from version {version}, killed behind statement {n * step + 1}: other rows than without")
            shutil.rmtree(folder)
            n += 1
    return n


@fault("F-24", "an older database, killed at each statement of its migration")
def f_24(long):
    newest = len(MIGRATIONS)
    tried = {version: killed_at_each_statement(version, 1 if long or version == newest - 1 else 4) for version in range(1, newest)}
    need(all(tried.values()), f"not killed: {tried}")
    with scratch() as folder:
        older(folder, newest, newest + 1)
        server = questd.Server("--ballast-mb", "0", data=folder, http="off", wait=False)
        code = server.process.wait(20)
        server.stop()
        need(code == 1 and "newer" in server.err, f"a newer database was not refused: {code}: {server.err}")
    with scratch() as folder:
        older(folder, newest - 1, mib=1024)
        begun = time.monotonic()
        with questd.Server("--ballast-mb", "0", data=folder, http="off", ready_s=60):
            took = time.monotonic() - begun
        need(took <= 30, f"1 GiB took {took:.0f} s")
    return (f"{sum(tried.values())} kills from {newest - 1} versions, each time the same rows as without and a backup; a newer one is refused; "
            f"1 GiB in {took:.1f} s, its backup included")


def older(folder, migrations, version=None, mib=0):
    """A database as the questd of that version left it, with some rows, and so many MiB of events."""
    base = sqlite3.connect(os.path.join(folder, "questd.db"))
    base.create_function("fold", 1, lambda s: unicodedata.normalize("NFC", s).casefold(), deterministic=True)
    base.create_function("words", 1, lambda s: s, deterministic=True)
    base.execute("pragma journal_mode=wal")
    base.execute("pragma synchronous=off")
    for name in MIGRATIONS[:migrations]:
        with open(os.path.join(questd.TOP, "store/migrations", name)) as f:
            base.executescript(f.read())
    now = int(time.time() * 1000)
    base.execute("insert into meta (key, value) values ('generation', 'older1'), ('instance', 'olderinstance1')"
                 " on conflict do nothing")
    fill(base, mib)
    base.executemany("insert into events (at_ms, kind, source, subject, payload) values (?, 'a.b', 'me', ?, '{}')",
                     [(now, f"number {i}") for i in range(50)] + [(now, "from before")])
    base.execute("insert into replies (at_ms, principal, method, request_id, digest, result) values (?, 'p', 'm', 'r', 'd', '{}')", (now,))
    base.execute(f"pragma application_id={0x71737464}")
    base.execute(f"pragma user_version={version or migrations}")
    base.commit()
    base.close()


def fill(base, mib):
    now, text = int(time.time() * 1000), questd.compact({"x": "y" * 65000})
    base.executemany("insert into events (at_ms, kind, source, subject, payload) values (?, 'big.one', 'me', ?, ?)",
                     ((now, str(i), text) for i in range(mib * 16)))
    base.commit()


def rows_of(folder):
    """{table: rows} and the schema, but for what a start writes itself."""
    base = sqlite3.connect(f"file:{folder}/questd.db?mode=ro", uri=True)
    tables = base.execute("select name, sql from sqlite_schema where type = 'table' and sql not like 'create virtual%'").fetchall()
    rows = {t: sorted(base.execute(f"select * from {t}"), key=repr) for t, _ in tables if t != "meta" and not t.startswith("sqlite_")}
    rows["schema"] = sorted(base.execute("select type, name, sql from sqlite_schema"), key=repr)
    rows["version"] = base.execute("pragma user_version").fetchall()
    base.close()
    return rows


@fault("F-25", "backup under 64 writers, then restore")
def f_25(long):
    with scratch() as folder, scratch() as second:
        server = questd.Server("--ballast-mb", "0", data=folder, http="off")
        acked, copies = [], []

        def write():
            acked.extend(crowd(server.socket_path, 64, 3))
        thread = threading.Thread(target=write)
        thread.start()
        time.sleep(.5)
        lines = server.lines()
        before = len(acked)
        for i in range(3):
            copies.append(os.path.join(second, f"copy{i}.db"))
            lines.ok("system.backup", {"path": copies[-1]})
        thread.join()
        lines.close()
        server.stop()
        done = questd.cli("restore", copies[-1], "--yes", data=folder)
        need(done.returncode == 0, "restore: " + done.stdout + done.stderr)
        with questd.Server("--ballast-mb", "0", data=folder, http="off") as again:
            lines = again.lines()
            need(lines.ok("system.check")["sound"], "the restored database is not sound")
            head = lines.ok("events.poll")["head"]
        there = events_in(folder)
        need(all(there.get(seq) == subject for seq, subject in acked[:before]), "events from before the backup are missing")
        need(sorted(there) == list(range(1, len(there) + 1)), "holes")
    slower = tries(writers_beside_backups)
    return f"3 backups beside {len(acked)} writes, the last restored with {len(there)} events; {slower}"


def writers_beside_backups():
    """The p99 of 64 writers, with backups of 64 MiB one after the other and without, by turns."""
    with scratch() as folder, scratch() as second:
        with questd.Server("--ballast-mb", "0", data=folder, http="off"):
            pass
        base = sqlite3.connect(os.path.join(folder, "questd.db"))
        fill(base, 64)
        base.close()
        alone, beside, made = [], [], []
        with questd.Server("--ballast-mb", "0", data=folder, http="off") as server:
            for _ in range(4):
                alone.append(figures(load_of(server, second, FIRE, 64, 1.5))[2])
                stop = threading.Event()
                copier = threading.Thread(target=back_up_until, args=(server, second, stop, made))
                copier.start()
                beside.append(figures(load_of(server, second, FIRE, 64, 1.5))[2])
                stop.set()
                copier.join()
        need(len(made) >= 4, f"only {len(made)} backups")
    ratio = statistics.median(b / a for a, b in zip(alone, beside))
    alone, beside = statistics.median(alone), statistics.median(beside)
    need(ratio <= 2, f"writers' p99 {beside:.1f} ms beside backups, {alone:.1f} ms without, {ratio:.1f} times as much")
    return f"writers' p99 {beside:.1f} ms beside {len(made)} backups of 64 MiB, {alone:.1f} ms without ({ratio:.1f} times)"


def back_up_until(server, folder, stop, made):
    lines = server.lines()
    while not stop.is_set():
        path = os.path.join(folder, "copy.db")
        lines.ok("system.backup", {"path": path})
        os.remove(path)
        made.append(path)
    lines.close()
