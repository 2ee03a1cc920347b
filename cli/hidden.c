/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal is told to show nothing and to make no signals of keys, so that ^C comes as a byte;
 * signals of others are held back and read as bytes too. So there is no moment in which the program
 * could end and leave the terminal mute. */
#include "cli/hidden.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "cli/say.h"

#define VALUE_MAX 32768

enum { KEY_INTERRUPT = 3, KEY_END = 4, KEY_BACKSPACE = 8, KEY_KILL = 21, KEY_DELETE = 127 };

struct hidden {
	struct buf *out;
	int signal_fd;
	int signo; /* that came; 0 = none */
	bool is_over, is_interrupted;
};

static void take_off(struct buf *b)
{
	while (buf_len(b) && (b->p[b->tail - 1] & 0xc0) == 0x80)
		b->tail--; /* a letter of several bytes goes whole */
	if (buf_len(b))
		b->tail--;
}

static void take(struct hidden *h, char key)
{
	switch (key) {
	case KEY_INTERRUPT:
		h->is_over = h->is_interrupted = true;
		return;
	case '\r':
	case '\n':
	case KEY_END:
		h->is_over = true;
		return;
	case KEY_BACKSPACE:
	case KEY_DELETE:
		take_off(h->out);
		return;
	case KEY_KILL:
		buf_wipe(h->out);
		return;
	default:
		buf_put_char(h->out, key);
	}
}

static int read_keys(struct hidden *h)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { h->signal_fd, POLLIN, 0 } };
	struct signalfd_siginfo info;
	char key;

	while (!h->is_over && !h->out->failed) {
		if (poll(fds, 2, -1) < 0)
			return err_sys("cannot wait for the terminal");
		if (fds[1].revents) {
			if (read(h->signal_fd, &info, sizeof(info)) == sizeof(info))
				h->signo = (int)info.ssi_signo;
			return 0;
		}
		ssize_t n = read(STDIN_FILENO, &key, 1);

		if (n < 0)
			return err_sys("cannot read from the terminal");
		if (n == 0)
			return 0;
		take(h, key);
	}
	return h->out->failed ? err_nomem() : 0;
}

static int read_mute(struct hidden *h, const char *prompt)
{
	struct termios before, mute;
	int e;

	if (tcgetattr(STDIN_FILENO, &before))
		return err_sys("cannot tell the terminal to show nothing");
	mute = before;
	mute.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	mute.c_cc[VMIN] = 1;
	mute.c_cc[VTIME] = 0;
	/* what was typed before the prompt is not thrown away: nobody would type it again */
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &mute))
		return err_sys("cannot tell the terminal to show nothing");
	dprintf(STDERR_FILENO, "%s", prompt);
	e = read_keys(h);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before); /* there is no other way back */
	dprintf(STDERR_FILENO, "\n");
	return err_trace(e);
}

int hidden_read(struct cli *c, const char *prompt, struct buf *out)
{
	static const int held[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	struct hidden h = { .out = out };
	sigset_t set, before;
	int e;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		sigaddset(&set, held[i]);
	sigprocmask(SIG_BLOCK, &set, &before);
	out->limit = VALUE_MAX;
	h.signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	e = h.signal_fd < 0 ? err_sys("cannot watch for signals") : read_mute(&h, prompt);
	fd_close(&h.signal_fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (h.signo) {
		buf_wipe(out);
		(void)raise(h.signo);
	}
	if (h.is_interrupted || h.signo)
		return EXIT_INTERRUPTED;
	return e ? say_fault(e, NULL) : 0;
}
