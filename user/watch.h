/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WATCH_H
#define WATCH_H

/*
 * exitcheck watch [--seconds N] [--path P] [-- COMMAND...]: watches every VM of this host
 * and compares each leaf that its guest reads, in place, until COMMAND has ended, N
 * seconds have passed, or a signal asks to stop. Returns an enum exit_status.
 */
int watch_main(int argc, char **argv);

#endif
