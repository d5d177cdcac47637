// SPDX-License-Identifier: GPL-2.0-only
#include "live/top_screen.h"

#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

#include "util/array.h"

#define ESCAPE_MS 25 /* that an escape sequence may take to arrive */

enum {
	PAIR_GOOD = 1,
	PAIR_BAD,
	PAIR_CHOSEN,
};

static const struct {
	int curses, key;
} keys[] = {
	{ KEY_UP, TOP_KEY_UP },
	{ KEY_DOWN, TOP_KEY_DOWN },
	{ KEY_LEFT, TOP_KEY_LEFT },
	{ KEY_RIGHT, TOP_KEY_RIGHT },
	{ KEY_PPAGE, TOP_KEY_PAGE_UP },
	{ KEY_NPAGE, TOP_KEY_PAGE_DOWN },
	{ KEY_HOME, TOP_KEY_HOME },
	{ KEY_END, TOP_KEY_END },
	{ KEY_ENTER, TOP_KEY_ENTER },
	{ '\r', TOP_KEY_ENTER },
	{ KEY_BACKSPACE, TOP_KEY_BACKSPACE },
	{ '\b', TOP_KEY_BACKSPACE },
	{ KEY_F(1), TOP_KEY_F1 },
	{ KEY_F(10), TOP_KEY_F10 },
};

static SCREEN *screen;
static bool is_utf8;

static int no_screen(struct error *err)
{
	const char *term = getenv("TERM");

	return error_set(err, STATUS_CANNOT_RUN,
			 "the terminal \"%s\" cannot show a screen: set TERM to what it is, or use"
			 " exitcheck stat --interval 1",
			 term ? term : "");
}

int top_screen_check(struct error *err)
{
	int why;

	if (setupterm(NULL, STDOUT_FILENO, &why) != OK || !cursor_address || !clear_screen)
		return no_screen(err);
	return 0;
}

int top_screen_open(bool color, struct error *err)
{
	setlocale(LC_CTYPE, "");
	is_utf8 = MB_CUR_MAX > 1;
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return no_screen(err);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	if (color && has_colors()) {
		start_color();
		use_default_colors();
		init_pair(PAIR_GOOD, COLOR_GREEN, -1);
		init_pair(PAIR_BAD, COLOR_RED, -1);
		init_pair(PAIR_CHOSEN, COLOR_CYAN, -1);
	}
	return 0;
}

void top_screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
	/* ncurses' own handlers would end the process with a status that means something else. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static attr_t attributes(enum top_role role)
{
	switch (role) {
	case TOP_PLAIN:
		return A_NORMAL;
	case TOP_DIM:
		return A_DIM;
	case TOP_GOOD:
		return A_BOLD | COLOR_PAIR(PAIR_GOOD);
	case TOP_BAD:
		return A_BOLD | COLOR_PAIR(PAIR_BAD);
	case TOP_HEADING:
		return A_REVERSE | COLOR_PAIR(PAIR_GOOD);
	case TOP_SORTED:
		return A_REVERSE | A_BOLD | COLOR_PAIR(PAIR_CHOSEN);
	case TOP_CURSOR:
		return A_REVERSE | COLOR_PAIR(PAIR_CHOSEN);
	case TOP_BOLD:
		return A_BOLD;
	}
	return A_NORMAL;
}

/* As a terminal without UTF-8 can show it. */
static void to_ascii(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (!strncmp(text, "µ", strlen("µ")))
			*to++ = 'u';
		else if (!strncmp(text, "…", strlen("…")))
			*to++ = '~';
		else if ((*text & 0xc0) == 0xc0)
			*to++ = '?';
		else if (!(*text & 0x80))
			*to++ = *text;
	}
	*to = '\0';
}

static void put(void *context, unsigned int y, const struct top_line *line)
{
	char text[sizeof(line->text)];

	(void)context;
	memcpy(text, line->text, sizeof(text));
	if (!is_utf8)
		to_ascii(text);
	/* Unlike addstr() this never goes on in the next line. */
	attrset(attributes(line->role));
	mvinsstr((int)y, 0, text);
	attrset(A_NORMAL);
	if (line->width) {
		const attr_t part = attributes(line->part);

		mvchgat((int)y, (int)line->from, (int)line->width, part & ~A_COLOR,
			(short)PAIR_NUMBER(part), NULL);
	}
}

void top_screen_show(const struct top_view *view, struct top_model *model)
{
	top_set_page(model, top_page(model, LINES));
	erase();
	top_draw(view, COLS, LINES, put, NULL);
	refresh();
}

int top_screen_key(void)
{
	int key = getch();

	if (key == ERR)
		return TOP_KEY_NONE;
	for (size_t i = 0; i < NR(keys); i++)
		if (keys[i].curses == key)
			return keys[i].key;
	return key > 0xff || !key ? TOP_KEY_OTHER : key;
}
