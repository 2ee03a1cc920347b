/* SPDX-License-Identifier: Apache-2.0 */
/* What a verb's function sees of the call it carries out: who asks, the transaction, memory, and
 * the ways to refuse, to wait and to go on later. A verb function is
 *
 *     int quests_create(struct call *call, const struct quests_create_params *p,
 *                       struct quests_create_result *r);
 *
 * and returns 0 (r is filled, its memory from call->arena), CALL_FAILED (by call_fail*), CALL_WAIT,
 * CALL_AGAIN, or a negative fault. On anything but 0 the call's savepoint is rolled back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"
#include "types.gen.h"

struct shape_faults;
struct store_event_filter;
struct store_offer;
struct verb;
struct call_server;
struct channel_arrival;
struct store_channel;

enum {
	CALL_FAILED = 1, /* refused; call->failure says why */
	CALL_WAIT,  /* run again when call->wait's subject changes or its time is over (lanes long
		       and  write) */
	CALL_AGAIN, /* run again soon: one step of a long work is done (lane long) */
};

/* Lane long: the first run is on the loop, with a bounded read transaction. CALL_WAIT runs it there
 * again. CALL_AGAIN moves it: a verb that is not readOnly to the writer, between batches, a step a
 * run, with `tx` NULL (it uses `store`, and may begin and commit there); a readOnly one to a scan
 * thread, with a read transaction, where one run may take its time. A read or scan verb's function
 * may run on any thread, and again from the start where the loop found the store busy. */

/* Bits of enum access_role (generated from the schemas' `access`): 1u << role. */
typedef uint32_t access_roles;

/* A set of verbs, by enum verb_id. */
#define VERB_SET_WORDS 4
struct verb_set {
	uint64_t words[VERB_SET_WORDS];
};

struct principal {
	/* "uid:1000", "token", "user:<id>", "worker:<name>": what `created_by` and events' source
	 * say */
	struct str id;
	enum principal_kind kind;
	access_roles roles;
	struct verb_set verbs; /* what it may call: its roles', within its key's and its grants' */
	/* What its key's scopes and its grants do not hold: for saying why not. */
	struct verb_set out_of_scope, not_granted;
	enum agent_status status; /* of an agent: only an active one does anything; else 0 */
	bool is_owner;     /* the user who runs the server: may override a claim it does not hold */
	int64_t key;       /* 0: none, or a token of the issuer */
	struct str key_id; /* of the key or token; NONE without */
	int64_t expires_ms;
	int64_t reads_per_minute, writes_per_minute; /* 0 = no limit */
	uint64_t token; /* by which of the token file's it came; 0 = by none */
};

enum call_datum_kind { CALL_DATUM_STR = 1, CALL_DATUM_INT, CALL_DATUM_STRS };

struct call_datum {
	const char *key;
	enum call_datum_kind kind;
	struct str s;
	int64_t i;
	struct str_list list;
};

#define CALL_DATA_MAX 8

struct call_failure {
	enum error_code code;
	struct str message;
	struct str field; /* NONE when no single parameter is at fault */
	struct str hint;  /* NONE: the error table's */
	int64_t retry_after_ms;
	struct call_datum data[CALL_DATA_MAX];
	size_t n_data;
	bool is_denial; /* it says that there is none because the caller may not know of it */
	const struct shape_faults *faults; /* the dispatcher's: wrong parameters; else NULL */
	const struct verb *verb; /* whose parameters they are; NULL: the call's own verb's */
};

struct call_wait {
	struct str subject; /* an object's id, or NONE for any event */
	int64_t timeout_ms; /* from the call's start */
	/* Lane write: not for an event, but for something to take at this place. */
	struct store_place place;
	const struct store_offer *offer; /* what a claim can do, arena memory; NULL: anything */
	bool is_there;                   /* there is something that others may take */
};

/* How far a long call is; shown as MCP progress and on a terminal. */
struct call_progress {
	int64_t done, total; /* total 0 = unknown */
	struct str text;     /* one line, ≤ 200 characters */
};

/* Lane stream: the function checks its parameters and says here what to follow; the server then
 * sends the frames, and answers the call at the end with {"reason":
 * "cycle|lagged|shutdown|cancelled", "cursor": "<generation>.<seq>"}. */
struct call_follow {
	const struct store_event_filter *filter; /* arena memory */
	int64_t since;                           /* -1: only what comes from now on */
};

/* Whose calls, streams and connections the server looks at again before the call is answered. */
struct call_touched {
	struct call_touched *next;
	struct str who; /* a principal's id */
};

struct call {
	const struct verb *verb;
	const struct principal *principal;
	struct arena *arena;
	struct store_tx *tx; /* NULL in lane long's steps on the writer (they use `store`) */
	struct store *store;
	const struct call_server *server;
	int64_t now_ms;      /* wall time, the same during the whole call */
	uint64_t connection; /* of this process: who calls will be known to be gone; 0 = never */
	struct call_touched *touched; /* whose access the verb changed */
	bool is_idle;                 /* it came to nothing: that is not put on record */
	bool shows_value;             /* the result holds a credential's value, and is meant to */
	bool is_time_over;            /* a CALL_WAIT call runs for the last time */
	bool is_cancelled; /* a CALL_AGAIN call runs for the last time: tidy up and fail `cancelled`
			    */
	bool is_part_done; /* a CALL_AGAIN verb's: what its steps did is kept, whatever fails later
			    */
	void *state;       /* a CALL_AGAIN verb's own, from call->arena; NULL at first */
	struct call_failure failure;
	struct call_wait wait;
	struct call_progress progress;
	struct call_follow follow;
};

