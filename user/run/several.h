/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SEVERAL_H
#define SEVERAL_H

#include "run/session.h"

/* Several vCPUs at full rate. They rest afterwards, until phase_smp_end(). */
int phase_smp(struct session *session);
int phase_smp_end(struct session *session, int status);

/* Two VMs at once, and a new one. */
int phase_isolation(struct session *session);

/* A vCPU thread that is moved between CPUs. */
int phase_migrate(struct session *session);

#endif
