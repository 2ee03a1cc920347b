/* SPDX-License-Identifier: Apache-2.0 */
/* Who this store is. The instance names the key of its secrets; the generation tells event cursors
 * from before a restore apart; the counter rises with every opening, closing and backup, and stands
 * both in the database and in the file `questd.generation` beside it. A database that counts less
 * than its neighbour, or whose log is missing though nobody closed it, is an older copy (F-10): it
 * is served, warned of, and given a new generation, because its numbers may be given already. */
#include "store/store_state.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"

struct sidecar {
	char generation[STORE_NAME_MAX];
	int64_t counter;
	bool is_there, is_open;
};

static bool is_name(struct str s)
{
	static const struct str letters = STR(
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	for (size_t i = 0; i < s.n; i++)
		if (str_find(letters, s.p[i], 0) == letters.n)
			return false;
	return s.n > 0 && s.n < STORE_NAME_MAX;
}

static void keep_name(char out[STORE_NAME_MAX], struct str name)
{
	(void)snprintf(out, STORE_NAME_MAX, "%.*s", STR_ARG(name)); /* is_name: it fits */
}

/* A file of one short line; NONE when there is none, empty when it is none of ours. */
static int read_line(struct store *s, const char *path, struct str *out)
{
	enum { LINE_MAX_BYTES = 256 };
	CLEANUP(buf_deinit) struct buf b = { 0 };
	struct stat st;
	int e;

	buf_init(&b, 0);
	*out = STR_NONE;
	if (stat(path, &st) == 0 && st.st_size > LINE_MAX_BYTES && S_ISREG(st.st_mode)) {
		*out = STR("");
		return 0;
	}
	e = fd_read_file(path, LINE_MAX_BYTES, &b);
	if (e == FD_NOT_FOUND)
		return 0;
	if (e)
		return err_trace(e);
	*out = str_dup(&s->arena, str_trim(buf_str(&b)));
	return out->p ? 0 : err_nomem();
}

/* "<generation> <counter> open"; what is not of this form counts as missing. */
static int read_sidecar(struct store *s, struct sidecar *out)
{
	struct str rest, generation, counter;
	int e = read_line(s, s->sidecar, &rest);

	*out = (struct sidecar){ 0 };
	if (e || !rest.p)
		return err_trace(e);
	generation = str_cut(&rest, ' ');
	counter = str_cut(&rest, ' ');
	if (!is_name(generation) || !str_to_i64(counter, &out->counter))
		return 0;
	keep_name(out->generation, generation);
	out->is_open = str_eq(rest, STR("open"));
	out->is_there = true;
	return 0;
}

int store_sidecar_write(struct store *s, bool is_closing)
{
	struct str line = str_fmt(&s->arena, "%s %lld %s\n", s->generation, (long long)s->counter,
				  is_closing ? "closed" : "open");

	if (!line.p)
		return err_nomem();
	return err_trace(fd_write_file(s->sidecar, line, 0600));
}

int store_sidecar_counter(struct store *s, int64_t *out)
{
	struct sidecar side;
	int e = read_sidecar(s, &side);

	if (e)
		return err_trace(e);
	*out = side.counter;
	return 0;
}

static int get(struct db *db, struct str key, struct arena *a, struct str *out)
{
	struct store_tx tx = { .db = db, .arena = a };
	int e = store_meta_get(&tx, key, out);

	if (e == STORE_NONE)
		*out = STR_NONE;
	return e < 0 ? err_trace(e) : 0;
}

static int set(struct db *db, struct str key, struct str value)
{
	struct store_tx tx = { .db = db, .is_write = true };

	return err_trace(store_meta_set(&tx, key, value));
}

static int set_count(struct db *db, int64_t counter)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)counter);

	return err_trace(set(db, STR("counter"), (struct str){ text, (size_t)n }));
}

int store_mint(struct db *db, int64_t counter, struct str generation)
{
	int e = db_begin(db, true);

	if (e)
		return err_trace(e);
	e = set(db, STR("generation"), generation);
	if (!e)
		e = set_count(db, counter);
	if (!e)
		return err_trace(db_commit(db));
	db_rollback(db);
	return err_trace(e);
}

