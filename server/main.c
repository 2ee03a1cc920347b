/* SPDX-License-Identifier: Apache-2.0 */
/* questd-server: start, the ready line, signals, drain. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/user.h"
#include "server/conn_http.h"
#include "server/conn_line.h"
#include "server/info.h"
#include "server/jwks.h"
#include "server/lanes.h"
#include "server/notify.h"
#include "server/request.h"
#include "server/scheduler.h"
#include "server/server.h"
#include "transport/unix.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_CONFIG = 2, EXIT_NO_SECRET = 3, EXIT_CONFLICT = 4 };

#define TICK_MS        250
#define DRAIN_TICK_MS  5
#define AFTER_DRAIN_MS 1000

struct program {
	struct server server;
	struct loop_timer tick, watchdog, drain;
	int64_t drain_until_ms, watchdog_ms;
	bool is_past_drain; /* running calls were cancelled */
	int exit_code;
};

/* ---- before anything else ---- */

static void take_descriptors(void)
{
	int fd;

	do /* 0, 1 and 2 are there, whatever we were started with */
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		(void)dup2(fd, 0);
	close(fd);
	/* fd 1 belongs to protocols: a stray print must never reach one (TM-STDIO-01) */
	(void)dup2(2, 1);
}

static void harden(void)
{
	struct rlimit none = { 0, 0 };

	take_descriptors();
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	/* where the kernel refuses these, the server is no less right, only easier to look into */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	fd_raise_limit();
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 256 * 1024);
}

static int complain(int code, const char *text)
{
	log_say("questd: %s", text);
	return code;
}

static int complain_fault(int e, const char *what)
{
	struct err_report report;

	err_take(e, &report);
	if (report.class == ERR_SYS) /* the place in the code says nothing to who can mend it */
		log_say("questd: %s: %s", what, report.text);
	else
		log_say("questd: %s: %s (%s)", what, report.text, report.chain);
	return EXIT_FAILED;
}

/* ---- while it runs ---- */

static void on_drain_tick(struct loop_timer *t)
{
	struct program *p = container_of(t, struct program, drain);
	struct server *s = &p->server;
	int64_t now = loop_now_ms(s->loop);

	if (server_is_drained(s)) {
		loop_stop(s->loop);
		return;
	}
	if (now >= p->drain_until_ms && !p->is_past_drain) {
		p->is_past_drain = true;
		p->drain_until_ms = now + AFTER_DRAIN_MS;
		list_for_each (it, tmp, &s->channels)
			channel_cancel_all(container_of(it, struct channel, link));
	} else if (now >= p->drain_until_ms) {
		loop_stop(s->loop);
		return;
	}
	if (loop_arm(s->loop, t, now + DRAIN_TICK_MS, on_drain_tick))
		loop_stop(s->loop);
}

static void begin_drain(struct program *p, const char *why)
{
	struct server *s = &p->server;

	if (s->is_draining) {
		p->drain_until_ms = loop_now_ms(s->loop); /* asked twice: now */
		return;
	}
	log_info("stopping", LOG_C("why", why));
	notify_say("STOPPING=1");
	p->drain_until_ms = loop_now_ms(s->loop) + s->options.drain_s * 1000;
	server_begin_drain(s);
	if (loop_arm(s->loop, &p->drain, loop_now_ms(s->loop) + 1, on_drain_tick))
		loop_stop(s->loop);
}

static void on_signal(void *data, int signo)
{
	begin_drain(data, signo == SIGTERM ? "SIGTERM" : signo == SIGINT ? "SIGINT" : "SIGHUP");
}

static void check_idle(struct program *p)
{
	struct server *s = &p->server;
	int64_t now = clock_boot_ms(&s->clock);

	bool is_over = now - s->last_client_ms >= s->options.idle_exit_s * 1000;

	if (s->n_channels || s->n_requests || (is_over && scheduler_has_work(s->scheduler)))
		s->last_client_ms = now;
	else if (is_over)
		begin_drain(p, "no client for as long as --idle-exit says");
}

