# SPDX-License-Identifier: Apache-2.0
"""What the schemas say, checked and without JSON: the input of every output module."""
from dataclasses import dataclass, field as dataclass_field

from . import limits

MISSING = object()  # no default


@dataclass
class Field:
    name: str
    kind: str  # string time int number bool enum object strings objects enums raw raw_any
    description: str = ""
    format: str = "line"  # of strings: line text id name cursor
    required: bool = False
    min: object = None  # value, code points, elements, bytes
    max: object = None
    item_min: int = 0  # of the strings in a list
    item_max: int = 0
    ref: str = ""
    default: object = MISSING
    in_mcp: bool = True  # said in the tool's entry
    is_secret: bool = False  # neither kept nor repeated
    has: bool = False  # a bool has_x lies beside it

    @property
    def c_name(self):
        return self.name + "_" if self.name in limits.C_KEYWORDS else self.name

    @property
    def has_default(self):
        return self.default is not MISSING and self.default is not None


@dataclass
class Type:
    name: str
    description: str
    values: list = None  # an enum's, else None
    fields: list = None  # an object's, else None

    @property
    def is_enum(self):
        return self.values is not None


@dataclass
class Verb:
    name: str
    file: str
    summary: str = ""
    description: str = ""
    lane: str = ""
    access: list = dataclass_field(default_factory=list)
    toolset: str = ""
    mcp: object = False
    annotations: dict = dataclass_field(default_factory=dict)
    params: list = dataclass_field(default_factory=list)  # Field
    result_type: str = ""  # of a result that begins with a type's fields
    result: list = dataclass_field(default_factory=list)  # Field: behind those
    errors: dict = dataclass_field(default_factory=dict)
    examples: list = dataclass_field(default_factory=list)
    target: dict = None
    aliases: list = dataclass_field(default_factory=list)
    since: str = ""
    synonyms: list = dataclass_field(default_factory=list)  # of its noun, its action and itself

    @property
    def c_name(self):
        return self.name.replace(".", "_")

    tool = c_name

    @property
    def noun(self):
        return self.name.split(".")[0]

    @property
    def action(self):
        return self.name.split(".")[-1]

    @property
    def has_request_id(self):
        return not self.annotations["readOnly"]

    @property
    def has_confirm(self):
        """A batch may destroy, but it is the calls in it that ask."""
        return self.annotations["destructive"] and self.lane != "server"


@dataclass
class Model:
    version: str
    types: dict  # name -> Type
    verbs: list
    errors: dict  # name -> {code, message, hint, retryable, exit}

    def result_fields(self, verb):
        own = self.types[verb.result_type].fields if verb.result_type else []
        return own + verb.result


def verb_order(name):
    noun = name.split(".")[0]
    core = limits.CORE_NOUNS
    return (core.index(noun) if noun in core else len(core), noun, name)
