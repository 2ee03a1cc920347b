/* SPDX-License-Identifier: Apache-2.0 */
/* What is part of the program: instructions.md, icon.png, prompts/NAME.md and skills/NAME/…, made
 * into mcp_texts.gen.c by server/embed.py at build time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* What every client's model is told about this server: at most 2,000 characters. */
extern const struct str mcp_instructions;

/* The server's icons as JSON: one small PNG, which every client that shows icons can show. */
extern const struct str mcp_icons;

struct mcp_prompt_argument {
	struct str name, description;
	bool is_required;
};

/* text: see mcp_prompts.c. */
struct mcp_prompt {
	struct str name, title, description, text;
	const struct mcp_prompt_argument *arguments;
	size_t n_arguments;
};
extern const struct mcp_prompt mcp_prompts[];
extern const size_t mcp_n_prompts;

struct mcp_skill_file {
	struct str path; /* "take-a-quest/SKILL.md" */
	struct str text;
	struct str sha256; /* 64 hex digits */
};

/* The first file is SKILL.md; frontmatter is a JSON object. */
struct mcp_skill {
	struct str name, description, frontmatter;
	const struct mcp_skill_file *files;
	size_t n_files;
};
extern const struct mcp_skill mcp_skills[];
extern const size_t mcp_n_skills;