static void on_tick(struct loop_timer *t)
{
	struct program *p = container_of(t, struct program, tick);
	struct server *s = &p->server;

	if (!s->is_draining && s->options.idle_exit_s)
		check_idle(p);
	if (!s->is_draining && conn_lines_is_lost(s->lines)) {
		log_error("the socket was removed or replaced by somebody else",
			  LOG_C("socket", s->options.paths.socket));
		p->exit_code = EXIT_FAILED;
		begin_drain(p, "socket lost");
	}
	if (loop_arm(s->loop, t, loop_now_ms(s->loop) + TICK_MS, on_tick))
		err_forget(); /* its place in the heap was there a moment ago */
}

static void on_watchdog(struct loop_timer *t)
{
	struct program *p = container_of(t, struct program, watchdog);

	notify_say("WATCHDOG=1");
	if (loop_arm(p->server.loop, t, loop_now_ms(p->server.loop) + p->watchdog_ms, on_watchdog))
		err_forget(); /* likewise */
}

/* ---- listening ---- */

static int listen_lines(struct server *s)
{
	const char *path = s->options.paths.socket;
	char text[512];
	int e = conn_lines_new(s, &s->lines);

	switch (e) {
	case 0:
		return EXIT_OK;
	case UNIX_PATH_TOO_LONG:
		snprintf(text, sizeof(text), "the socket's path '%s' is too long: use --socket",
			 path);
		return complain(EXIT_CONFIG, text);
	case UNIX_IN_USE:
		snprintf(text, sizeof(text), "another server listens at '%s'", path);
		return complain(EXIT_CONFLICT, text);
	case UNIX_NOT_OURS:
		snprintf(text, sizeof(text),
			 "'%s' is not a socket of ours: remove it, or use --socket", path);
		return complain(EXIT_CONFIG, text);
	case UNIX_OPEN_FOLDER:
		snprintf(text, sizeof(text),
			 "the folder of the socket '%s' is not yours alone to write: chmod go-w "
			 "it, or use "
			 "--socket",
			 path);
		return complain(EXIT_CONFIG, text);
	default:
		return complain_fault(e, "cannot listen on the socket");
	}
}

/* HTTP_IN_USE or HTTP_BAD_ADDRESS. */
static int complain_of_http(const struct server *s, int e, int code)
{
	char text[512];

	snprintf(text, sizeof(text),
		 e == HTTP_IN_USE ? "http.listen: '%.*s' is taken by another program"
				  : "http.listen: '%.*s' is no address of this machine",
		 STR_ARG(s->options.http));
	return complain(code, text);
}

static int listen_http(struct server *s)
{
	int e;

	if (!s->options.is_http_on)
		return EXIT_OK;
	e = conn_http_new(s, &s->http);
	if (!e)
		return EXIT_OK;
	if (e < 0)
		return complain_fault(e, "cannot serve HTTP");
	if (e == HTTP_IN_USE && !s->options.is_http_asked) {
		s->http_note = "is taken";
		return EXIT_OK;
	}
	return complain_of_http(s, e, EXIT_CONFIG);
}

/* Whether a server could listen for HTTP; a port that may be left out is no obstacle. */
static int check_listen(const struct server *s)
{
	struct http_options o;
	int e = 0;

	http_options_init(&o);
	o.address = s->options.http_address;
	o.port = s->options.http_port;
	if (s->options.is_http_on)
		e = http_try_listen(&o);
	if (e < 0)
		return complain_fault(e, "cannot serve HTTP");
	if (!e || (e == HTTP_IN_USE && !s->options.is_http_asked))
		return complain(EXIT_OK, "HTTP can listen there");
	return complain_of_http(s, e, e == HTTP_IN_USE ? EXIT_CONFLICT : EXIT_CONFIG);
}

static void say_ready(struct server *s)
{
	struct str http = server_http_text(s, &s->options.arena);

	char note[256] = "";

	if (s->http_note)
		snprintf(note, sizeof(note), " (%.*s %s)", STR_ARG(s->options.http), s->http_note);
	/* in one write: whoever has seen it may stop reading */
	log_say("questd ready socket=%s http=%.*s pid=%d%s", s->options.paths.socket, STR_ARG(http),
		(int)getpid(), note);
	if (s->options.no_auth && s->http)
		log_warn("HTTP asks for no token: whoever reaches the port may do everything",
			 LOG_S("http", http));
	notify_say("READY=1");
}

