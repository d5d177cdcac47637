/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

/*
 * Gives up the capabilities with which eBPF programs are loaded, once all are: whatever parses, prints or waits
 * from here on cannot load another. A command that root starts has them again. Threads that run already keep theirs.
 */
void privileges_drop(void);

#endif
