/* SPDX-License-Identifier: Apache-2.0 */
/* What is told to the person: errors, hints and notes on stderr, whole lines, every foreign byte
 * neutralised. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"

/* "questd: cannot open 'x'" */
void say_error(const char *fmt, ...) printf_like(1, 2);
/* "  hint: …": what to do about the error before. */
void say_hint(const char *fmt, ...) printf_like(1, 2);
/* A secret stands on the command line, where others read it. Its exit code. */
int say_secret_on_line(void);
void say_note(const char *fmt, ...) printf_like(1, 2);
/* The error chain's message of a negative fault, as say_error, behind `what` (may be NULL). Returns
 * EXIT_FAILED. */
int say_fault(int e, const char *what);
/* The buffer to stderr as it is: it must be safe already. */
void say_ready_text(const struct buf *b);
/* The buffer to stdout, whole. EXIT_OK, or EXIT_FAILED when it cannot be written. */
int say_out(const struct buf *b);
