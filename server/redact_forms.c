/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 of a value that stands within a longer text depends on where it stands (three ways), and
 * its first and last characters on its neighbours: these are left out. */
#include "server/redact_forms.h"

#include <sodium.h>
#include <string.h>

#include "base/err.h"
#include "server/redact.h"

/* No form is longer than six bytes for one: \uXXXX; escaped twice, seven. */
#define GROWTH_MAX ((size_t)7)

struct pen {
	struct redact_forms *f;
	char *at;
};

/* What was written since the last one becomes a form, unless it is there or too short. */
static void end(struct pen *p)
{
	struct redact_forms *f = p->f;
	char *from = f->n ? (char *)f->v[f->n - 1].p + f->v[f->n - 1].n : f->bytes;
	struct str form = { from, (size_t)(p->at - from) };

	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->v[i], form))
			form.n = 0;
	if (form.n < REDACT_MIN || f->n == REDACT_FORMS_MAX)
		p->at = from;
	else
		f->v[f->n++] = form;
}

static void put(struct pen *p, const char *text, size_t n)
{
	memcpy(p->at, text, n);
	p->at += n;
}

static void put_hex(struct pen *p, const char *before, unsigned value, int n_digits, bool is_upper)
{
	const char *digits = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";

	put(p, before, strlen(before));
	for (int i = n_digits - 1; i >= 0; i--)
		*p->at++ = digits[value >> (4 * i) & 15];
}

static void hex(struct pen *p, struct str v, bool is_upper)
{
	for (size_t i = 0; i < v.n; i++)
		put_hex(p, "", (unsigned char)v.p[i], 2, is_upper);
	end(p);
}

/* ---- base64 ---- */

static void base64(struct pen *p, struct str v, size_t shift, const char *last_two)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t n_bits = 8 * (shift + v.n);

	/* those six bits that are the value's alone */
	for (size_t bit = (8 * shift + 5) / 6 * 6; bit + 6 <= n_bits; bit += 6) {
		size_t at = bit / 8 - shift;
		unsigned two = (unsigned char)v.p[at] << 8 |
			       (at + 1 < v.n ? (unsigned char)v.p[at + 1] : 0u);
		unsigned six = two >> (10 - bit % 8) & 63;

		*p->at++ = six < 62 ? digits[six] : last_two[six - 62];
	}
	end(p);
}

/* ---- URLs ---- */

struct url {
	const char *plain; /* beside letters, digits and -._ */
	bool is_upper, is_form;
};

static bool is_plain(char c, const struct url *u)
{
	bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

	return is_alnum || (c && strchr("-._", c)) || (c && strchr(u->plain, c));
}

static void url(struct pen *p, struct str v, const struct url *u)
{
	for (size_t i = 0; i < v.n; i++) {
		if (is_plain(v.p[i], u))
			*p->at++ = v.p[i];
		else if (u->is_form && v.p[i] == ' ')
			*p->at++ = '+';
		else
			put_hex(p, "%", (unsigned char)v.p[i], 2, u->is_upper);
	}
	end(p);
}

/* ---- JSON ---- */

struct escapes {
	bool slash, ascii, is_upper;
};

static void put_unicode(struct pen *p, uint32_t code, bool is_upper)
{
	if (code >= 0x10000) {
		code -= 0x10000;
		put_hex(p, "\\u", 0xd800 + (code >> 10), 4, is_upper);
		code = 0xdc00 + (code & 0x3ff);
	}
	put_hex(p, "\\u", code, 4, is_upper);
}

static void put_escaped(struct pen *p, char c, const struct escapes *how)
{
	static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (size_t i = 0; i + 1 < sizeof(names) - 1; i += 2)
		if (c == names[i]) {
			put(p, (char[]){ '\\', names[i + 1] }, 2);
			return;
		}
	if (c == '/' && how->slash)
		put(p, "\\/", 2);
	else if ((unsigned char)c < 0x20)
		put_unicode(p, (unsigned char)c, how->is_upper);
	else
		*p->at++ = c;
}

static void json(struct pen *p, struct str v, const struct escapes *how)
{
	for (size_t i = 0; i < v.n;) {
		uint32_t code;
		size_t n = str_utf8_at(v, i, &code);

		if (n > 1 && how->ascii)
			put_unicode(p, code, how->is_upper);
		else if (n > 1)
			put(p, v.p + i, n);
		else
			put_escaped(p, v.p[i], how);
		i += MAX(n, (size_t)1);
	}
	end(p);
}

static void make(struct pen *p, struct str v)
{
	static const struct escapes ways[] = { { .slash = false },
					       { .slash = true },
					       { .ascii = true },
					       { .ascii = true, .is_upper = true } };
	static const struct url urls[] = { { "~", true, false },      { "~", false, false },
					   { "~!'()*", true, false }, { "~!'()*", false, false },
					   { "~/", true, false },     { "*", true, true } };
	size_t n_before;

	put(p, v.p, v.n);
	end(p);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		n_before = p->f->n;
		json(p, v, &ways[i]);
		if (p->f->n > n_before) /* JSON within JSON */
			json(p, p->f->v[n_before], &ways[0]);
	}
	for (size_t shift = 0; shift < 3; shift++) {
		base64(p, v, shift, "+/");
		base64(p, v, shift, "-_");
	}
	hex(p, v, false);
	hex(p, v, true);
	for (size_t i = 0; i < ARRAY_LEN(urls); i++)
		url(p, v, &urls[i]);
}

/* As little locked memory as it takes: there is not much of it. */
static int pack(struct redact_forms *f, const struct redact_forms *all)
{
	const struct str *last = &all->v[all->n - 1];
	size_t n = (size_t)(last->p + last->n - all->bytes);

	*f = *all;
	f->bytes = sodium_malloc(n);
	if (!f->bytes)
		return err_nomem();
	memcpy(f->bytes, all->bytes, n);
	for (size_t i = 0; i < f->n; i++)
		f->v[i].p = f->bytes + (all->v[i].p - all->bytes);
	return 0;
}

int redact_forms_make(struct redact_forms *f, struct str value)
{
	struct redact_forms all = { .n = 0 };
	struct pen p = { .f = &all };
	int e;

	if (sodium_init() < 0)
		return err_new(ERR_INTERNAL, "libsodium cannot start");
	all.bytes = sodium_allocarray(REDACT_FORMS_MAX + 1, GROWTH_MAX * value.n);
	if (!all.bytes)
		return err_nomem();
	p.at = all.bytes;
	make(&p, value);
	e = pack(f, &all);
	redact_forms_free(&all);
	return err_trace(e);
}

void redact_forms_free(struct redact_forms *f)
{
	sodium_free(f->bytes);
	f->bytes = NULL;
}
