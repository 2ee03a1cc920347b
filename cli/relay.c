/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's loop. A client's line is noted (its id is open, its handshake kept) once it has been
 * written to the server in full; until then it can go to another server as if nothing had been. A
 * server's line is handed on only when it has come in full. */
#include "cli/relay.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/rpc_limits.h"
#include "cli/relay_hello.h"
#include "cli/relay_io.h"
#include "cli/relay_link.h"
#include "cli/relay_notes.h"
#include "cli/relay_pages.h"
#include "cli/relay_unreadable.h"
#include "cli/relay_wait.h"
#include "cli/say.h"
#include "cli/toolsets.h"
#include "cli/where.h"
#include "types.gen.h"

/* Twice the server's limit: a line below it is the server's to refuse. */
#define UP_LINE_MAX (2 * RPC_LINE_MAX)
/* Twice the most that a server keeps for a connection. */
#define DOWN_LINE_MAX   (32 * 1024 * 1024)
#define QUEUE_MAX       (1024 * 1024) /* whole lines that wait before reading stops */
#define DRAIN_MS        1800          /* from the client's end to ours, when it is owed nothing */
#define WAIT_MS         60000         /* when it is: longer than the longest wait of a call */
#define SIGNAL_DRAIN_MS 500
#define PARENT_DIED     SIGUSR1

struct relay {
	struct relay_wait wait;
	struct relay_link link;
	struct relay_notes notes;
	struct relay_lines up, down;
	struct buf first; /* to say to a new server before anything else */
	struct buf hello;
	int64_t end_ms;      /* 0 = none */
	int64_t drain_ms;    /* likewise; when nothing is owed any more */
	const char *end_why; /* for the calls that are open then */
	pid_t parent;
	struct relay_out out;
	int signal_fd, exit_code;
	bool is_input_over, is_output_over;
	bool was_up;      /* there has been a server */
	bool is_doomed;   /* there never was, and there will be none */
	bool is_skipping; /* a line beyond UP_LINE_MAX */
};

struct relay_flags {
	const char *toolsets;
	bool read_only, is_private;
};

const struct args_option relay_options[] = {
	{ "toolsets", ARGS_TEXT, offsetof(struct relay_flags, toolsets), "A,B",
	  "offer the tools of these toolsets only" },
	{ "read-only", ARGS_FLAG, offsetof(struct relay_flags, read_only), NULL,
	  "let nothing be changed, by tools or by methods" },
	{ "private", ARGS_FLAG, offsetof(struct relay_flags, is_private), NULL,
	  "keep a server of its own, that ends with it" },
};
const size_t relay_n_options = ARRAY_LEN(relay_options);

static struct relay_refusal refusal_of(enum error_code code, struct str message)
{
	const struct error_info *info = &error_table[code];

	return (struct relay_refusal){ info->code, info->name, message.p ? message : info->message,
				       info->hint, info->is_retryable };
}

static int64_t now_ms(void)
{
	return clock_boot_ms(&(struct clock){ 0 });
}

/* ---- from the client to the server ---- */

/* Writes what it can. A broken connection is seen by reading from it. */
static void flush_up(struct relay *r)
{
	int out = r->link.ends.out;

	while (out >= 0 && buf_len(&r->first) > 0) {
		struct str s = buf_str(&r->first);
		ssize_t n = write(out, s.p, s.n);

		if (n <= 0)
			return;
		buf_eat(&r->first, (size_t)n);
	}
	while (out >= 0 && r->link.is_proven && r->up.whole > r->up.written) {
		struct str s = str_slice(buf_str(&r->up.buf), 0, r->up.whole);
		ssize_t n = write(out, s.p + r->up.written, s.n - r->up.written);

		if (n <= 0)
			return;
		r->up.written += (size_t)n;
		const char *last = memrchr(s.p, '\n', r->up.written);
		size_t done = last ? (size_t)(last - s.p) + 1 : 0;

		r->up.written -= done;
		relay_notes_take_all(&r->notes, str_slice(s, 0, done), true);
		relay_lines_eat(&r->up, done);
	}
	if (r->is_input_over && out >= 0 && r->link.is_proven && r->up.whole == 0) {
		relay_link_end_output(&r->link);
		relay_wait_forget(&r->wait, RELAY_SERVER_OUT);
	}
}

