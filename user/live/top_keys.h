/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TOP_KEYS_H
#define TOP_KEYS_H

/* The keys of `exitcheck top`, and what they do. */

/* Keys that are no byte of a character. */
enum {
	TOP_KEY_NONE,
	TOP_KEY_TAB = '\t',
	TOP_KEY_ENTER = '\n',
	TOP_KEY_ESCAPE = 0x1b,
	TOP_KEY_BACKSPACE = 0x7f,
	TOP_KEY_UP = 0x100,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_F1,
	TOP_KEY_F10,
	TOP_KEY_OTHER, /* such as one that says that the terminal has another size */
};

enum top_action {
	TOP_UP,
	TOP_DOWN,
	TOP_PAGE_UP,
	TOP_PAGE_DOWN,
	TOP_FIRST,
	TOP_LAST,
	TOP_ENTER,
	TOP_BACK,
	TOP_NEXT_LIST,
	TOP_SORT_BEFORE,
	TOP_SORT_AFTER,
	TOP_REVERSE,
	TOP_FILTER,
	TOP_FREEZE,
	TOP_TOTALS,
	TOP_HELP,
	TOP_QUIT,
};

#define TOP_MAX_KEYS 3

/* The table of keys: the help window has it, the last line of the screen, and the man page. */
struct top_binding {
	enum top_action action;
	int keys[TOP_MAX_KEYS];
	const char *names; /* of the keys */
	const char *help;
	const char *brief; /* in the last line, NULL: not there */
};

extern const struct top_binding top_bindings[];
extern const unsigned int nr_top_bindings;

#endif
