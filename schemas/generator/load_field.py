# SPDX-License-Identifier: Apache-2.0
"""One property of an object schema: its JSON to a Field, or a refusal that says what is wrong."""
import json

from . import limits
from .model import MISSING, Field

COMMON = ["description", "default", "mcp"]
KEYWORDS = {
    "string": ["type", "maxLength", "minLength", "format", "secret"],
    "integer": ["type", "minimum", "maximum"],
    "number": ["type", "minimum", "maximum"],
    "boolean": ["type"],
    "array": ["type", "items", "maxItems", "minItems"],
    "raw": ["type", "raw", "maxBytes"],
    "$ref": ["$ref"],
}
BOUNDED_FORMATS = {"id": limits.ID_MAX, "cursor": limits.CURSOR_MAX, "date-time": 64}


def known_keywords(at, value, allowed):
    is_fine = True
    for key in value:
        if key in allowed:
            continue
        is_fine = False
        if key in limits.COMBINATORS:
            at.refuse(f"'{key}': combinators are refused, clients cannot use them")
        elif key == "enum":
            at.refuse("an enum is a type of its own: put it in types/ and refer to it")
        elif key == "properties":
            at.refuse("an object inside another is a type of its own: put it in types/")
        else:
            at.refuse(f"'{key}' is no keyword that is decoded here")
    return is_fine


def count(at, value, key, fallback=None):
    n = value.get(key, fallback)
    if n is None:
        return None
    if type(n) is not int or not 0 <= n <= 2 ** 31 - 1:
        at.refuse(f"{key} must be a number from 0 to 2147483647")
        return 0
    return n


def load_string(at, f, value):
    fmt = value.get("format", "line")
    if fmt != "line" and fmt not in limits.FORMATS:
        at.refuse(f"format must be one of {' '.join(limits.FORMATS)}")
        fmt = "line"
    f.kind = "time" if fmt == "date-time" else "string"
    f.format = "line" if fmt == "date-time" else fmt
    f.max = count(at, value, "maxLength", BOUNDED_FORMATS.get(fmt))
    f.min = count(at, value, "minLength", 1 if fmt in ("id", "name") else 0)
    if f.max is None:
        at.refuse("a string without maxLength")
    elif f.min > f.max or f.max == 0:
        at.refuse("maxLength leaves no text")
    elif fmt == "id" and f.max > limits.ID_MAX:
        at.refuse(f"an id has at most {limits.ID_MAX} characters")


def load_bounds(at, f, value, where):
    whole = f.kind == "int"
    for key in ("minimum", "maximum"):
        bound = value.get(key)
        if bound is None:
            if where == "params":
                at.refuse(f"a number without {key}")
            continue
        if type(bound) is not int and (whole or type(bound) is not float):
            at.refuse(f"{key} must be a number of the same type")
            return
        if whole and not limits.INT_MIN <= bound <= limits.INT_MAX:
            at.refuse(f"{key} does not fit 64 bits")
    f.min, f.max = value.get("minimum"), value.get("maximum")
    if f.min is not None and f.max is not None and f.min > f.max:
        at.refuse("minimum is above maximum")


def load_ref(at, value):
    ref = value.get("$ref")
    if isinstance(ref, str) and limits.TYPE_NAME.match(ref):
        return ref
    at.refuse(f"$ref must name a type of types/, not {json.dumps(ref)}")
    return ""


def load_array(at, f, value):
    f.max, f.min = count(at, value, "maxItems"), count(at, value, "minItems", 0)
    if f.max is None:
        at.refuse("an array without maxItems")
    items = value.get("items")
    at = at.down("items")
    if not isinstance(items, dict):
        at.refuse("must be an object: a string or a $ref")
    elif "$ref" in items:
        known_keywords(at, items, ["$ref"])
        f.kind, f.ref = "ref_list", load_ref(at, items)
    elif items.get("type") == "string":
        known_keywords(at, items, ["type", "maxLength", "minLength", "format"])
        item = Field(f.name, "string")
        load_string(at, item, items)
        f.kind, f.format = "strings", item.format
        f.item_min, f.item_max = item.min or 0, item.max or 0
        if item.kind == "time":
            at.refuse("a list of times is not decoded")
    else:
        at.refuse("items are strings or a $ref")


def load_raw(at, f, value):
    raw = value["raw"]
    if raw not in (True, "any") or raw == 1 and raw is not True:
        at.refuse("raw must be true or \"any\"")
    if raw is True and value.get("type") != "object":
        at.refuse("raw: true is of type object")
    if raw == "any" and "type" in value:
        at.refuse("raw: \"any\" has no type")
    f.kind = "raw" if raw is True else "raw_any"
    f.max, f.min = count(at, value, "maxBytes"), 0
    if not f.max:
        at.refuse("a raw value without maxBytes")


def family(value):
    if "raw" in value:
        return "raw"
    if "$ref" in value:
        return "$ref"
    return value.get("type")


