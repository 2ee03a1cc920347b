#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py DIR OUT: MCP's texts as C. embed.py --list DIR: the files they come from.

DIR/instructions.md, DIR/icon.png, DIR/prompts/NAME.md and DIR/skills/NAME/… become the tables that
mcp_texts.h declares. Refuses (exit 1, naming the file) what a client would refuse: instructions over
2,000 characters, an icon that is no PNG or over 1 kB, a skill whose name is not its folder's, a prompt
without a description."""
import base64
import hashlib
import json
import os
import re
import sys

INSTRUCTIONS_MAX = 2000
ICON_MAX = 1000
SKILL_NAME = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")


def refuse(path, why):
    sys.exit(f"{path}: {why}")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def split(path, text):
    """The frontmatter's (key, value) pairs in order, and what follows it."""
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        refuse(path, "must begin with a frontmatter between two lines of ---")
    pairs = []
    for line in parts[1].splitlines():
        key, colon, value = line.partition(": ")
        if not colon:
            refuse(path, f"frontmatter: 'key: value' expected, got '{line}'")
        pairs.append((key, value.strip()))
    return pairs, parts[2]


def literal(text):
    """A C string a line of source a line of text; long ones cut between characters."""
    out = []
    for line in text.splitlines(keepends=True) or [""]:
        for i in range(0, max(len(line), 1), 90):
            data = line[i:i + 90].encode("utf-8")
            out.append('"' + "".join(
                "\\n" if b == 10 else "\\" + chr(b) if b in b'"\\' else chr(b) if 32 <= b < 127 and b != 63
                else f"\\{b:03o}" for b in data) + '"')
    return "\n\t\t".join(out)


def string(text):
    return f"{{ {literal(text)}, {len(text.encode('utf-8'))} }}"


def prompt(path):
    pairs, text = split(path, read(path))
    arguments = [v.split(" | ") for k, v in pairs if k == "argument"]
    fields = dict(p for p in pairs if p[0] != "argument")
    if set(fields) != {"title", "description"}:
        refuse(path, "frontmatter needs title and description, and nothing else but argument")
    for a in arguments:
        if len(a) != 3 or a[2] not in ("required", "optional"):
            refuse(path, "argument: NAME | WHAT IT IS | required or optional")
    return {"name": os.path.basename(path)[:-3], "text": text, "arguments": arguments, **fields}


def skill(folder):
    name = os.path.basename(folder)
    files = []
    for base, folders, names in os.walk(folder):
        folders.sort()
        files += [os.path.join(base, n) for n in sorted(names)]
    main = os.path.join(folder, "SKILL.md")
    if main not in files:
        refuse(folder, "has no SKILL.md")
    files.remove(main)
    pairs, _ = split(main, read(main))
    fields = dict(pairs)
    if fields.get("name") != name or not SKILL_NAME.match(name) or not fields.get("description"):
        refuse(main, "frontmatter needs the folder's name as name, and a description")
    return {"fields": fields, "name": name,
            "files": [(os.path.relpath(f, os.path.dirname(folder)), read(f)) for f in [main] + files]}


def prompts_c(prompts):
    out = []
    for p in prompts:
        rows = "".join(f"\t{{ {string(n)}, {string(d)}, {'true' if r == 'required' else 'false'} }},\n"
                       for n, d, r in p["arguments"])
        if rows:
            out.append(f"static const struct mcp_prompt_argument {p['name']}_arguments[] = {{\n{rows}}};\n")
    rows = ""
    for p in prompts:
        n = len(p["arguments"])
        rows += (f"\t{{ {string(p['name'])}, {string(p['title'])}, {string(p['description'])},\n\t\t"
                 f"{string(p['text'])},\n\t\t{p['name'] + '_arguments' if n else 'NULL'}, {n} }},\n")
    out.append(f"const struct mcp_prompt mcp_prompts[] = {{\n{rows}}};\n"
               f"const size_t mcp_n_prompts = {len(prompts)};\n")
    return "".join(out)


def skills_c(skills):
    out, rows = [], ""
    for i, s in enumerate(skills):
        files = "".join(f"\t{{ {string(path)},\n\t\t{string(text)},\n\t\t"
                        f"{string(hashlib.sha256(text.encode('utf-8')).hexdigest())} }},\n"
                        for path, text in s["files"])
        out.append(f"static const struct mcp_skill_file skill_{i}_files[] = {{\n{files}}};\n")
        front = json.dumps(s["fields"], ensure_ascii=False, separators=(",", ":"))
        rows += (f"\t{{ {string(s['name'])}, {string(s['fields']['description'])}, {string(front)},\n"
                 f"\t\tskill_{i}_files, {len(s['files'])} }},\n")
    out.append(f"const struct mcp_skill mcp_skills[] = {{\n{rows}}};\n"
               f"const size_t mcp_n_skills = {len(skills)};\n")
    return "".join(out)


def icon(path):
    with open(path, "rb") as f:
        data = f.read()
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR" or len(data) > ICON_MAX:
        refuse(path, f"must be a PNG of at most {ICON_MAX} bytes")
    size = f"{int.from_bytes(data[16:20], 'big')}x{int.from_bytes(data[20:24], 'big')}"
    return json.dumps([{"src": "data:image/png;base64," + base64.b64encode(data).decode(), "mimeType": "image/png",
                        "sizes": [size]}], separators=(",", ":"))


def list_files(folder):
    print("instructions.md")
    print("icon.png")
    for name in ("prompts", "skills"):
        for base, _, names in sorted(os.walk(os.path.join(folder, name))):
            for n in sorted(names):
                print(os.path.relpath(os.path.join(base, n), folder))


def main():
    if sys.argv[1] == "--list":
        list_files(sys.argv[2])
        return
    folder, out = sys.argv[1:]
    instructions = read(os.path.join(folder, "instructions.md")).strip()
    if len(instructions) > INSTRUCTIONS_MAX:
        refuse("instructions.md", f"{len(instructions)} characters, at most {INSTRUCTIONS_MAX}")

    def below(name):
        path = os.path.join(folder, name)
        return [os.path.join(path, n) for n in sorted(os.listdir(path))]
    with open(out, "w", encoding="utf-8") as f:
        f.write("/* Generated by server/embed.py. */\n#include \"server/mcp_texts.h\"\n\n"
                f"const struct str mcp_instructions = {string(instructions)};\n"
                f"const struct str mcp_icons = {string(icon(os.path.join(folder, 'icon.png')))};\n"
                + prompts_c([prompt(p) for p in below("prompts")])
                + skills_c([skill(s) for s in below("skills")]))


main()
