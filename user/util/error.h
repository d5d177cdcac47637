/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ERROR_H
#define ERROR_H

/*
 * Functions that fail fill in a struct error and return its non-zero exit status. The text is one
 * clean line: what went wrong and what to do.
 */
enum exit_status {
	STATUS_PASS = 0,
	STATUS_MISMATCH = 1,
	STATUS_USAGE = 2,
	STATUS_CANNOT_RUN = 3,
	STATUS_INCONCLUSIVE = 4,
};

struct error {
	char text[512];
};

/* Fills in err->text (printf style) and returns status. */
__attribute__((format(printf, 3, 4))) int error_set(struct error *err, enum exit_status status,
						    const char *format, ...);

#endif
