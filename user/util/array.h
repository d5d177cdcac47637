/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARRAY_H
#define ARRAY_H

/* How many elements an array has. */
#define NR(array) (sizeof(array) / sizeof(*(array)))

#endif
