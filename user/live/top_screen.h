/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

/* The terminal of `exitcheck top`, by ncurses. */

#include <stdbool.h>

#include "live/top_view.h"
#include "util/error.h"

/* Whether this terminal can show a screen. STATUS_CANNOT_RUN. */
int top_screen_check(struct error *err);

/* STATUS_CANNOT_RUN. However it ends but by SIGKILL, the terminal is then as it was. */
int top_screen_open(bool color, struct error *err);
void top_screen_close(void);

/* Shows what top_draw() gives; the model learns how many rows there are. */
void top_screen_show(const struct top_view *view, struct top_model *model);

/* The next key that was typed, TOP_KEY_NONE if there is none. */
int top_screen_key(void);

#endif
