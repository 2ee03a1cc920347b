/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify(3) without libsystemd: one datagram to $NOTIFY_SOCKET. Nothing happens without one. */
#pragma once

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", lines joined by newlines. Failures are of no consequence.
 */
void notify_say(const char *state);
/* Half of $WATCHDOG_USEC in ms when it is meant for us, else 0. */
int64_t notify_watchdog_ms(void);
