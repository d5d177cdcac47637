// SPDX-License-Identifier: GPL-2.0-only
#include "report/page.h"

#include <stdlib.h>

#include "report/markup.h"
#include "report/blob.h"
#include "report/parts.h"

/* ---- the page ---- */

static void blob(FILE *to, const char *from, const char *end)
{
	fwrite(from, 1, end - from, to);
}

void page_begin(FILE *to, const char *what, const char *of)
{
	markup(to,
	       "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	       "<meta name=\"color-scheme\" content=\"light dark\">\n"
	       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
	       " style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
	       "<link rel=\"icon\" href=\"data:,\">\n"
	       "<title>%s: exitcheck, %s</title>\n<style>\n",
	       what, of);
	blob(to, report_css, report_css_end);
	markup(to, "</style>\n</head>\n<body>\n");
}

void page_header(FILE *to, const json_t *document, const char *class, const char *sign,
		 const char *title, const char *text)
{
	const json_t *host = json_object_get(document, "host");

	markup(to, "<header class=\"verdict %s\">\n<p class=\"tool\">exitcheck %s</p>\n<h1>", class,
	       doc_string(document, "exitcheck"));
	if (*sign)
		markup(to, "<span class=\"sign\" aria-hidden=\"true\">%s</span>", sign);
	markup(to, "%s</h1>\n<p class=\"closing\">%s</p>\n", title, text);
	if (host)
		markup(to,
		       "<p class=\"about\">Linux %s · %s (%s) · <time datetime=\"%s\">%s UTC"
		       "</time></p>\n",
		       doc_string(host, "kernel"), doc_string(host, "cpu"), doc_string(host, "isa"),
		       report_time(document, "%Y-%m-%dT%H:%M:%SZ").s,
		       report_time(document, "%Y-%m-%d %H:%M").s);
	markup(to, "</header>\n<main>\n");
}

/* The document for the charts; a script element must not contain a plain "<". */
static void carried(FILE *to, const json_t *document)
{
	char *text = json_dumps(document, JSON_COMPACT | JSON_PRESERVE_ORDER);

	markup(to, "<script type=\"application/json\" id=\"report\">");
	for (const char *at = text; at && *at; at++) {
		if (*at == '<')
			fputs("\\u003c", to);
		else
			fputc(*at, to);
	}
	markup(to, "</script>\n");
	free(text);
}

void page_end(FILE *to, const json_t *document)
{
	markup(to, "</main>\n<footer><p>Written by exitcheck; the page is complete in itself and"
		   " asks for nothing over the network.</p></footer>\n");
	if (!report_is_error(document)) {
		carried(to, document);
		markup(to, "<script>\n");
		blob(to, chart_js, chart_js_end);
		markup(to, "</script>\n<script>\n");
		blob(to, report_js, report_js_end);
		markup(to, "</script>\n");
	}
	markup(to, "</body>\n</html>\n");
}

/* ---- sections ---- */

void section_begin(FILE *to, const char *id, const char *title)
{
	markup(to, "<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
}

void section_end(FILE *to)
{
	markup(to, "</section>\n");
}

void figure(FILE *to, const char *value, const char *what)
{
	markup(to, "<div><dt>%s</dt><dd>%s</dd></div>\n", what, value);
}

void canvas(FILE *to, const char *id, const char *title, const char *text)
{
	markup(to,
	       "<figure class=\"chart\">\n<figcaption>%s</figcaption>\n<div class=\"canvas\">"
	       "<canvas id=\"%s\" role=\"img\" aria-label=\"%s\"></canvas></div>\n</figure>\n",
	       title, id, text);
}

void machine_section(FILE *to, const json_t *document)
{
	struct report_fact facts[REPORT_MAX_FACTS];
	unsigned int nr = report_facts(document, facts);

	section_begin(to, "machine",
		      json_object_get(document, "host") ? "Machine and kernel" : "Method");
	markup(to, "<dl class=\"facts\">\n");
	for (unsigned int i = 0; i < nr; i++)
		markup(to, "<div><dt>%s</dt><dd>%s</dd></div>\n", facts[i].name, facts[i].text);
	markup(to, "</dl>\n");
	section_end(to);
}

/* ---- tables ---- */

void table_begin(FILE *to, const char *caption)
{
	markup(to,
	       "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">\n<table>\n"
	       "<caption><span>%s</span></caption>\n<thead>\n",
	       caption, caption);
}

void table_heads(FILE *to, const char *const *heads)
{
	markup(to, "<tr>");
	for (; *heads; heads++) {
		if (**heads == '#')
			markup(to, "<th scope=\"col\" class=\"n\">%s</th>", *heads + 1);
		else
			markup(to, "<th scope=\"col\">%s</th>", *heads);
	}
	markup(to, "</tr>\n</thead>\n<tbody>\n");
}

void table_end(FILE *to)
{
	markup(to, "</tbody>\n</table>\n</div>\n");
}

void number_cell(FILE *to, const char *text)
{
	markup(to, "<td class=\"n\">%s</td>", text);
}

void count_cell(FILE *to, const json_t *object, const char *key)
{
	number_cell(to, doc_count(object, key).s);
}
