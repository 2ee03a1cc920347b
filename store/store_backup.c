/* SPDX-License-Identifier: Apache-2.0 */
/* Backup: pages are copied by the writer in small steps between batches; then a thread of the job's
 * own checks the copy, syncs it and gives it its name, because that takes long and touches nothing
 * of the store. Until then the file has a temporary name. */
#include "store/store_state.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

enum { STEP_PAGES = 100, SHARE_PAGES = 12, LEAST_PAGES = 32, WAIT_NS = 1000000 };
enum { QUIET_STEPS = 16 }; /* steps without a commit before the writers count as gone */

struct store_job {
	struct store *store;
	struct db_backup *backup;
	char *path, *temp;
	uint64_t version; /* what was committed at the last step */
	int quiet;        /* steps since then */
	int64_t n_all,
	    n_owed,  /* pages: of the store then, not copied yet though their turn came, */
	    n_grown; /* and come on top since the last step */
	pthread_t finisher;
	bool is_finishing;
	_Atomic bool is_finished; /* the thread's last word */
	struct err_report report; /* of the finisher's failure; class NONE when it went well */
};

int store_backup_new(struct store *s, const char *path, struct store_job **out)
{
	struct store_job *job;
	int e;

	if (!s->writer)
		return err_new(ERR_READONLY, "a store opened for reading only makes no backup");
	job = calloc(1, sizeof(*job));
	if (!job)
		return err_nomem();
	job->store = s;
	job->version = store_version(s);
	job->quiet = QUIET_STEPS;
	job->path = strdup(path);
	if (!job->path || asprintf(&job->temp, "%s.part", path) < 0) {
		job->temp = NULL;
		store_backup_free(job);
		return err_nomem();
	}
	if (access(path, F_OK) == 0) {
		errno = EEXIST;
		e = err_sys("cannot create '%s'", path);
	} else {
		store_file_remove(job->temp); /* of a backup that was cut off */
		e = db_backup_new(s->writer, job->temp, &job->backup);
	}
	if (e) {
		store_backup_free(job);
		return err_trace(e);
	}
	*out = job;
	return 0;
}

static int sync_folder_of(const char *path)
{
	CLEANUP(arena_deinit) struct arena a = { 0 };
	const char *folder;

	arena_init(&a, 0);
	folder = store_folder_of(&a, path);
	return folder ? err_trace(fd_sync_dir(folder)) : err_nomem();
}

static int give_name(const struct store_job *job)
{
	CLEANUP(fd_close) int fd = open(job->temp, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return err_sys("cannot sync '%s'", job->temp);
	if (link(job->temp, job->path) != 0) /* unlike rename, never replaces what has appeared */
		return err_sys("cannot give '%s' its name", job->path);
	(void)unlink(job->temp); /* a second name does no harm */
	return err_trace(sync_folder_of(job->path));
}

static int finish(struct store_job *job)
{
	int e = store_verify(db_backup_copy(job->backup));

	job->backup = db_backup_free(job->backup);
	return e ? err_trace(e) : err_trace(give_name(job));
}

static void *finish_in_thread(void *data)
{
	struct store_job *job = data;
	int e = finish(job);

	if (e)
		err_take(e, &job->report);
	atomic_store(&job->is_finished, true);
	return NULL;
}

/* Waits a little, so that a writer that has nothing else to do does not spin. */
static int wait_for_finisher(struct store_job *job)
{
	static const struct timespec moment = { .tv_nsec = WAIT_NS };

	if (!atomic_load(&job->is_finished)) {
		(void)nanosleep(&moment, NULL); /* cut short is fine */
		return STORE_MORE;
	}
	(void)pthread_join(job->finisher, NULL); /* it is ours and has ended */
	job->is_finishing = false;
	if (job->report.class)
		return err_new(job->report.class, "backup '%s': %s", job->path, job->report.text);
	/* Counted, so that this copy put in the database's place by hand is known to be older. */
	return err_trace(store_count(job->store, false));
}

/* Beside writers a copy takes a share of the disk and of the writer's time, not half of them, and
 * never much at once, not even where they pause for a moment: the next of them would wait for it.
 * What they add comes on top, or the copy would never catch up with them. */
static int pages_due(struct store_job *job)
{
	uint64_t version = store_version(job->store);
	int64_t n;

	job->quiet = version == job->version ? MIN(job->quiet + 1, QUIET_STEPS) : 0;
	job->version = version;
	if (job->quiet == QUIET_STEPS)
		job->n_owed += STEP_PAGES;
	else
		job->n_owed += job->quiet ? LEAST_PAGES : SHARE_PAGES;
	if (job->n_owed + job->n_grown < LEAST_PAGES)
		return 0; /* still tells how the store has grown */
	n = job->quiet == QUIET_STEPS ? job->n_owed : MIN(job->n_owed, LEAST_PAGES);
	job->n_owed -= n;
	n += job->n_grown;
	job->n_grown = 0;
	return (int)MIN(n, INT_MAX);
}

static void owe_growth(struct store_job *job, int64_t n_all)
{
	if (job->n_all)
		job->n_grown += MAX(n_all - job->n_all, 0);
	job->n_all = n_all;
}

int store_backup_step(struct store_job *job, int64_t *done_pages, int64_t *all_pages)
{
	int e;

	if (job->is_finishing)
		return err_trace(wait_for_finisher(job));
	e = db_backup_step(job->backup, pages_due(job), done_pages, all_pages);
	owe_growth(job, *all_pages);
	if (e == DB_BACKUP_MORE)
		return STORE_MORE;
	if (e)
		return err_trace(e);
	if (pthread_create(&job->finisher, NULL, finish_in_thread, job) != 0)
		return err_new(ERR_NOMEM, "cannot start a thread");
	job->is_finishing = true;
	return STORE_MORE;
}

struct store_job *store_backup_free(struct store_job *job)
{
	if (!job)
		return NULL;
	if (job->is_finishing)
		(void)pthread_join(job->finisher, NULL); /* it is ours and runs */
	db_backup_free(job->backup);
	if (job->temp)
		store_file_remove(job->temp);
	free(job->temp);
	free(job->path);
	free(job);
	return NULL;
}

int store_backup_now(struct store *s, const char *path)
{
	struct store_job *job = NULL;
	int64_t done, all;
	int e = store_backup_new(s, path, &job);

	if (e)
		return err_trace(e);
	assert(job);
	do
		e = db_backup_step(job->backup, 100 * STEP_PAGES, &done, &all);
	while (e == DB_BACKUP_MORE);
	if (!e)
		e = finish(job);
	store_backup_free(job);
	return err_trace(e);
}
