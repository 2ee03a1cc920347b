/* SPDX-License-Identifier: Apache-2.0 */
/* A thread beside the loop: no signals reach it, its stack is small. */
#pragma once

#include <pthread.h>

#include "base/macros.h"

int thread_start(pthread_t *out, void *(*fn)(void *), void *data) must_check;
