#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py BUILD [FILE ...]: replays the transcripts and the schemas' examples.

Each transcript runs over memory, stdio, the Unix socket, HTTP /rpc, and as MCP tools/call in both eras,
in a fresh folder each. What memory answers is held against the file; what the others answer must be the
same bytes but for ids and times. Every result is validated against its verb's schema by python3-jsonschema.
In the end every verb and every error that a schema declares must have been seen, in 500 calls or more."""
import glob
import json
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
if len(sys.argv) > 1:
    os.environ["QUESTD_BUILD"] = os.path.abspath(sys.argv[1])
sys.path.insert(0, HERE)
import carriers  # noqa: E402
import pattern  # noqa: E402
import jsonschema  # noqa: E402

EXPECT = json.load(open(os.path.join(os.environ["QUESTD_BUILD"], "schemas/expect.json")))
VERBS = EXPECT["verbs"]
TOOLS = {name: v["tool"] for name, v in VERBS.items() if v["mcp"]}
CHECKS = {name: jsonschema.Draft202012Validator(v["result_schema"]) for name, v in VERBS.items()}
CARRIERS = {
    "stdio": carriers.Stdio,
    "unix": carriers.Unix,
    "rpc": carriers.Rpc,
    "tools-legacy": lambda folder: carriers.Tools(folder, TOOLS, False),
    "tools-modern": lambda folder: carriers.Tools(folder, TOOLS, True),
}


class Tally:
    def __init__(self):
        self.failed = 0
        self.calls = 0
        self.verbs, self.errors = set(), set()

    def report(self, name, problems):
        if problems:
            self.failed += 1
            print("not ok", name)
            print("\n".join("  " + p for p in problems[:8]))
        else:
            print("ok", name)
        sys.stdout.flush()

    def see(self, sent, answers):
        """Counts what was exercised; what is wrong with the answers by their schemas."""
        try:
            calls = json.loads(sent)
        except ValueError:
            return []
        problems = []
        calls = {json.dumps(c.get("id")): c for c in (calls if isinstance(calls, list) else [calls]) if isinstance(c, dict)}
        self.calls += len(calls)
        for text in answers:
            parsed = json.loads(text)
            for answer in parsed if isinstance(parsed, list) else [parsed]:
                call = calls.get(json.dumps(answer.get("id")))
                if call and call.get("method") in VERBS:
                    problems += self.judge(call, answer)
        return problems

    def judge(self, call, answer):
        name = call["method"]
        if "error" in answer:
            code = answer["error"].get("data", {}).get("code")
            if code == "denied" and not carriers.questd.refuses_itself(answer):
                return []  # by what stands before every verb
            if name != "system.batch" or code in VERBS[name]["errors"]:  # else it is what the call that failed answered
                self.errors.add((name, code))
            return []
        self.verbs.add(name)
        problems = [f"{name}: the result is not as its schema says: {e.json_path}: {e.message[:200]}"
                    for e in CHECKS[name].iter_errors(answer.get("result"))]
        if name == "system.batch":
            for inner, outcome in zip(call["params"].get("calls", []), answer["result"].get("items", [])):
                problems += self.judge({**inner}, outcome) if inner.get("method") in VERBS else []
        return problems


def play(make, steps, judge):
    """Sends a transcript's lines; [(line number, sent, answers)] and what went wrong."""
    folder = tempfile.mkdtemp(prefix="questd-wire.")
    bound, seen, problems = {}, [], []
    try:
        carrier = make(folder)
        try:
            for number, text, wanted in steps:
                sent = pattern.fill(text, bound)
                answers = carrier.exchange(sent, len(wanted))
                seen.append((number, sent, answers))
                problems += judge(number, sent, answers, wanted, bound)
        finally:
            carrier.close()
    except Exception as fault:  # a carrier that broke is a failed test, not the end of the run
        problems.append(f"line {seen[-1][0] if seen else 0} and on: {type(fault).__name__}: {fault}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return seen, problems


def against_file(number, sent, answers, wanted, bound):
    found = []
    for want, got in zip(wanted, answers):
        difference = pattern.differs(json.loads(want), json.loads(got), bound)
        if difference:
            found.append(f"line {number}: {difference}\n      sent {sent[:300]}\n      got  {got[:600]}")
    return found


def binding_only(number, sent, answers, wanted, bound):
    for want, got in zip(wanted, answers):
        parsed = json.loads(got)
        if "tool_error" not in parsed:
            pattern.differs(json.loads(want), parsed, bound)
    return []


def same(reference, other, label):
    names = pattern.Names(), pattern.Names()
    for (number, sent, wanted), (_, _, got) in zip(reference, other):
        for a, b in zip(wanted, got):
            parsed = json.loads(b)
            if isinstance(parsed, dict) and "tool_error" in parsed:
                if carriers.as_tool_error(a) != parsed["tool_error"].get("error"):
                    return [f"line {number} over {label}: {a[:300]} became {b[:300]}"]
                names[0].plain(a), names[1].plain(b)
            elif names[0].plain(a) != names[1].plain(b):
                return [f"line {number}: sent {sent[:200]}\n      memory {a[:500]}\n      {label} {b[:500]}"]
    return [] if len(reference) == len(other) else [f"{label} ended after {len(other)} of {len(reference)} lines"]


def transcript(path, tally):
    name, steps = os.path.basename(path).removesuffix(".test"), pattern.read(path)
    reference, problems = play(carriers.Memory, steps, against_file)
    for _, sent, answers in reference:
        problems += tally.see(sent, answers)
    tally.report(f"wire-{name}-memory", problems)
    for label, make in CARRIERS.items():
        other, problems = play(make, steps, binding_only)
        tally.report(f"wire-{name}-{label}", problems or same(reference, other, label))
        tally.calls += len(other)


def resolve(value, given):
    """"$0.id" in params is the first given call's id."""
    if isinstance(value, dict):
        return {k: resolve(v, given) for k, v in value.items()}
    if isinstance(value, list):
        return [resolve(v, given) for v in value]
    if isinstance(value, str) and value.startswith("$") and value[1:2].isdigit():
        index, *path = value[1:].split(".")
        found = given[int(index)]
        for part in path:
            found = found[int(part)] if isinstance(found, list) else found[part]
        return found
    return value


def become(carrier, role):
    """From here on the connection is that of a key with this access role alone."""
    text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "keys.create",
                       "params": {"name": role, "owner_kind": "platform", "owner": "example", "access": [role]}})
    secret = json.loads(carrier.exchange(text, 1)[0])["result"]["secret"]
    text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "keys.use", "params": {"key": secret}})
    assert "result" in json.loads(carrier.exchange(text, 1)[0])


