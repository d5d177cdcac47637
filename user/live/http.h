/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HTTP_H
#define HTTP_H

/* A server of some pages that are made when they are asked for. It has no thread: a loop of the caller's runs it. */

#include <stddef.h>
#include <sys/socket.h>

#include "util/error.h"

struct http_address {
	struct sockaddr_storage address;
	socklen_t length;
	char text[64]; /* "127.0.0.1:9798", "[::1]:9798" */
};

/* Reads such an address: numbers alone, so that no name is looked up. STATUS_USAGE. */
int http_parse(const char *text, struct http_address *address, struct error *err);

struct http_page {
	const char *path;
	/*
	 * Makes it, in *text, which is freed; accept: what the client says that it takes, NULL: nothing.
	 * Returns its type, NULL if it cannot be made.
	 */
	const char *(*make)(void *context, const char *accept, char **text, size_t *size);
};

struct http;

/* Listens; pages end with one that has no path. STATUS_CANNOT_RUN. */
int http_open(struct http **http, const struct http_address *address, const struct http_page *pages,
	      void *context, struct error *err);
void http_close(struct http *http);

/* Readable when there is something to do. */
int http_fd(const struct http *http);

/* Does what there is to do, and waits for nothing: when http_fd() is readable, and some times a second. */
void http_run(struct http *http);

#endif
