# SPDX-License-Identifier: Apache-2.0
"""The projection of fields to JSON Schema 2020-12 as clients see it: self-contained, no $ref."""




class Projection:
    """`brief` is what models are sent in tools/list: without what only a validator needs (patterns,
    lower bounds of texts, the size of ids) and without parameters that say `mcp: false`."""

    def __init__(self, model, brief=False):
        self.model, self.brief = model, brief

    def text(self, fmt, low, high):
        out = {"type": "string"}
        if fmt == "id":
            if not self.brief:
                out["pattern"] = "^[A-Za-z0-9_-]{1,%d}$" % high
            return out
        if low and not self.brief:
            out["minLength"] = low
        if fmt != "cursor" or not self.brief:
            out["maxLength"] = high
        return out

    def number(self, f):
        out = {"type": "integer" if f.kind == "int" else "number"}
        if f.min is not None:
            out["minimum"] = f.min
        if f.max is not None:
            out["maximum"] = f.max
        return out

    def list(self, f):
        if f.kind == "strings":
            items = self.text(f.format, f.item_min, f.item_max)
        elif f.kind == "enums":
            items = {"type": "string", "enum": self.model.types[f.ref].values}
        else:
            items = self.object(self.model.types[f.ref].fields)
        out = {"type": "array", "items": items}
        if f.min:
            out["minItems"] = f.min
        out["maxItems"] = f.max
        return out

    def bare(self, f):
        """The schema of a field without its description and default."""
        if f.kind == "string":
            return self.text(f.format, f.min, f.max)
        if f.kind == "time":
            return {"type": "string", "format": "date-time"}
        if f.kind in ("int", "number"):
            return self.number(f)
        if f.kind == "bool":
            return {"type": "boolean"}
        if f.kind == "enum":
            return {"type": "string", "enum": self.model.types[f.ref].values}
        if f.kind == "object":
            return self.object(self.model.types[f.ref].fields)
        if f.kind == "raw":
            return {"type": "object"}
        return {} if f.kind == "raw_any" else self.list(f)

    def field(self, f):
        out = self.bare(f)
        if f.description:
            out["description"] = f.description
        if f.has_default:
            out["default"] = f.default
        return out

    def object(self, fields):
        if self.brief:
            fields = [f for f in fields if f.in_mcp]
        out = {"type": "object"}
        if fields:
            out["properties"] = {f.name: self.field(f) for f in fields}
        required = [f.name for f in fields if f.required]
        if required:
            out["required"] = required
        out["additionalProperties"] = False
        return out