/* `wait_ms`: how long for what the client is owed. */
static void end_input(struct relay *r, int64_t wait_ms, const char *why)
{
	int64_t now = now_ms(), end = now + wait_ms;
	struct str line;

	if (!r->is_input_over && buf_len(&r->up.buf) > r->up.whole && !r->is_skipping) {
		buf_put_char(&r->up.buf,
			     '\n'); /* a last line without its newline is one all the same */
		(void)relay_lines_next(&r->up, &line);
	}
	r->is_input_over = true;
	if (r->drain_ms == 0)
		r->drain_ms = now + DRAIN_MS;
	if (r->end_ms == 0 || end < r->end_ms) {
		r->end_ms = end;
		r->end_why = why;
	}
}

/* A line that no server would take: said once, the rest of it is skipped. */
static void refuse_long_line(struct relay *r)
{
	struct relay_refusal why = refusal_of(ERROR_INVALID_REQUEST, STR_NONE);
	struct buf line;
	char text[64];

	snprintf(text, sizeof(text), "the message is longer than %d bytes", RPC_LINE_MAX);
	why.message = str_from(text);
	why.hint = STR(RPC_LINE_HINT);
	buf_init(&line, 0);
	relay_refusal_put(&why, STR("null"), &line);
	relay_lines_insert(&r->down, buf_str(&line));
	buf_deinit(&line);
	r->is_skipping = true;
	relay_lines_drop_rest(&r->up);
}

static int read_client(struct relay *r)
{
	struct str line;
	int e = relay_lines_read(&r->up, STDIN_FILENO);

	if (e < 0)
		return err_trace(e);
	while (relay_lines_next(&r->up, &line)) {
		if (TAKE(r->is_skipping, false))
			relay_lines_drop_last(&r->up, line);
	}
	if (r->is_skipping)
		relay_lines_drop_rest(&r->up);
	else if (buf_len(&r->up.buf) - r->up.whole > UP_LINE_MAX)
		refuse_long_line(r);
	if (e == RELAY_IO_END)
		end_input(r, WAIT_MS, "questd mcp ended: so had its input");
	flush_up(r);
	return 0;
}

/* ---- from the server to the client ---- */

static void flush_down(struct relay *r)
{
	while (r->down.whole > 0 && !r->is_output_over) {
		ssize_t n = relay_out_write(&r->out, buf_str(&r->down.buf).p, r->down.whole);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			r->is_output_over = true;
			/* a client that has gone is the usual end; a full disk is none */
			if (errno != EPIPE && errno != ECONNRESET)
				r->exit_code = say_fault(err_sys("cannot write an answer"), NULL);
		}
		if (n <= 0)
			return;
		relay_lines_eat(&r->down, (size_t)n);
	}
}

/* Lines that no server will see and that have no id to be answered by. True when there are some. */
static bool refuse_unreadable(struct relay *r, struct str lines)
{
	struct buf answers;
	bool has_any;

	buf_init(&answers, 0);
	relay_refuse_unreadable(&r->notes.scratch, lines, &answers);
	has_any = buf_len(&answers) > 0;
	relay_lines_insert(&r->down, buf_str(&answers));
	buf_deinit(&answers);
	return has_any;
}

static void answer_open(struct relay *r, const struct relay_refusal *why)
{
	struct buf lines;

	buf_init(&lines, 0);
	relay_notes_settle(&r->notes);
	relay_open_answer_all(&r->notes.open, why, &lines);
	relay_lines_insert(&r->down, buf_str(&lines));
	buf_deinit(&lines);
}

