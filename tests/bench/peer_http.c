/* SPDX-License-Identifier: Apache-2.0 */
/* The limit for HTTP: libmicrohttpd with an epoll loop of our own around it, that reads a body and
 *answers with so many bytes.
 *
 *	bench-peer-http REPLY_BYTES: prints its port */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

static char reply[1 << 20];
static size_t n_reply;

static enum MHD_Result handle(void *data, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *n_upload, void **state)
{
	struct MHD_Response *r;
	enum MHD_Result e;

	(void)data, (void)url, (void)method, (void)version, (void)upload;
	if (!*state) {
		*state = reply;
		return MHD_YES;
	}
	if (*n_upload) {
		*n_upload = 0;
		return MHD_YES;
	}
	r = MHD_create_response_from_buffer(n_reply, reply, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(r, "Content-Type", "application/json");
	e = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return e;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event e = { .events = EPOLLIN };
	struct MHD_Daemon *d;
	int ep = epoll_create1(EPOLL_CLOEXEC), inner;

	n_reply = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	if (n_reply < 16 || n_reply > sizeof(reply))
		return 2;
	memset(reply, 'x', n_reply);
	memcpy(reply, "\"result\"", 8);
	d = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL,
			     handle, NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&a,
			     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_END);
	if (!d)
		return 1;
	inner = MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	printf("%d\n", MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port);
	fflush(stdout);
	epoll_ctl(ep, EPOLL_CTL_ADD, inner, &e);
	for (;;) {
		MHD_UNSIGNED_LONG_LONG wait;
		int timeout = MHD_get_timeout(d, &wait) == MHD_YES ? (int)wait : -1;

		epoll_wait(ep, &e, 1, timeout);
		MHD_run(d);
	}
}
