# SPDX-License-Identifier: Apache-2.0
"""A small schema folder that is right, for tests that make one thing wrong in it."""
import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GENERATE = os.path.join(TOP, "schemas", "generate.py")

with open(os.path.join(TOP, "schemas", "errors.json"), encoding="utf-8") as f:
    ERRORS = json.load(f)

COLOUR = {"description": "a colour", "enum": ["red", "green"]}

REPO = {
    "description": "where the source lies",
    "type": "object",
    "properties": {
        "url": {"type": "string", "maxLength": 100},
        "depth": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["url"],
}

QUEST = {
    "description": "a unit of work",
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "id"},
        "subject": {"type": "string", "format": "name", "maxLength": 100},
        "colour": {"$ref": "colour"},
        "repo": {"$ref": "repo"},
        "labels": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 5},
    },
    "required": ["id", "subject", "labels"],
}

CREATE = {
    "verb": "quests.create",
    "summary": "Create a quest",
    "description": "Use this to add work.",
    "lane": "write",
    "access": ["operator", "org_admin"],
    "toolset": "quests",
    "mcp": "default",
    "annotations": {"readOnly": False, "destructive": False, "idempotent": False, "openWorld": False},
    "params": {
        "type": "object",
        "properties": {
            "subject": {"type": "string", "format": "name", "maxLength": 100, "description": "what"},
            "colour": {"$ref": "colour", "default": "red"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 9, "default": 5, "description": "n"},
            "labels": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 5,
                       "description": "words"},
            "repo": {"$ref": "repo"},
        },
        "required": ["subject"],
    },
    "result": {"$ref": "quest", "properties": {"next": {"type": "string", "maxLength": 100}}},
    "errors": {"conflict": "there is one already"},
    "examples": [
        {"title": "one", "params": {"subject": "Fix it"}, "result": {"id": "<id>", "subject": "Fix it"}},
        {"title": "again", "given": [{"verb": "quests.create", "params": {"subject": "a"}}],
         "params": {"subject": "b"}, "error": "conflict"},
    ],
    "since": "0.1",
}

GET = {
    "verb": "quests.get",
    "summary": "Get a quest",
    "description": "Use this to see one quest.",
    "lane": "read",
    "access": ["viewer"],
    "toolset": "quests",
    "mcp": "listed",
    "annotations": {"readOnly": True, "destructive": False, "idempotent": True, "openWorld": False},
    "params": {"type": "object", "required": ["id"],
               "properties": {"id": {"type": "string", "format": "id", "description": "which"}}},
    "result": {"$ref": "quest"},
    "errors": {"not_found": "there is none"},
    "examples": [{"title": "one", "given": [{"verb": "quests.create", "params": {"subject": "a"}}],
                  "params": {"id": "$0.id"}, "result": {"subject": "a"}}],
    "target": {"param": "id", "type": "quest"},
    "aliases": ["quests.show"],
    "since": "0.1",
}


class Folder:
    """The files by name; `create` and `get` are the two verbs."""

    def __init__(self):
        self.create, self.get = copy.deepcopy(CREATE), copy.deepcopy(GET)
        self.quest, self.repo, self.colour = copy.deepcopy(QUEST), copy.deepcopy(REPO), copy.deepcopy(COLOUR)
        self.errors = copy.deepcopy(ERRORS)
        self.synonyms = {"quests": ["task"], "create": ["add"]}
        self.files = {
            "quests.create.json": self.create, "quests.get.json": self.get, "errors.json": self.errors,
            "synonyms.json": self.synonyms,
            "types/quest.json": self.quest, "types/repo.json": self.repo, "types/colour.json": self.colour,
        }

    @property
    def params(self):
        return self.create["params"]["properties"]

    def write(self, folder):
        os.makedirs(os.path.join(folder, "types"))
        for name, value in self.files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                out.write(value if isinstance(value, str) else json.dumps(value))

    def generate(self):
        """(exit code, what it wrote to stderr, outputs by name)"""
        with tempfile.TemporaryDirectory() as folder:
            schemas, out = os.path.join(folder, "schemas"), os.path.join(folder, "out")
            self.write(schemas)
            done = subprocess.run([sys.executable, GENERATE, "--schemas", schemas, "--out", out,
                                   "--version", "1.2.3"], capture_output=True, text=True)
            outputs = {}
            for name in os.listdir(out) if os.path.isdir(out) else []:
                with open(os.path.join(out, name), encoding="utf-8") as f:
                    outputs[name] = f.read()
            return done.returncode, done.stderr, outputs


class FolderTest(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.create, self.get, self.params = self.folder.create, self.folder.get, self.folder.params

    def refused(self, *lines):
        """The folder is refused, writes nothing, and says these lines and no others."""
        code, said, outputs = self.folder.generate()
        self.assertEqual((code, outputs), (1, {}), said)
        self.assertEqual(said.splitlines(), list(lines))

    def accepted(self):
        code, said, outputs = self.folder.generate()
        self.assertEqual((code, said), (0, ""))
        return outputs
