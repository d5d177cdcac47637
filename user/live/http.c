// SPDX-License-Identifier: GPL-2.0-only
#include "live/http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CLIENTS 16 /* others wait until they are let in */
#define MAX_IDLE 10    /* seconds in which a client takes nothing */
#define MAX_BACKLOG 64
#define MAX_TURNS 1000 /* until the loop's other work is due */

struct http {
	struct MHD_Daemon *daemon;
	const struct http_page *pages;
	void *context;
	int socket, fd;
};

/* ---- where it listens ---- */

static int parse_port(const char *text, in_port_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*port = htons(number);
	return isdigit((unsigned char)*text) && !*end && number > 0 && number <= UINT16_MAX;
}

int http_parse(const char *text, struct http_address *address, struct error *err)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&address->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address->address;
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	char host[INET6_ADDRSTRLEN + 2] = "";

	*address = (struct http_address){ 0 };
	snprintf(address->text, sizeof(address->text), "%s", text);
	if (length < sizeof(host))
		snprintf(host, length + 1, "%s", text);
	if (*host == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		six->sin6_family = AF_INET6;
		address->length = sizeof(*six);
		if (inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1 &&
		    parse_port(colon + 1, &six->sin6_port))
			return 0;
	} else if (*host) {
		four->sin_family = AF_INET;
		address->length = sizeof(*four);
		if (inet_pton(AF_INET, host, &four->sin_addr) == 1 &&
		    parse_port(colon + 1, &four->sin_port))
			return 0;
	}
	return error_set(err, STATUS_USAGE,
			 "--listen: \"%s\" is not an address and a port, as in 127.0.0.1:9798 or"
			 " [::1]:9798",
			 text);
}

static int cannot_listen(const struct http_address *address, struct error *err)
{
	return error_set(err, STATUS_CANNOT_RUN, "cannot listen on %s: %s", address->text,
			 errno == EADDRINUSE ? "another program does; --listen takes another port" :
					       strerror(errno));
}

static int open_socket(const struct http_address *address, int *fd, struct error *err)
{
	const int on = 1;

	*fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return cannot_listen(address, err);
	/* An exporter that has just ended does not keep the port. */
	setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* [::] is not 0.0.0.0, too, whatever the host's default. */
	if (address->address.ss_family == AF_INET6)
		setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (!bind(*fd, (const struct sockaddr *)&address->address, address->length) &&
	    !listen(*fd, MAX_BACKLOG))
		return 0;
	cannot_listen(address, err);
	close(*fd);
	return STATUS_CANNOT_RUN;
}

/* ---- requests ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
			      const char *type, char *text, size_t size)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* An answer that says what is wrong. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status,
			      const char *why)
{
	char *text = strdup(why);

	return text ? answer(connection, status, "text/plain; charset=utf-8", text, strlen(text)) :
		      MHD_NO;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *data, size_t *size, void **request)
{
	const struct http *http = context;
	const struct http_page *page = http->pages;
	const char *type;
	size_t length;
	char *text;

	(void)version;
	(void)data;
	/* What comes with a request is not read. */
	(void)size;
	(void)request;
	while (page->path && strcmp(page->path, path))
		page++;
	if (!page->path)
		return refuse(connection, MHD_HTTP_NOT_FOUND, "no such page; /metrics is one\n");
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD alone\n");
	type = page->make(http->context,
			  MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						      MHD_HTTP_HEADER_ACCEPT),
			  &text, &length);
	if (!type)
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "cannot be made\n");
	return answer(connection, MHD_HTTP_OK, type, text, length);
}

/* ---- the server ---- */

int http_open(struct http **http, const struct http_address *address, const struct http_page *pages,
	      void *context, struct error *err)
{
	struct http *new = calloc(1, sizeof(*new));
	const union MHD_DaemonInfo *info;
	int status;

	if (!new)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	new->pages = pages;
	new->context = context;
	status = open_socket(address, &new->socket, err);
	if (status) {
		free(new);
		return status;
	}
	new->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, new,
				       MHD_OPTION_LISTEN_SOCKET, new->socket,
				       MHD_OPTION_CONNECTION_LIMIT, (unsigned int)MAX_CLIENTS,
				       MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)MAX_IDLE,
				       MHD_OPTION_END);
	info = new->daemon ? MHD_get_daemon_info(new->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		if (!new->daemon)
			close(new->socket);
		http_close(new);
		return error_set(err, STATUS_CANNOT_RUN, "cannot serve HTTP: %s", strerror(errno));
	}
	new->fd = info->epoll_fd;
	*http = new;
	return 0;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	free(http);
}

int http_fd(const struct http *http)
{
	return http->fd;
}

void http_run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout;
	unsigned int turns = 0;

	do
		MHD_run(http->daemon);
	while (MHD_get_timeout(http->daemon, &timeout) == MHD_YES && !timeout &&
	       ++turns < MAX_TURNS);
}