def run_example(verb, example, carrier, tally):
    given = []
    for call in example.get("given", []):
        method, params = call.get("method") or call.get("verb"), call.get("params", {})
        text = carriers.questd.compact({"jsonrpc": "2.0", "id": 1, "method": method, "params": resolve(params, given)})
        answer = json.loads(carrier.exchange(text, 1)[0])
        if "result" not in answer:
            return [f"given {method}: {json.dumps(answer)[:300]}"]
        given.append(answer["result"])
    if "as" in example:
        become(carrier, example["as"])
    sent = carriers.questd.compact({"jsonrpc": "2.0", "id": 2, "method": verb, "params": resolve(example["params"], given)})
    text = carrier.exchange(sent, 1)[0]
    answer, problems = json.loads(text), tally.see(sent, [text])
    if example.get("error"):
        got = answer.get("error", {}).get("data", {}).get("code")
        return problems + ([] if got == example["error"] else [f"wanted error {example['error']}, got {text[:300]}"])
    if "result" not in answer:
        return problems + [f"wanted a result, got {text[:400]}"]
    if example.get("result") is not None:
        wanted = partial(resolve(example["result"], given))
        difference = pattern.differs(wanted, answer["result"], {})
        problems += [difference] if difference else []
    return problems


def partial(value):
    """An example's result may leave fields out."""
    if isinstance(value, dict):
        return {**{k: partial(v) for k, v in value.items()}, "...": "<any>"}
    return [partial(v) for v in value] if isinstance(value, list) else value


def examples(tally):
    for verb, info in sorted(VERBS.items()):
        if info["lane"] == "stream":
            continue  # answers only when it ends: tests/system has these
        for i, example in enumerate(info.get("examples", [])):
            folder = tempfile.mkdtemp(prefix="questd-wire.")
            try:
                carrier = carriers.Memory(folder)
                try:
                    problems = run_example(verb, example, carrier, tally)
                finally:
                    carrier.close()
            except Exception as fault:
                problems = [f"{type(fault).__name__}: {fault}"]
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            tally.report(f"example-{verb}-{i + 1}", problems)


