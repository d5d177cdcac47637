// SPDX-License-Identifier: GPL-2.0-only
#include "live/top_keys.h"

#include <stddef.h>

#include "util/array.h"

const struct top_binding top_bindings[] = {
	{ TOP_UP, { TOP_KEY_UP, 'k' }, "Up k", "The row before", NULL },
	{ TOP_DOWN, { TOP_KEY_DOWN, 'j' }, "Down j", "The row after", NULL },
	{ TOP_PAGE_UP, { TOP_KEY_PAGE_UP }, "PgUp", "A screen up", NULL },
	{ TOP_PAGE_DOWN, { TOP_KEY_PAGE_DOWN }, "PgDn", "A screen down", NULL },
	{ TOP_FIRST, { TOP_KEY_HOME, 'g' }, "Home g", "The first row", NULL },
	{ TOP_LAST, { TOP_KEY_END, 'G' }, "End G", "The last row", NULL },
	{ TOP_ENTER,
	  { TOP_KEY_ENTER, TOP_KEY_RIGHT },
	  "Enter Right",
	  "Open the VM, the vCPU, or the reason with its histogram",
	  "Enter open" },
	{ TOP_BACK,
	  { TOP_KEY_BACKSPACE, TOP_KEY_LEFT, TOP_KEY_ESCAPE },
	  "Backspace Left Esc",
	  "Remove the filter, or go back",
	  "Bksp back" },
	{ TOP_NEXT_LIST,
	  { TOP_KEY_TAB },
	  "Tab",
	  "The next list: VMs, vCPUs or exit reasons",
	  "Tab list" },
	{ TOP_SORT_BEFORE, { '<' }, "<", "Sort by the column before", "<> sort" },
	{ TOP_SORT_AFTER, { '>' }, ">", "Sort by the column after", NULL },
	{ TOP_REVERSE, { 'r' }, "r", "Reverse the order", NULL },
	{ TOP_FILTER, { '/' }, "/", "Show only rows whose name contains a text", "/ filter" },
	{ TOP_FREEZE,
	  { ' ' },
	  "Space",
	  "Freeze the numbers; the next ones cover all of that time",
	  "Space freeze" },
	{ TOP_TOTALS, { 't' }, "t", "Since the start, or of the last interval", NULL },
	{ TOP_HELP, { '?', 'h', TOP_KEY_F1 }, "? h F1", "This window", "? help" },
	{ TOP_QUIT, { 'q', TOP_KEY_F10 }, "q F10", "Quit", "q quit" },
};

const unsigned int nr_top_bindings = NR(top_bindings);
