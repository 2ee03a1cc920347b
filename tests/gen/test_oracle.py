# SPDX-License-Identifier: Apache-2.0
"""The decoder against an independent JSON Schema validator: both must accept and refuse the same
inputs, and blame the same fields."""
import copy
import json
import os
import random
import subprocess
import unittest

try:
    import jsonschema
except ImportError:
    jsonschema = None

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("QUESTD_BUILD", os.path.join(TOP, "build"))
DECODE = os.path.join(BUILD, "tests", "gen", "decode_lines")
ROUNDS = 60

# Of any wrong kind, for any field. No text: what a text may hold is more than JSON Schema says.
WRONG = [None, True, -1, 10 ** 18, 1.5, [], [[]], [None], {}, {"nope": 1}]


def text(random_, schema):
    if schema.get("format") == "date-time":
        return "2026-11-21T10:00:00.000Z"
    low, high = schema.get("minLength", 0), schema.get("maxLength", 64)
    letters = "aZ09" if "pattern" in schema else "aZ 09é東"
    n = random_.choice([max(low, 1), min(high, 30), random_.randint(max(low, 1), min(high, 30))])
    return "".join(random_.choice(letters) for _ in range(n)).replace(" ", "_")


def valid(random_, schema):
    """A value that the schema allows."""
    if "enum" in schema:
        return random_.choice(schema["enum"])
    kind = schema.get("type")
    if kind == "string":
        return text(random_, schema)
    if kind == "integer":
        low, high = schema.get("minimum", -2 ** 53), schema.get("maximum", 2 ** 53)
        return random_.choice([low, high, random_.randint(low, high)])
    if kind == "number":
        return random_.uniform(schema.get("minimum", -1e6), schema.get("maximum", 1e6))
    if kind == "boolean":
        return random_.random() < 0.5
    if kind == "array":
        n = random_.randint(schema.get("minItems", 0), min(schema["maxItems"], 3))
        return [valid(random_, schema["items"]) for _ in range(n)]
    if kind == "object" and "properties" in schema:
        return {k: valid(random_, v) for k, v in schema["properties"].items()
                if k in schema.get("required", []) or random_.random() < 0.4}
    return {"k": [1, {}]} if kind == "object" else 7


def too_much(value, schema):
    """The value, beyond a bound of its schema."""
    if schema.get("type") == "string" and "maxLength" in schema and schema["maxLength"] < 5000:
        return "x" * (schema["maxLength"] + 1)
    if schema.get("type") == "integer" and "maximum" in schema:
        return schema["maximum"] + 1
    if schema.get("type") == "array" and value:
        return [value[0]] * (schema["maxItems"] + 1)
    return value


def spoiled(random_, value, schema):
    """The value with something done to one place of it, which may well leave it valid."""
    value = copy.deepcopy(value)
    if isinstance(value, dict) and "properties" in schema and value and random_.random() < 0.9:
        key = random_.choice(list(value))
        action = random_.randrange(4)
        if action == 0:
            del value[key]
        elif action == 1:
            value[key + "x"] = value.pop(key)
        else:
            value[key] = spoiled(random_, value[key], schema["properties"].get(key, {}))
        return value
    if isinstance(value, list) and value and random_.random() < 0.5:
        value[-1] = spoiled(random_, value[-1], schema["items"])
        return value
    return too_much(value, schema) if random_.random() < 0.4 else random_.choice(WRONG)


def blamed(error):
    """The field at the top that an error of the validator is about."""
    if error.absolute_path:
        return {error.absolute_path[0]}
    if error.validator == "required":
        return {name for name in error.validator_value if name not in error.instance}
    if error.validator == "additionalProperties":
        return {name for name in error.instance if name not in error.schema.get("properties", {})}
    return {""}


@unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
@unittest.skipUnless(os.path.exists(DECODE), "decode_lines is not built")
class Oracle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(BUILD, "schemas", "expect.json"), encoding="utf-8") as f:
            cls.verbs = list(json.load(f)["verbs"].values())

    def cases(self):
        random_ = random.Random(20261121)
        for verb in self.verbs:
            for mark, schema in (("", verb["params_schema"]), ("=", verb["result_schema"])):
                for _ in range(ROUNDS):
                    value = valid(random_, schema)
                    yield mark + verb["name"], schema, value
                    yield mark + verb["name"], schema, spoiled(random_, value, schema)

    def decoded(self, cases):
        lines = "".join(f"{name}\t{json.dumps(value, ensure_ascii=False)}\n" for name, _, value in cases)
        done = subprocess.run([DECODE], input=lines, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def test_decoder_and_validator_agree(self):
        cases, n_refused = list(self.cases()), 0
        answers = self.decoded(cases)
        self.assertEqual(len(answers), len(cases))
        for (name, schema, value), (verdict, *rest) in zip(cases, answers):
            validator = jsonschema.Draft202012Validator(schema)
            errors = list(validator.iter_errors(value))
            told = f"{name} {json.dumps(value)[:300]}: {[e.message for e in errors]}, {verdict} {rest}"
            self.assertEqual(verdict == "bad", bool(errors), told)
            if verdict == "ok":
                validator.validate(json.loads(rest[0]))
                continue
            n_refused += 1
            fields = {f.split(".")[0].split("[")[0] for f in rest}
            self.assertEqual(fields, set().union(*map(blamed, errors)), told)
        self.assertGreater(n_refused, len(cases) // 10)

    def test_tools_schemas_are_schemas(self):
        for verb in self.verbs:
            for schema in (verb["params_schema"], verb["result_schema"], verb["tool_json"]["inputSchema"]):
                jsonschema.Draft202012Validator.check_schema(schema)


if __name__ == "__main__":
    unittest.main()
