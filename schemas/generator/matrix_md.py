# SPDX-License-Identifier: Apache-2.0
"""matrix.md: which access role may call which verb."""
from . import limits


def render(model):
    out = ["# Who may call what\n\nGenerated from the schemas. ✓: a caller with this role may.\n\n",
           f"| verb | {' | '.join(limits.ROLES)} |\n", f"| --- {'| :-: ' * len(limits.ROLES)}|\n"]
    for v in model.verbs:
        cells = " | ".join("✓" if r in v.access else "" for r in limits.ROLES)
        out.append(f"| `{v.name}` | {cells} |\n")
    return "".join(out)