def load_kind(at, f, value, where):
    kind = family(value)
    if kind == "object":
        known_keywords(at, value, ["type"] + COMMON)
        if "properties" not in value:
            at.refuse("an object is a $ref to a type, or raw with maxBytes")
        return
    if not isinstance(kind, str) or kind not in KEYWORDS:
        known_keywords(at, value, ["type"] + COMMON)
        at.refuse("type must be string, integer, number, boolean, array or object; or a $ref")
        return
    known_keywords(at, value, KEYWORDS[kind] + COMMON)
    if kind == "string":
        load_string(at, f, value)
    elif kind in ("integer", "number"):
        f.kind = "int" if kind == "integer" else "number"
        load_bounds(at, f, value, where)
    elif kind == "boolean":
        f.kind = "bool"
    elif kind == "array":
        load_array(at, f, value)
    elif kind == "raw":
        load_raw(at, f, value)
    else:
        f.kind, f.ref = "ref", load_ref(at, value)


SCALARS = ("int", "number", "bool")


def load_default(at, f, value, where):
    f.default = value.get("default", MISSING)
    if f.required and f.default is not MISSING:
        at.refuse("is required and has a default")
    if f.kind in SCALARS + ("time",):
        f.has = not f.required and (where != "params" or f.default is None or f.kind == "time")
    if f.kind in SCALARS and where == "params" and not f.required and f.default is MISSING:
        at.refuse("an optional number or boolean needs a default (null: absent is meant)")
    if f.default is None and f.kind not in SCALARS:
        at.refuse("default null is for numbers and booleans; others may simply be absent")
    if f.has_default and f.kind not in SCALARS + ("string", "ref"):
        at.refuse("only a text, number, boolean or enum may have a default")


def load_field(at, name, value, where, required):
    f = Field(name, "", required=required)
    if not limits.FIELD_NAME.match(name):
        at.refuse("is no name: [a-z][a-z0-9_]{0,39}")
    if not isinstance(value, dict):
        at.refuse("must be an object")
        return f
    load_kind(at, f, value, where)
    load_default(at, f, value, where)
    load_secret(at, f, value, where)
    f.description = value.get("description", "")
    if not isinstance(f.description, str) or any(ord(c) < 32 for c in f.description):
        at.refuse("its description must be one line of text")
        f.description = ""
    if "mcp" in value:
        f.in_mcp = False
        if where != "params" or value["mcp"] is not False or required:
            at.refuse("mcp: false is for optional parameters")
    if where == "params" and len(f.description) > limits.PARAM_DESCRIPTION_MAX:
        at.refuse(f"its description has {len(f.description)} characters, at most "
                  f"{limits.PARAM_DESCRIPTION_MAX} are allowed")
    return f


def load_secret(at, f, value, where):
    """A parameter that no message repeats; a result that is shown once and never kept."""
    if "secret" not in value:
        return
    f.is_secret = True
    if value["secret"] is not True or f.kind != "string" or where == "type" or f.has_default:
        at.refuse("secret: true is for a text of params or of a result, without a default")
    if where == "result" and f.required:
        at.refuse("is secret and required, but an answer given again is without it")


def check_shown(at, fields):
    """Whoever repeats a call is told that the secret is not in the answer."""
    for i, f in enumerate(fields):
        shown = fields[i + 1] if i + 1 < len(fields) else None
        if f.is_secret and not (shown and shown.name == f.name + "_shown" and shown.kind == "bool"):
            at.down(f.name).refuse(f"is secret: the boolean '{f.name}_shown' must stand behind it")


ROOT_KEYWORDS = {
    "params": ["type", "properties", "required"],
    "result": ["type", "properties", "required", "$ref", "extends"],
    "type": ["type", "properties", "required", "description"],
}


def load_fields(at, value, where):
    """The properties of params, of a result or of an object type."""
    if not isinstance(value, dict):
        at.refuse("must be an object schema")
        return []
    for key in value:
        if key in limits.COMBINATORS:
            at.refuse(f"'{key}': a combinator at the top is refused, clients cannot use it")
        elif key == "$ref" and where == "params":
            at.refuse("'$ref' at the top is refused, clients cannot use it")
        elif key not in ROOT_KEYWORDS[where] and where != "type":
            at.refuse(f"'{key}' is no keyword that is decoded here")
    if value.get("type", "object" if where == "result" else None) != "object":
        at.refuse("must be of type object")
    properties, required = value.get("properties", {}), value.get("required", [])
    if not isinstance(properties, dict):
        at.refuse("properties must be an object")
        properties = {}
    if where == "params" and "properties" not in value:
        at.refuse("has no properties (an empty object says: none)")
    if not isinstance(required, list):
        at.refuse("required must be a list of names")
        required = []
    for name in required:
        if name not in properties:
            at.refuse(f"required names '{name}', which is no property")
    fields = [load_field(at.down(name), name, p, where, name in required)
              for name, p in properties.items()]
    if where == "result":
        check_shown(at, fields)
    return fields
