# SPDX-License-Identifier: Apache-2.0
"""What the three completions share: words, options and where values come from.

Ids are asked of a running server, by `questd complete-ids TYPE[,TYPE]`: a line an object, its id or, where
either will do, its name, and behind a tab what a person knows it by. `TYPE_name` is names only. It prints
nothing, and exits 0, where no server runs."""
from .added import all_params

COMMANDS = {
    "setup": "Create the data directory and a token",
    "serve": "Serve in the foreground",
    "start": "Start a server in the background",
    "stop": "Stop the server",
    "restart": "Stop and start the server",
    "status": "Say whether a server runs",
    "mcp": "Serve MCP on stdin and stdout",
    "call": "Call a verb by name",
    "verbs": "List the verbs",
    "help": "Explain a command or a verb",
    "backup": "Copy the store into a file",
    "restore": "Put a backup in the store's place",
    "secrets": "Keep keys and passwords",
    "doctor": "Check what questd needs",
    "logs": "Show the server's log",
    "paths": "Show where everything lies",
    "completion": "Print the completion script of a shell",
    "version": "Show the version",
}
GLOBALS = {
    "json": "print JSON", "yes": "confirm what cannot be undone", "no-input": "never ask",
    "data-dir": "data directory", "socket": "the server's socket", "url": "the server's URL",
    "token-file": "file with the token", "timeout": "how long to wait, e.g. 10s",
}
FLAGS = ["json", "yes", "no-input"]  # of the globals: take no value
COMMAND_WORDS = {"completion": ["bash", "zsh", "fish"], "secrets": ["set", "get", "list", "unset"]}
VERB_WORDS = ["call", "help"]  # commands whose word is a verb's name
START = {
    "http": "ADDR:PORT or off", "config": "settings", "workers": "workers to keep", "no-auth": "ask for no token",
    "read-only": "change nothing", "idle-exit": "seconds without a client", "log-level": "what is logged",
}
OPTIONS = {  # of commands, beside the globals; a test compares them with their help
    "setup": {"rotate-token": "make a new token"},
    "serve": START, "start": START, "restart": START,
    "mcp": {"toolsets": "tools to offer", "read-only": "change nothing", "private": "a server of its own"},
    "secrets": {"agent": "for this agent alone", "role": "for this role", "provider": "whose service it opens",
                "kind": "what it is"},
    "doctor": {"strict": "warnings count"},
    "logs": {"lines": "how many", "follow": "go on with what comes"},
}
OPTION_WORDS = {"log-level": ["debug", "info", "warn", "error"], "http": ["off"]}
# Fields that name another object than their own verb's, and are not called so.
ANYBODY = "user_name,agent_name,role"
REFERENCES = {"assignee": "agent", "agent": "agent", "depends_on": "quest", "session": "session", "who": ANYBODY,
              "whose": ANYBODY, "participant": ANYBODY, "participants": ANYBODY, "role": "role"}
# Where a verb's fields are not what their names say elsewhere.
OWN = {("events.subscriptions", "id"): "subscription", ("message_to", "to"): "session," + ANYBODY, ("message_to", "from"): ANYBODY,
       ("sessions.messages", "from"): ANYBODY, ("inbox.answer", "from"): ANYBODY,
       ("inbox.answer", "id"): "inbox", ("inbox.dismiss", "id"): "inbox"}


def nouns(model):
    """noun -> its verbs, in the order of the table"""
    out = {}
    for v in model.verbs:
        if "." in v.name:
            out.setdefault(v.noun, []).append(v)
    return out


def alone(model):
    """verbs without a noun"""
    return [v for v in model.verbs if "." not in v.name]


def options(verb):
    """(name, field) of each option; `confirm` is --yes on the command line."""
    return [(f.name, f) for f in all_params(verb) if f.name != "confirm"]


def id_type(model, verb, f):
    """Which objects' ids a field takes, or None."""
    if (verb.name, f.name) in OWN:
        return OWN[verb.name, f.name]
    if verb.target and f.name == verb.target["param"]:
        return verb.target["type"] + ("_name" if f.name == "name" else "")
    if f.name in ("id", "parent", "from", "to"):
        own = verb.noun.removesuffix("s")
        return own if "." in verb.name and own in model.types else None
    if f.name in REFERENCES:
        return REFERENCES[f.name]
    name = f.name.removesuffix("_ids").removesuffix("_id")
    return name if name != f.name and name in model.types else None


def values(model, verb, f):
    """("words", [...]) or ("ids", type) or None"""
    if f.kind in ("enum", "enums"):
        return "words", model.types[f.ref].values
    if f.kind == "bool":
        return "words", ["true", "false"]
    kind = id_type(model, verb, f)
    return ("ids", kind) if kind else None


def option_values(model, name):
    """Of a command's own option: its words, or None"""
    if name == "toolsets":
        return ["default", "all", "search", *dict.fromkeys(v.toolset for v in model.verbs)]
    return OPTION_WORDS.get(name)


def word_field(verb):
    """The field that a word without an option is for."""
    fields = {f.name: f for f in verb.params}
    if verb.target:
        return fields[verb.target["param"]]
    return next((f for f in verb.params if f.required), fields.get("id"))
