/* SPDX-License-Identifier: Apache-2.0 */
/* Small steps that every kind of row takes: new ids, optional columns, inserts that give their key.
 */
#pragma once

#include "store/db.h"
#include "store/store.h"

/* A list reads at most so many rows for one page; one that found too few says where to go on. */
#define ROWS_EXAMINED_MAX 20000

/* NONE when memory is out. */
struct str row_new_id(struct store_tx *tx);
void row_bind_key(struct db_stmt *s, int i, int64_t n); /* 0 binds null */
void row_bind_time(struct db_stmt *s, int i, bool is_there, int64_t ms);
/* Runs an insert whose row has an integer key. 0, DB_CONSTRAINT or negative. */
int row_insert(struct store_tx *tx, struct db_stmt *s, int64_t *out_n) must_check;
/* The same where nothing may refuse. */
int row_insert_sure(struct store_tx *tx, struct db_stmt *s, int64_t *out_n) must_check;
/* The key by which a name is found. Its row is `n`, 0 when there is none yet; `twin` finds another
 * one of that key. 0, DB_CONSTRAINT when there is one, or negative. */
int row_name_key(struct store_tx *tx, enum sql_id twin, int64_t n, struct str name,
		 struct str *out) must_check;
/* A statement that finds a row by that key and, among several of it, by the name itself; bound. */
int row_by_name(struct store_tx *tx, enum sql_id id, struct str name,
		struct db_stmt **out) must_check;
/* The first column of a bound statement's first row, which is reset; 0 when there is none. */
int row_i64(struct db_stmt *s, int64_t *out) must_check;
/* The same of a statement without parameters. */
int row_first_i64(struct store_tx *tx, enum sql_id id, int64_t *out) must_check;
/* The first column of a bound statement's first `max` rows; the statement is reset. */
int row_i64_list(struct store_tx *tx, struct db_stmt *s, size_t max,
		 struct store_n_list *out) must_check;
/* Runs a statement of one number that must not be refused. */
int row_run_one(struct store_tx *tx, enum sql_id id, int64_t n) must_check;
/* Runs a statement of two numbers that must not be refused. */
int row_set(struct store_tx *tx, enum sql_id id, int64_t first, int64_t second) must_check;
/* As db_run, a refusal being a fault. */
int row_run(struct store_tx *tx, struct db_stmt *s) must_check;