static void tell_warnings(const struct server *s)
{
	struct str_list warnings = store_warnings(s->store);

	for (size_t i = 0; i < s->options.n_warnings; i++)
		log_warn("settings", LOG_S("note", s->options.warnings[i]));
	for (size_t i = 0; i < warnings.n; i++)
		log_warn("store", LOG_S("note", warnings.v[i]));
}

/* ---- life ---- */

/* What root makes in another user's folder would lock its owner out. A server that only reads, and
 * may not write there, makes nothing. */
static int check_owner(const struct options *o)
{
	const char *path = o->paths.data_dir;
	struct user_text owner;
	char text[512];
	uid_t uid;

	if (!user_is_another(path, &uid) || (o->read_only && access(path, W_OK) != 0))
		return EXIT_OK;
	user_text(uid, &owner);
	snprintf(text, sizeof(text),
		 "the data directory '%s' belongs to %s, not to you: run it as that user (sudo -u "
		 "%s questd ...), or give another --data-dir",
		 path, owner.who, owner.sudo);
	return complain(EXIT_CONFIG, text);
}

/* Where nothing may be written, nothing can be put right either. */
static int make_data_dir(struct server *s)
{
	const char *path = s->options.paths.data_dir;
	bool is_closed = false;
	unsigned mode = 0;
	char text[512];
	int e = s->options.read_only ? 0 : paths_make_private(path, &is_closed, &mode);

	if (e < 0)
		return complain_fault(e, "cannot make the data directory");
	if (e == PATHS_SHARED) {
		snprintf(text, sizeof(text),
			 "the data directory '%s' is open to other users (mode %04o) and not "
			 "questd's alone: give another --data-dir, or chmod 0700 it",
			 path, mode);
		return complain(EXIT_CONFIG, text);
	}
	if (is_closed)
		log_warn("the data directory was open to other users and is closed now",
			 LOG_C("data_dir", path));
	return EXIT_OK;
}

static int open_all(struct program *p)
{
	struct server *s = &p->server;
	struct store_problem problem = { 0 };
	int e = make_data_dir(s);

	if (e)
		return e;
	e = server_init(s, &problem);
	if (e == SERVER_NO_STORE)
		return complain(problem.kind == STORE_LOCKED ? EXIT_CONFLICT : EXIT_FAILED,
				problem.text);
	if (e == SERVER_NO_ACCESS)
		return complain(EXIT_CONFIG, problem.text);
	if (e)
		return complain_fault(e, "cannot start");
	tell_warnings(s);
	e = listen_lines(s);
	return e ? e : listen_http(s);
}

static int arm_all(struct program *p)
{
	static const int signos[] = { SIGTERM, SIGINT, SIGHUP };
	struct loop *l = p->server.loop;
	int64_t now = clock_boot_ms(&p->server.clock);
	int e = loop_add_signals(l, signos, ARRAY_LEN(signos), on_signal, p);

	if (!e)
		e = loop_arm(l, &p->tick, now + TICK_MS, on_tick);
	p->watchdog_ms = notify_watchdog_ms();
	if (!e && p->watchdog_ms)
		e = loop_arm(l, &p->watchdog, now, on_watchdog);
	return e ? complain_fault(e, "cannot start") : EXIT_OK;
}

static void disarm_all(struct program *p)
{
	loop_disarm(&p->tick);
	loop_disarm(&p->watchdog);
	loop_disarm(&p->drain);
}

static int serve(struct program *p)
{
	struct server *s = &p->server;
	int e = open_all(p);

	if (!e)
		e = arm_all(p);
	if (e)
		return e;
	say_ready(s);
	e = loop_run(s->loop);
	if (e)
		p->exit_code = complain_fault(e, "the loop ended");
	if (lanes_is_fatal(s->lanes)) {
		/* nothing of what is in memory may reach the disk or a client any more */
		log_say("questd: the store is lost: start again to recover what was committed");
		_exit(EXIT_FAILED);
	}
	if (!server_is_drained(s)) {
		log_warn("calls did not end in time; the store is crash-safe",
			 LOG_I("calls", s->n_requests));
		_exit(p->exit_code);
	}
	return p->exit_code;
}

