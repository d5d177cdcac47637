// SPDX-License-Identifier: GPL-2.0-only
#include "inguest/session.h"

#include <string.h>
#include <sys/mman.h>

static int open_scopes(struct session *session, void (*cpuid)(struct probe_read *read),
		       struct error *err)
{
	int status, cpu = -1;

	status = cpus_allowed(&session->allowed, err);
	if (status)
		return status;
	session->nr_scopes = session->per_vcpu ? cpus_count(&session->allowed) : 1;
	/* Populated: a page that comes later would be an exit. */
	session->scopes = mmap(NULL, session->nr_scopes * sizeof(*session->scopes),
			       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
			       -1, 0);
	if (session->scopes == MAP_FAILED) {
		session->scopes = NULL;
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	}
	for (unsigned int i = 0; i < session->nr_scopes; i++) {
		if (session->per_vcpu)
			cpu = cpus_next(&session->allowed, cpu + 1);
		session->scopes[i].cpu = cpu;
		session->scopes[i].reader.cpuid = cpuid;
	}
	return 0;
}

static int pin(const struct scope *scope, struct error *err)
{
	return scope->cpu < 0 ? 0 : cpus_pin(scope->cpu, err);
}

int session_open(struct session *session, void (*cpuid)(struct probe_read *read),
		 const struct leaf_numbers *foreign, bool per_vcpu, struct error *err)
{
	int status;

	*session = (struct session){ .per_vcpu = per_vcpu };
	status = open_scopes(session, cpuid, err);
	/* The reads that find the leaves are those of the first vCPU. */
	if (!status)
		status = pin(&session->scopes[0], err);
	if (status)
		return status;
	if (reader_is_denied(&session->scopes[0].reader))
		return error_set(
			err, STATUS_CANNOT_RUN,
			"CPUID is denied to this process (CPUID faulting): no exit leaves");
	return source_open(&session->source, &session->scopes[0].reader, foreign, per_vcpu, err);
}

void session_close(struct session *session)
{
	if (session->scopes)
		munmap(session->scopes, session->nr_scopes * sizeof(*session->scopes));
}

static int take_scopes(struct session *session, struct error *err)
{
	int status = 0;

	for (unsigned int i = 0; i < session->nr_scopes && !status; i++) {
		struct scope *scope = &session->scopes[i];

		status = pin(scope, err);
		if (!status)
			status = snapshot_take(&scope->now, &session->source, &scope->reader, err);
	}
	return status ? status : pin(&session->scopes[0], err);
}

/* The epoch is looked at before and after; until it is the same. */
static int take_of_one_epoch(struct session *session, bool *anew, struct error *err)
{
	bool again = false, taken = false;
	int status = pin(&session->scopes[0], err);

	while (!status) {
		for (unsigned int i = 0; i < session->nr_scopes; i++)
			session->scopes[i].mark = session->scopes[i].reader.executed;
		status = source_again(&session->source, &session->scopes[0].reader, &again, err);
		if (status || (taken && !again))
			break;
		for (unsigned int i = 0; i < session->nr_scopes && again; i++)
			session->scopes[i].base = session->scopes[i].mark;
		*anew |= again;
		status = take_scopes(session, err);
		taken = true;
	}
	return status;
}

/* Counters that went down: without an epoch they began anew, with it the host counts wrongly. */
static int check_decrease(struct session *session, bool *anew, struct error *err)
{
	for (unsigned int i = 0; i < session->nr_scopes && !*anew; i++) {
		const struct scope *scope = &session->scopes[i];

		if (!snapshot_went_down(&session->source, &scope->last, &scope->now))
			continue;
		if (session->source.has_epoch)
			return error_set(
				err, STATUS_CANNOT_RUN,
				"a counter went down, and did not begin anew: this host's KVM"
				" counts wrongly");
		*anew = true;
	}
	return 0;
}

int session_take(struct session *session, bool *anew, struct error *err)
{
	int status;

	*anew = false;
	status = take_of_one_epoch(session, anew, err);
	if (!status && session->has_last)
		status = check_decrease(session, anew, err);
	if (session->per_vcpu)
		cpus_restore(&session->allowed);
	return status;
}

void session_keep(struct session *session)
{
	for (unsigned int i = 0; i < session->nr_scopes; i++)
		session->scopes[i].last = session->scopes[i].now;
	session->has_last = true;
}

void session_table(const struct session *session, unsigned int scope, bool since_birth,
		   struct table *table)
{
	const struct scope *of = &session->scopes[scope];

	table_make(table, &session->source, since_birth ? NULL : &of->last, &of->now, of->base);
	table->cpu = of->cpu;
}
