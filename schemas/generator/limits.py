# SPDX-License-Identifier: Apache-2.0
"""The numbers and closed lists of schemas/README.md."""
import re

VERB_NAME = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$")
FIELD_NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
TYPE_NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
ENUM_VALUE = re.compile(r"^[a-z0-9][a-z0-9_.-]{0,39}$")
WORD = re.compile(r"^[a-z][a-z0-9_]{0,31}$")
SYNONYM = re.compile(r"^[a-z0-9]{2,24}$")

TOOL_NAME_MAX = 40
SUMMARY_MAX = 80
DESCRIPTION_MAX = 200
PARAM_DESCRIPTION_MAX = 80
DEFAULT_LIST_MAX = 24000  # bytes, of all entries that a client gets without asking
# Bytes of a tool's entry, by the verb's `mcp`.
TOOL_ENTRY_MAX = {"default": 2000, "listed": 3000}
REQUEST_ID_MAX = 64
ID_MAX = 64
CURSOR_MAX = 1024
SYNONYMS_MAX = 16  # of one noun, action or verb

FIELDS_MAX = 64  # of one object: shape_decode.c has a bit for each

INT_MIN, INT_MAX = -(2 ** 63), 2 ** 63 - 1

LANES = ["read", "scan", "write", "long", "stream", "server"]
ROLES = ["viewer", "operator", "agent_admin", "workflow_admin", "org_admin"]
MCP = {False: "NO", "listed": "LISTED", "default": "DEFAULT"}
REMOVING = ["delete", "remove", "purge", "revoke", "erase"]  # last words of verbs that are destructive
ANNOTATIONS = ["readOnly", "destructive", "idempotent", "openWorld"]
FORMATS = ["text", "id", "name", "date-time", "cursor"]
COMBINATORS = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"]

# Tables and lists begin with these nouns, in this order; the others follow by name.
CORE_NOUNS = ["agents", "quests", "ideas", "events"]

# What the dispatcher answers for any verb; a verb's own `errors` need not repeat them.
COMMON_ERRORS = [
    "invalid_params", "internal", "denied", "unauthenticated", "overloaded", "too_many_requests",
    "too_large", "interrupted", "cancelled", "timeout", "shutting_down", "storage_full",
    "storage_readonly", "storage_busy", "storage_corrupt", "out_of_memory", "idempotency_conflict",
    "confirmation_required", "cursor_invalid",
]

C_KEYWORDS = set("""auto break case char const continue default do double else enum extern float for
goto if inline int long register restrict return short signed sizeof static struct switch typedef
union unsigned void volatile while bool true false asm typeof""".split())