/* All return CALL_FAILED, so that a verb ends with `return call_fail(…)`. */
int call_fail(struct call *c, enum error_code code, const char *fmt, ...) printf_like(3, 4);
int call_fail_field(struct call *c, enum error_code code, const char *field, const char *fmt, ...)
    printf_like(4, 5);
/* A foreign id answers exactly like a missing one: "no quest 'x'". */
int call_not_found(struct call *c, const char *type, const char *field, struct str id);
/* Who has the name, as it is written there: "there is an agent 'Ann' already", and data.id. */
int call_name_taken(struct call *c, const char *type, struct str id, struct str name);
void call_data_str(struct call *c, const char *key, struct str value);
void call_data_int(struct call *c, const char *key, int64_t value);
void call_data_strs(struct call *c, const char *key, struct str_list values);

/* "a, b, c and 4 more": the first of n_all, for messages. */
struct str call_listed(struct arena *a, struct str_list list, size_t n_all);

int call_wait_for(struct call *c, struct str subject, int64_t timeout_ms); /* CALL_WAIT */
/* The same for something to take: what the call did so far is undone, and it runs again. */
int call_wait_to_take(struct call *c, const struct call_wait *wait);

/* A text as JSON has it. NONE when memory is out. */
struct str call_json_text(struct arena *a, struct str text);

/* One event, in the call's transaction, with the principal as its source. `fields` become the
 * payload object. */
struct call_field {
	const char *key;
	struct str s; /* used when s.p, else `i` */
	int64_t i;
};
int call_event(struct call *c, const char *kind, struct str subject,
	       const struct call_field *fields, size_t n) must_check;

struct call_key {
	struct str id, text, hash;
};

/* As store_interest_key. */
struct call_wanted {
	struct str path, value; /* NONE: there is none */
};

/* A value as the store keeps it. It opens with the same label only. */
struct call_secret {
	struct str label;
	int64_t data_key;  /* seal() fills it in, */
	struct str sealed; /* and this */
};

/* The values that are kept, and the keys that seal them. What gives int is 0, CALL_FAILED
 * (credentials_locked, credential_corrupt, …) or negative. All but open() is the writer's. */
struct call_vault {
	int (*seal)(void *data, struct call *c, struct call_secret *s, struct str plain);
	int (*open)(void *data, struct call *c, const struct call_secret *s, struct str *out);
	int (*unbox)(void *data, struct call *c, struct str box, struct str *out);
	int (*make_data_key)(void *data, struct call *c, int64_t *out);
	/* A new master key: begin, seal in a transaction, commit, end. */
	int (*master_begin)(void *data, struct call *c);
	int (*master_seal)(void *data, struct call *c);
	int (*master_end)(void *data, struct call *c);
	/* From now on the value is taken out of whatever leaves. A later version of the same id
	 * takes its place. */
	int (*hide)(void *data, const struct credential *k, struct str value);
	void (*retire)(void *data, struct str id);
	/* Where the master key lies that no backup holds; NONE while nothing is sealed by it. */
	struct str (*where)(void *data);
	/* A text, of JSON, without the values; as it is where there are none. NONE: memory. */
	struct str (*clean)(void *data, struct arena *a, struct str json);
};

/* What services sign with that post to a hook or a channel. */
struct call_hook_secret {
	struct str of;     /* its id: for no other it opens */
	struct str text;   /* NONE: one is made */
	struct str sealed; /* as the store keeps it */
};

/* What verbs may ask of the server that runs them; filled by server/, faked in tests. All results
 * live in the call's arena. */
struct call_server {
	void *data;
	int (*info)(void *data, struct call *c, struct system_info *out);
	int (*health)(void *data, struct call *c, struct system_health *out);
	int (*streams)(void *data, struct call *c, struct stream_info_list *out);
	int (*config)(void *data, struct call *c, struct config_entry_list *out);
	/* The id, text and hash of a new key; the hash of an audit row. */
	int (*make_key)(void *data, struct call *c, struct call_key *out);
	struct str (*chain)(void *data, struct arena *a, struct str before, struct str text);
	/* May these calls be made later by whoever calls now? Refuses with all that is wrong. */
	int (*check_actions)(void *data, struct call *c, const char *field,
			     const struct action_list *actions);
	/* Do the values suit the ops? *out: the field that tells most events apart that do not
	 * match, with the value that is wanted, if there is one. */
	int (*check_predicates)(void *data, struct call *c, const char *field,
				const struct event_predicate_list *list, struct call_wanted *out);
	int (*seal_hook_secret)(void *data, struct call *c, struct call_hook_secret *s);
	/* A message of this chat, signed as the channel's service signs, through the checks of one
	 * that comes. *fault: what was wrong with it, else NONE. */
	int (*echo_channel)(void *data, struct call *c, const struct store_channel *channel,
			    struct str chat, struct channel_arrival *out, struct str *fault);
	/* A new file's name beside the automatic backups. */
	int (*backup_path)(void *data, struct call *c, char **out);
	struct call_vault vault;
};
