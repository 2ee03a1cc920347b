/* SPDX-License-Identifier: Apache-2.0 */
/* What any thread may ask of the store. */
#include "store/store_state.h"

#include <sys/stat.h>

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

void store_stats(struct store *s, struct store_stats *out)
{
	enum store_state state = atomic_load(&s->state);

	*out = (struct store_stats){
		.n_commits = atomic_load(&s->n_commits),
		.n_calls = atomic_load(&s->n_calls),
		.database_bytes = size_of(s->o.database),
		.wal_bytes = size_of(s->log),
		.free_bytes = store_free_bytes(s),
		.is_degraded = state != STORE_OK && !s->o.read_only,
		.state = state,
	};
}

bool store_is_lost(const struct store *s)
{
	return atomic_load(&s->is_lost);
}

struct str store_instance(const struct store *s)
{
	return str_from(s->instance);
}

struct str store_generation(const struct store *s)
{
	return str_from(s->generation);
}

struct clock *store_clock(const struct store *s)
{
	return s->o.clock;
}

int64_t store_steady_ms(const struct store *s)
{
	return clock_boot_ms(s->o.clock) + s->steady_offset_ms;
}
