# SPDX-License-Identifier: Apache-2.0
"""Does an example fit the schema? The rules of shape.c, but for the placeholders of README.md."""
import re

from . import limits

PLACEHOLDER = re.compile(r"^(\$\d+(\.[a-z0-9_]+|\[\d+\])*|<(id|time|any)>)$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$")
ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


def is_placeholder(value):
    return isinstance(value, str) and PLACEHOLDER.match(value) is not None


def text_problem(fmt, low, high, value):
    if not isinstance(value, str):
        return "is no text"
    if not (low or 0) <= len(value) <= high:
        return f"has {len(value)} characters, not {low or 0} to {high}"
    allowed = "\t\n\r" if fmt == "text" else ""
    if any((ord(c) < 32 or ord(c) == 127) and c not in allowed for c in value):
        return "has control characters"
    if fmt == "id" and not ID.match(value):
        return "is no id"
    if fmt == "name" and value != value.strip():
        return "has blanks at an end"
    return None


class Checker:
    def __init__(self, types):
        self.types = types

    def object(self, fields, value, is_whole, path=""):
        """The problems of an object; a result may leave fields out (is_whole false)."""
        if is_placeholder(value):
            return []
        if not isinstance(value, dict):
            return [f"{path or 'it'} is no object"]
        known = {f.name: f for f in fields}
        problems = [f"{path}{name} is unknown" for name in value if name not in known]
        for f in fields:
            if f.name not in value:
                if f.required and is_whole:
                    problems.append(f"{path}{f.name} is missing")
                continue
            problem = self.value(f, value[f.name], is_whole)
            if problem:
                problems.append(f"{path}{f.name} {problem}")
        return problems

    def number(self, f, value):
        ok = type(value) is int or f.kind == "number" and type(value) is float
        if not ok:
            return f"is no {'integer' if f.kind == 'int' else 'number'}"
        if f.min is not None and value < f.min or f.max is not None and value > f.max:
            return f"is not within {f.min} to {f.max}"
        return None

    def item(self, f, value, is_whole):
        if is_placeholder(value):
            return None
        if f.kind == "strings":
            return text_problem(f.format, f.item_min, f.item_max, value)
        if f.kind == "enums":
            return None if value in self.types[f.ref].values else f"has '{value}', no {f.ref}"
        problems = self.object(self.types[f.ref].fields, value, is_whole)
        return "; ".join(problems) or None

    def list(self, f, value, is_whole):
        if not isinstance(value, list):
            return "is no array"
        if len(value) > f.max or is_whole and len(value) < (f.min or 0):
            return f"has {len(value)} elements, not {f.min or 0} to {f.max}"
        for v in value:
            problem = self.item(f, v, is_whole)
            if problem:
                return problem
        return None

    def value(self, f, value, is_whole=True):
        if is_placeholder(value):
            return None
        if f.kind == "string":
            return text_problem(f.format, f.min, f.max, value)
        if f.kind == "time":
            return None if isinstance(value, str) and TIME.match(value) else "is no RFC 3339 time"
        if f.kind in ("int", "number"):
            return self.number(f, value)
        if f.kind == "bool":
            return None if type(value) is bool else "is no boolean"
        if f.kind == "enum":
            return None if value in self.types[f.ref].values else f"is no {f.ref}"
        if f.kind == "raw":
            return None if isinstance(value, dict) else "is no object"
        if f.kind == "raw_any":
            return None
        if f.kind == "object":
            return "; ".join(self.object(self.types[f.ref].fields, value, is_whole)) or None
        return self.list(f, value, is_whole)