static int restore(struct program *p)
{
	struct server *s = &p->server;
	struct store_problem problem = { 0 };
	int e = server_restore(s, &problem);

	if (e == SERVER_NO_STORE)
		return complain(problem.kind == STORE_LOCKED ? EXIT_CONFLICT : EXIT_FAILED,
				problem.text);
	if (e)
		return complain_fault(e, "cannot restore");
	log_say("questd: restored '%s' into '%s'", s->options.restore, s->options.paths.database);
	log_say("questd: secrets in it open with the master key of their time, which no backup "
		"holds: questd doctor%s says where it is missing",
		s->options.paths.flags);
	return EXIT_OK;
}

/* Beyond the settings themselves: the file of keys that one of them names. */
static int check_config(struct server *s)
{
	const struct options *o = &s->options;
	char text[sizeof(((struct err_report *)0)->text) + 16];
	struct err_report report;
	struct jwks *keys = NULL;
	int e = o->auth_issuer.p ? jwks_new(o->auth_keys.p, &keys) : 0;

	jwks_free(keys);
	if (e) {
		err_take(e, &report);
		snprintf(text, sizeof(text), "auth.keys: %s", report.text);
		return complain(EXIT_CONFIG, text);
	}
	if (o->n_warnings > 0)
		return complain(EXIT_FAILED, o->warnings[0].p);
	return complain(EXIT_OK, o->config_path ? o->config_path : "all settings are the defaults");
}

/* What is wrong with the settings has been said before (code 2); 1 is a warning or an unsound
 * database. */
static int check(struct program *p)
{
	struct server *s = &p->server;
	struct store_problem problem = { 0 };
	bool is_there = false;
	int e;

	if (s->options.check == OPTIONS_CHECK_CONFIG)
		return check_config(s);
	if (s->options.check == OPTIONS_CHECK_ADDRESS)
		return complain(EXIT_OK, s->options.is_http_on ? s->options.http.p : "off");
	if (s->options.check == OPTIONS_CHECK_LISTEN)
		return check_listen(s);
	e = server_look(s, &is_there, &problem);
	if (e == SERVER_NO_STORE)
		return complain(EXIT_FAILED, problem.text);
	if (e)
		return complain_fault(e, "cannot look at the database");
	if (is_there && server_look_keys(s))
		return complain(EXIT_NO_SECRET, "the database is sound, but not its keys' secret");
	return complain(EXIT_OK, is_there ? "the database is sound" : "there is no database yet");
}

static int run(struct program *p, int argc, char **argv)
{
	struct options_error error;
	CLEANUP(buf_deinit) struct buf usage;
	int e = options_read(&p->server.options, argc - 1, argv + 1, environ, &error);

	buf_init(&usage, 0);
	switch (e) {
	case 0:
		break;
	case OPTIONS_BAD:
		return complain(EXIT_CONFIG, error.text);
	case OPTIONS_HELP:
		options_usage(&usage);
		fprintf(stderr, "%.*s", STR_ARG(buf_str(&usage)));
		return EXIT_OK;
	case OPTIONS_VERSION:
		fprintf(stderr, "questd-server %s\n", QUESTD_VERSION);
		return EXIT_OK;
	default:
		return complain_fault(e, "cannot read the settings");
	}
	if (p->server.options.check)
		return check(p);
	log_init(2, p->server.options.log_level, p->server.options.log_format);
	e = check_owner(&p->server.options);
	if (e)
		return e;
	return p->server.options.restore ? restore(p) : serve(p);
}

int main(int argc, char **argv)
{
	struct program *p;
	int code;

	harden();
	p = calloc(1, sizeof(*p));
	if (!p)
		return complain(EXIT_FAILED, "out of memory");
	code = run(p, argc, argv);
	disarm_all(p);
	server_deinit(&p->server);
	free(p);
	return code;
}
