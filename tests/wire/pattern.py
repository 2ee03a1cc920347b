# SPDX-License-Identifier: Apache-2.0
"""Transcripts: reading *.test files, and comparing what came with what was expected.

    # a comment
    > {"jsonrpc":"2.0","id":1,"method":"quests.create","params":{"subject":"x"}}
    < {"jsonrpc":"2.0","id":1,"result":{"id":"<id:quest>","created_at":"<time>","...":"<any>"}}
    > {"jsonrpc":"2.0","id":2,"method":"quests.get","params":{"id":"$quest"}}

In an expectation "<id>", "<time>", "<int>", "<text>" and "<any>" match such values, "<id:name>" (or
any kind) binds what it matched; a second "<…:name>" must be equal. An object member "...": "<any>" lets
further members be there; without it the objects must have the same members. In a sent line `$name` is
what was bound. Each sent line is answered by the expectation lines that follow it."""
import json
import re

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHORT = re.compile(r"[a-z][a-z0-9]*-\d+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
HOLE = re.compile(r"<(id|time|int|text|any)(?::(\w+))?>$")


def read(path):
    """[(line number, sent text, [expected texts])]"""
    steps = []
    with open(path) as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if line.startswith("> "):
                steps.append((number, line[2:], []))
            elif line.startswith("< "):
                if not steps:
                    raise ValueError(f"{path}:{number}: an answer before anything was sent")
                steps[-1][2].append(line[2:])
            elif line and not line.startswith("#"):
                raise ValueError(f"{path}:{number}: a line begins with '>', '<' or '#'")
    return steps


def fill(text, bound):
    return re.sub(r"\$(\w+)", lambda m: json.dumps(bound[m[1]])[1:-1] if isinstance(bound.get(m[1]), str)
                  else str(bound[m[1]]) if m[1] in bound else m[0], text)


def _fits(kind, value):
    if kind == "id":
        return isinstance(value, str) and (ID.fullmatch(value) or SHORT.fullmatch(value)) is not None
    if kind == "time":
        return isinstance(value, str) and TIME.fullmatch(value) is not None
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str)
    return True


def differs(want, got, bound, where="$"):
    """What is different, as text; None when got is as wanted."""
    hole = HOLE.match(want) if isinstance(want, str) else None
    if hole:
        kind, name = hole.groups()
        if not _fits(kind, got):
            return f"{where}: wanted {want}, got {got!r}"
        if name and bound.setdefault(name, got) != got:
            return f"{where}: wanted {name}={bound[name]!r}, got {got!r}"
        return None
    if isinstance(want, dict) and isinstance(got, dict):
        is_open = "..." in want
        members = [k for k in want if k != "..."]
        missing = [k for k in members if k not in got]
        extra = [] if is_open else [k for k in got if k not in members]
        if missing or extra:
            return f"{where}: missing {missing}, unexpected {extra} in {json.dumps(got)}"
        return next((d for k in members if (d := differs(want[k], got[k], bound, f"{where}.{k}"))), None)
    if isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            return f"{where}: wanted {len(want)} elements, got {len(got)}: {json.dumps(got)}"
        return next((d for i, (w, g) in enumerate(zip(want, got)) if (d := differs(w, g, bound, f"{where}[{i}]"))), None)
    if type(want) is not type(got) and not (isinstance(want, (int, float)) and isinstance(got, (int, float))):
        return f"{where}: wanted {want!r}, got {got!r}"
    return None if want == got else f"{where}: wanted {want!r}, got {got!r}"


# What differs between two servers, or two ways to one, and may: who asks, where it runs, what it has counted.
OPAQUE = re.compile(r'("(?:token|next_cursor|cursor|generation|incident|instance|data_dir|socket|http|auth|created_by|by|runs_as|asked_by|claimed_by|source|principal|value|origin'
                    r'|build|path)":)"[^"]*"')
COUNTED = re.compile(r'("(?:pid|uptime_s|commits|calls|connections|streams|\w+_bytes|age_days|recency|score|queued_\w+)":)-?[0-9.e-]+')


# A key, and the part of it that names it; receipts of mail; a hook's or channel's secret and id; hashes of the audit.
KEY = re.compile(r'qd_[0-9A-Za-z]{57}|(?<="id":")[0-9A-Za-z]{8}(?=")|(?<="target":")[0-9A-Za-z]{8}(?=")'
                 r'|whs_[0-9A-Za-z_-]{43}|(?<="id":")[a-z0-9]{24}(?=")|(?<=/hooks/)[a-z0-9]{24}|(?<=/channels/)[a-z0-9]{24}'
                 r'|(?<="rotated_to":")[0-9A-Za-z]{8}(?=")|(?<=with id: )[0-9A-Za-z]{8}(?= ends)'
                 r'|(?<=")(?:[1-9][0-9]*-){3}[0-9a-f]{32}(?=")')
HASH = re.compile(r'"[0-9a-f]{64}"')


class Names:
    """Makes texts of two runs comparable: each id, time, key and token becomes its order of appearance."""

    def __init__(self):
        self.seen = {}

    def plain(self, text):
        def name(match):
            return self.seen.setdefault(match[0], f"id-{len(self.seen)}")
        text = HASH.sub('"HASH"', TIME.sub("TIME", text))
        text = re.sub(r"(claimed by |\"owner\":\"|\"from\":\")(uid:\d+|anonymous)", r"\1SOMEBODY", text)
        text = COUNTED.sub(r"\g<1>0", OPAQUE.sub(r'\g<1>"OPAQUE"', text))
        text = re.sub(r'"[0-9a-z]{6,12}\.(\d+)"', r'"GENERATION.\1"', text)
        return KEY.sub(name, ID.sub(name, text))
