/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_JSON_H
#define HOST_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "kvm/host.h"

/* "host" of the documents: the machine, and the rate of its TSC in kHz. NULL: no memory. */
json_t *json_host(const struct host *host);

#endif