def complete(tally):
    streams = {name for name, v in VERBS.items() if v["lane"] == "stream"}
    tally.errors |= elsewhere()
    unseen = sorted(set(VERBS) - tally.verbs - streams)
    tally.report("wire-every-verb-is-called", [f"no transcript or example calls {v}" for v in unseen])
    declared = {(name, code) for name, v in VERBS.items() if name not in streams for code in v.get("errors", {})}
    tally.report("wire-every-error-is-met", [f"nothing meets {v}: {c}" for v, c in sorted(declared - tally.errors)])
    undeclared = sorted((v, c) for v, c in tally.errors - declared if v not in streams and c not in COMMON)
    tally.report("wire-every-error-met-is-declared", [f"{v} answers {c}, which its schema does not name" for v, c in undeclared])
    tally.report("wire-500-calls-or-more", [] if tally.calls >= 500 else [f"only {tally.calls} calls"])


# Errors that no transcript can bring about, and the test that does.
ELSEWHERE = {
    ("ideas.store", "name_taken"): ("tests/system/test_authority.py", "def test_an_agents_own_ideas_are_written_by"),
    ("events.poll", "cursor_expired"): ("tests/unit/verbs/test_events.c", "TEST(events_poll_behind_retention"),
    ("credentials.ingest", "credentials_locked"): ("tests/system/test_secrets.py", "def test_f_35_without_its_key"),
    ("credentials.lookup", "credentials_locked"): ("tests/system/test_secrets.py", "def test_f_35_without_its_key"),
    ("credentials.rotate", "credentials_locked"): ("tests/system/test_secrets.py", "def test_f_35_without_its_key"),
    ("credentials.rotate", "unsupported"): ("tests/system/test_secrets.py", "def test_f_35_the_service_manager_gives_the_key"),
    ("credentials.lookup", "credential_corrupt"): ("tests/system/test_secrets.py", "def test_ik_f9_tm_cry_01_a_row_opens_nothing"),
    ("credentials.lookup", "stale_attempt"): ("tests/system/test_secrets.py", "def test_tm_llm_05_a_value_is_for_a_worker"),
    ("keys.use", "unsupported"): ("tests/system/test_keys.py", "def test_over_http_the_header_says_who_calls"),
    **{(verb, "denied"): ("tests/system/test_denied.py", f'"{verb}": ') for verb, v in VERBS.items() if "denied" in v["errors"]},
    ("queues.update", "conflict"): ("tests/unit/verbs/test_workers.c", "TEST(queues_and_workers_are_bounded"),
    ("workers.register", "conflict"): ("tests/unit/verbs/test_workers.c", "TEST(queues_and_workers_are_bounded"),
    ("workers.register", "name_taken"): ("tests/unit/verbs/test_workers.c", "TEST(workers_names_belong"),
    ("workers.heartbeat", "conflict"): ("tests/unit/verbs/test_workers.c", "TEST(ik_q24_ag_17_missed_beats"),
    ("workers.drain", "conflict"): ("tests/unit/verbs/test_workers.c", "TEST(ik_q24_ag_17_missed_beats"),
    ("workers.resume", "conflict"): ("tests/unit/verbs/test_workers.c", "TEST(ik_q24_ag_17_missed_beats"),
}


def elsewhere():
    top = os.path.dirname(os.path.dirname(HERE))
    found = set()
    for error, (path, name) in ELSEWHERE.items():
        with open(os.path.join(top, path)) as f:
            if name in f.read():
                found.add(error)
    return found


# What the gates before a verb may answer, whatever the verb.
COMMON = ["invalid_params", "invalid_request", "method_not_found", "confirmation_required", "idempotency_conflict",
          "cursor_invalid", "overloaded", None]


def main():
    tally = Tally()
    wanted = sys.argv[2:]
    for path in sorted(glob.glob(os.path.join(HERE, "*.test"))):
        if not wanted or any(w in path for w in wanted):
            transcript(path, tally)
    if not wanted:
        examples(tally)
        complete(tally)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