static void lose_server(struct relay *r)
{
	struct relay_refusal why = refusal_of(ERROR_INTERRUPTED, STR_NONE);

	relay_link_lost(&r->link, now_ms());
	relay_wait_forget(&r->wait, RELAY_SERVER);
	relay_wait_forget(&r->wait, RELAY_SERVER_OUT);
	relay_lines_drop_rest(&r->down);
	buf_clear(&r->first);
	r->up.written = 0;
	relay_replay_hold(&r->notes.replay, &r->notes.open);
	answer_open(r, &why);
	relay_replay_release(&r->notes.replay, &r->notes.open);
}

/* Without its key the client would be somebody else: there is no other server for it. */
static void give_up(struct relay *r)
{
	snprintf(r->link.failure.text, sizeof(r->link.failure.text),
		 "the key that was used has ended");
	say_error("%s", r->link.failure.text);
	r->is_doomed = true;
	r->exit_code = EXIT_DENIED;
	r->end_ms = now_ms();
}

static int read_server(struct relay *r)
{
	bool is_refused = false;
	struct str line;
	int e = relay_lines_read(&r->down, r->link.ends.in);

	if (e < 0)
		return err_trace(e);
	while (relay_lines_next(&r->down, &line)) {
		enum relay_verdict v = relay_notes_judge(&r->notes, str_slice(line, 0, line.n - 1));

		if (v == RELAY_PASS)
			continue;
		relay_lines_drop_last(&r->down, line);
		if (v == RELAY_LIVES) {
			relay_link_proved(&r->link);
			relay_pages_drop();
		}
		is_refused = is_refused || v == RELAY_STOPS || v == RELAY_REFUSED;
		if (v == RELAY_REFUSED)
			give_up(r);
	}
	if (e == RELAY_IO_END || is_refused ||
	    buf_len(&r->down.buf) - r->down.whole > DOWN_LINE_MAX)
		lose_server(r);
	flush_down(r);
	return 0;
}

/* ---- coming up, failing, ending ---- */

static void greet_server(struct relay *r)
{
	r->was_up = true;
	buf_clear(&r->first);
	buf_put_str(&r->first, buf_str(&r->hello));
	relay_replay_put(&r->notes.replay, &r->notes.open, &r->first);
	/* A server that is being killed still takes connections for a moment; what it is given then
	 * would be lost. */
	relay_replay_put_probe(&r->notes.replay, &r->first);
	flush_up(r);
}

/* There is no server: whoever waits is told why. */
static void refuse_all(struct relay *r)
{
	struct relay_refusal why = refusal_of(ERROR_INTERNAL, str_from(r->link.failure.text));
	struct str all = str_slice(buf_str(&r->up.buf), 0, r->up.whole);
	const char *flags = r->link.paths->flags;
	char hint[1200];

	snprintf(hint, sizeof(hint),
		 "run questd doctor%s; questd logs%s shows what the server said", flags, flags);

	why.hint = r->link.failure.code == EXIT_CONFLICT
		       ? STR("a folder has one server: end the other, or use another folder: "
			     "--data-dir DIR")
		       : str_from(hint);
	if (!r->was_up && !TAKE(r->is_doomed, true)) {
		say_error("%s", r->link.failure.text);
		r->exit_code = r->link.failure.code;
		r->end_ms = now_ms() + DRAIN_MS;
	}
	bool is_told = refuse_unreadable(r, all);

	relay_notes_take_all(&r->notes, all, false);
	relay_lines_eat(&r->up, r->up.whole);
	if (r->is_doomed && (is_told || r->notes.open.ids.n > 0 || r->is_input_over))
		r->end_ms = now_ms();
	answer_open(r, &why);
	flush_down(r);
}

static void step_link(struct relay *r)
{
	bool is_wanted = !r->was_up || r->up.whole > 0 || r->notes.open.ids.n > 0;
	bool is_needed = r->up.whole > 0 || relay_open_is_owed(&r->notes.open);

	/* A client that has gone needs no other server but for what it has still said. */
	if (relay_link_is_up(&r->link) || (r->is_input_over && !is_needed))
		return;
	if (r->is_doomed) {
		refuse_all(r);
		return;
	}
	switch (relay_link_step(&r->link, now_ms(), is_wanted)) {
	case LINK_UP:
		greet_server(r);
		break;
	case LINK_FAILED:
		if (is_wanted)
			refuse_all(r);
		break;
	case LINK_WAITING:
		break;
	}
}