/* Does anything say that this database is older than what was here last? Tells why. */
static const char *is_rolled_back(const struct store *s, const struct sidecar *side,
				  bool is_log_missing)
{
	if (!side->is_there)
		return NULL;
	if (strcmp(side->generation, s->generation) != 0)
		return "it is of another generation than the one that was here last";
	if (side->counter > s->counter)
		return "it has been opened or backed up fewer times than the one that was here "
		       "last";
	if (side->is_open && is_log_missing)
		return "the last run did not close it, and its log (-wal) is missing";
	return NULL;
}

static int read_identity(struct store *s, struct db *db)
{
	struct str generation, counter, instance;
	int e = get(db, STR("generation"), &s->arena, &generation);

	if (!e)
		e = get(db, STR("counter"), &s->arena, &counter);
	if (!e)
		e = get(db, STR("instance"), &s->arena, &instance);
	if (e)
		return err_trace(e);
	if (!is_name(generation))
		return err_new(ERR_CORRUPT, "the table meta lacks the generation");
	if (!str_to_i64(counter, &s->counter))
		s->counter = 0;
	keep_name(s->generation, generation);
	if (is_name(instance))
		keep_name(s->instance, instance);
	return 0;
}

/* The database's instance holds; one that has none takes the file's (setup may have made it), or a
 * new one. The file follows. */
static int settle_instance(struct store *s)
{
	struct str there = STR_NONE, line;
	int e = s->o.instance ? read_line(s, s->o.instance, &there) : 0;

	if (e)
		return err_trace(e);
	if (!s->instance[0]) {
		if (is_name(there))
			keep_name(s->instance, there);
		else
			id_make(&s->ids, clock_wall_ms(s->o.clock), s->instance);
		e = s->writer ? set(s->writer, STR("instance"), str_from(s->instance)) : 0;
		if (e)
			return err_trace(e);
	}
	if (!s->o.instance || !s->writer || str_eq(there, str_from(s->instance)))
		return 0;
	if (is_name(there))
		store_warn(
		    s, "the file '%s' said '%.*s', the database is '%s': the file was corrected",
		    s->o.instance, STR_ARG(there), s->instance);
	line = str_fmt(&s->arena, "%s\n", s->instance);
	return line.p ? err_trace(fd_write_file(s->o.instance, line, 0600)) : err_nomem();
}

/* One transaction for all that the opening changes in the database. */
static int settle(struct store *s, const struct sidecar *side, bool is_renewed)
{
	int e;

	if (is_renewed)
		id_random_text(s->generation, 8);
	s->counter = MAX(s->counter, side->counter) + 1;
	if (!s->writer)
		return err_trace(settle_instance(s));
	e = db_begin(s->writer, true);
	if (e)
		return err_trace(e);
	e = settle_instance(s);
	if (!e && is_renewed)
		e = set(s->writer, STR("generation"), str_from(s->generation));
	if (!e)
		e = set_count(s->writer, s->counter);
	if (!e)
		return err_trace(db_commit(s->writer));
	db_rollback(s->writer);
	return err_trace(e);
}

int store_identify(struct store *s, struct db *db, bool is_log_missing)
{
	struct sidecar side;
	const char *why;
	int e = read_identity(s, db);

	if (!e)
		e = read_sidecar(s, &side);
	if (e)
		return err_trace(e);
	why = is_rolled_back(s, &side, is_log_missing);
	if (why)
		store_warn(s,
			   "possible rollback: '%s' may be an older copy: %s; what was written "
			   "since is not "
			   "in it; if that was not meant, stop and run questd restore%s with the "
			   "newest backup",
			   s->o.database, why, store_flags(s));
	e = settle(s, &side, why && s->writer);
	if (e || !s->writer)
		return err_trace(e);
	return err_trace(store_sidecar_write(s, false));
}

int store_count(struct store *s, bool is_closing)
{
	int e = set_count(s->writer, s->counter + 1);

	if (e)
		return err_trace(e);
	s->counter++;
	if (!is_closing)
		return err_trace(store_sidecar_write(s, false));
	/* The file alone is whole, then its neighbour says that it was closed, then the log may go:
	 * cut off anywhere, the next start misses nothing. */
	e = db_checkpoint(s->writer, true);
	if (!e && db_wal_pages(s->writer) > 0)
		e = err_new(ERR_BUSY, "the log is held by another program");
	if (!e)
		e = store_sidecar_write(s, true);
	if (!e)
		e = db_fold_log(s->writer);
	return err_trace(e);
}
