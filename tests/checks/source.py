# SPDX-License-Identifier: Apache-2.0
"""Reads the C sources as text: includes, functions and their sizes."""
import os
import re
import statistics

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLOORS = ["base", "schemas", "store", "transport", "verbs", "server", "cli"]
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def files(*folders, endings=(".c", ".h")):
    for folder in folders or FLOORS:
        for root, _, names in os.walk(os.path.join(TOP, folder)):
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(root, name), TOP)


def text(path):
    with open(os.path.join(TOP, path), errors="replace") as f:
        return f.read()


def includes(path):
    """[(is our own, name)]"""
    return [(quote == '"', name) for quote, name in INCLUDE.findall(text(path))]


def bare(source):
    """The source without comments and literals, its lines kept."""
    keep = lambda m: re.sub(r"[^\n]", " ", m[0])
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", keep, source, flags=re.S)


class Function:
    def __init__(self, path, line, name, n_lines, n_params, depth):
        self.path, self.line, self.name, self.n_lines, self.n_params, self.depth = path, line, name, n_lines, n_params, depth

    def __str__(self):
        return f"{self.path}:{self.line} {self.name}"


def functions(path):
    """Every function with a body: K&R, its brace alone in the first column."""
    lines = bare(text(path)).split("\n")
    found, i = [], 0
    while i < len(lines):
        if lines[i].rstrip() != "{":
            i += 1
            continue
        head = i - 1
        while head > 0 and lines[head - 1].strip() and not lines[head - 1].startswith(("}", "#")) and not lines[head - 1].rstrip().endswith(";"):
            head -= 1
        end = i
        while end < len(lines) and lines[end].rstrip() not in ("}", "};"):
            end += 1
        signature = " ".join(lines[head:i])
        match = re.search(r"(\w+)\s*\(", signature)
        if match:
            params = signature[signature.index("(") + 1:signature.rindex(")")] if ")" in signature else ""
            n_params = 0 if params.strip() in ("", "void") else len(split_params(params))
            found.append(Function(path, head + 1, match[1], end - head + 1, n_params, depth_of(lines[i:end + 1])))
        i = end + 1
    return found


def split_params(params):
    parts, level = [""], 0
    for c in params:
        level += {"(": 1, ")": -1}.get(c, 0)
        if c == "," and level == 0:
            parts.append("")
        else:
            parts[-1] += c
    return parts


def depth_of(lines):
    """The deepest nesting by indentation (tabs) of statements, the body itself being 1."""
    deepest, paren, continues = 1, 0, False
    for line in lines:
        code = line.rstrip()
        tabs = len(code) - len(code.lstrip("\t"))
        if code.strip() and paren == 0 and not code.lstrip().startswith(("case ", "default:")) and not continues:
            deepest = max(deepest, tabs)
        paren += code.count("(") - code.count(")")
        continues = paren != 0 or (code.strip() and code.strip()[-1] in "=,+-*/&|?:<>" and not code.strip().endswith(":"))
    return deepest


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p))] if values else 0


def figures():
    every = [f for path in files() if path.endswith(".c") for f in functions(path)]
    sizes = [text(path).count("\n") for path in files() if path.endswith(".c")]
    lengths = [f.n_lines for f in every]
    return {
        "functions": len(every), "function lines median": statistics.median(lengths) if lengths else 0,
        "p95": percentile(lengths, .95), "max": max(lengths, default=0),
        "over 60": round(100 * sum(n > 60 for n in lengths) / max(1, len(lengths)), 1),
        "files": len(sizes), "file lines median": statistics.median(sizes) if sizes else 0, "file max": max(sizes, default=0),
        "lines of C": sum(sizes),
    }