static bool is_owed(const struct relay *r)
{
	return r->up.whole > 0 || r->down.whole > 0 || relay_open_is_owed(&r->notes.open);
}

/* When it is over whatever is still open; 0 = no such time. */
static int64_t end_ms(const struct relay *r)
{
	return r->drain_ms && !is_owed(r) ? MIN(r->drain_ms, r->end_ms) : r->end_ms;
}

static bool is_over(struct relay *r)
{
	struct relay_refusal why = refusal_of(ERROR_INTERRUPTED, str_from(r->end_why));
	int64_t end = end_ms(r);

	if (r->is_output_over)
		return true;
	if ((end == 0 || now_ms() < end) &&
	    !(r->is_input_over && !relay_link_is_up(&r->link) && !is_owed(r)))
		return false;
	answer_open(r, &why);
	flush_down(r);
	return true;
}

static void handle_signal(struct relay *r)
{
	struct signalfd_siginfo info;

	if (read(r->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == PARENT_DIED) {
		/* The kernel speaks of the thread that forked us; the process may well live on. */
		r->is_output_over = r->is_output_over || getppid() != r->parent;
		return;
	}
	if (info.ssi_signo == SIGINT)
		r->exit_code = EXIT_INTERRUPTED;
	end_input(r, SIGNAL_DRAIN_MS, "questd mcp ended: a signal told it to");
	flush_up(r);
}

static int wait_ms(const struct relay *r)
{
	int64_t now = now_ms(), at = end_ms(r) ? end_ms(r) : INT64_MAX;

	if (!relay_link_is_up(&r->link) && r->link.starting.report_fd < 0 && !r->is_doomed) {
		int64_t again = r->link.failure.at_ms ? r->link.failure.at_ms + 1000
						      : r->link.next_try_ms;

		at = MIN(at, again);
	}
	return at == INT64_MAX ? -1 : (int)MAX(MIN(at - now, 60000), 0);
}

/* What is worth waiting for now. */
static int want(struct relay *r)
{
	bool takes_input = !r->is_input_over && r->up.whole < QUEUE_MAX;
	bool takes_answers = r->down.whole < QUEUE_MAX;
	bool is_up_pending = (r->up.whole > 0 && r->link.is_proven) || buf_len(&r->first) > 0;
	struct relay_wait *w = &r->wait;
	int e = relay_wait_want(w, RELAY_INPUT, takes_input ? STDIN_FILENO : -1, EPOLLIN);

	if (!e)
		e = relay_wait_want(w, RELAY_SERVER, r->link.ends.in, takes_answers ? EPOLLIN : 0u);
	if (!e)
		e = relay_wait_want(w, RELAY_SERVER_OUT, r->link.ends.out,
				    is_up_pending ? EPOLLOUT : 0u);
	if (!e)
		e = relay_wait_want(w, RELAY_OUTPUT, r->out.fd, r->down.whole > 0 ? EPOLLOUT : 0u);
	if (!e)
		e = relay_wait_want(w, RELAY_REPORT, r->link.starting.report_fd, EPOLLIN);
	return err_trace(e);
}

static int handle_server(struct relay *r, const uint32_t *ready)
{
	int e = 0;

	if (ready[RELAY_SERVER] && relay_link_is_up(&r->link))
		e = read_server(r);
	if (!e && (ready[RELAY_SERVER] || ready[RELAY_SERVER_OUT]))
		flush_up(r);
	return err_trace(e);
}

static void handle_report(struct relay *r)
{
	relay_wait_forget(&r->wait, RELAY_REPORT);
	relay_link_on_report(&r->link, now_ms());
	if (relay_link_is_up(&r->link))
		greet_server(r);
}

static int turn(struct relay *r)
{
	const uint32_t *ready = r->wait.ready;
	int e = want(r);

	if (!e)
		e = relay_wait_turn(&r->wait, wait_ms(r));
	if (e)
		return err_trace(e);
	if (ready[RELAY_SIGNAL])
		handle_signal(r);
	if (ready[RELAY_OUTPUT] & (EPOLLERR | EPOLLHUP))
		r->is_output_over = true; /* nobody reads what we say */
	else if (ready[RELAY_OUTPUT])
		flush_down(r);
	e = handle_server(r, ready);
	if (ready[RELAY_REPORT])
		handle_report(r);
	if (!e && ready[RELAY_INPUT])
		e = read_client(r);
	return err_trace(e);
}

static int watch_signals(struct relay *r)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < 4; i++)
		sigaddset(&set, (int[]){ SIGTERM, SIGINT, SIGHUP, PARENT_DIED }[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signal_fd < 0)
		return err_sys("cannot watch signals");
	int e = relay_wait_want(&r->wait, RELAY_SIGNAL, r->signal_fd, EPOLLIN);

	if (e)
		return err_trace(e);
	r->parent = getppid();
	prctl(PR_SET_PDEATHSIG, PARENT_DIED);
	r->is_output_over = getppid() != r->parent;
	return 0;
}

static int serve_client(struct relay *r)
{
	int e = watch_signals(r);

	while (!e) {
		step_link(r);
		if (is_over(r))
			break;
		e = turn(r);
	}
	return err_trace(e);
}

static void relay_deinit(struct relay *r)
{
	relay_link_deinit(&r->link);
	relay_notes_deinit(&r->notes);
	relay_lines_deinit(&r->up);
	relay_lines_deinit(&r->down);
	buf_deinit(&r->first);
	buf_deinit(&r->hello);
	fd_close(&r->out.fd);
	fd_close(&r->signal_fd);
	relay_wait_deinit(&r->wait);
}

/* A socket somebody names belongs to a server somebody runs. */
static bool may_start(const struct cli *c, const struct relay_flags *f)
{
	return !c->globals.socket || c->globals.data_dir || f->is_private;
}

int relay_run(struct cli *c, struct args *a)
{
	struct relay r = { .signal_fd = -1, .out = { .fd = -1 } };
	struct relay_flags flags = { 0 };
	struct args_spec spec = { .options = relay_options,
				  .n_options = relay_n_options,
				  .into = &flags };
	struct paths paths;
	int code = args_parse(c, a, &spec);

	if (!code && c->globals.url) {
		say_error("questd mcp speaks to a server of this machine, not over --url");
		say_hint("give the client the URL itself: %s/mcp", c->globals.url);
		return EXIT_USAGE;
	}
	if (!code)
		code = toolsets_check(flags.toolsets);
	if (!code)
		code = may_start(c, &flags) ? where_own_paths(c, &paths) : where_paths(c, &paths);
	if (code)
		return code;
	if (c->is_tty_in)
		say_note(
		    "questd: note: this is for MCP clients, which start it themselves: it reads "
		    "JSON, a message a line; Ctrl-D ends it");
	relay_notes_init(&r.notes);
	relay_lines_init(&r.up);
	relay_lines_init(&r.down);
	buf_init(&r.first, 0);
	buf_init(&r.hello, 0);
	relay_link_init(&r.link, &r.notes.scratch, &paths, may_start(c, &flags), flags.is_private);
	relay_hello_put(&r.hello, flags.toolsets, flags.read_only);
	/* What a large message took goes back to the system. */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	mallopt(M_TRIM_THRESHOLD, 128 * 1024);
	int e = relay_wait_init(&r.wait);

	if (!e)
		e = relay_out_init(&r.out);
	if (!e && c->globals.token_file)
		code = relay_hello_key(&r.notes, c);
	if (!e && !code)
		e = serve_client(&r);

	code = e ? say_fault(e, NULL) : code ? code : r.exit_code;
	relay_deinit(&r);
	return code;
}
