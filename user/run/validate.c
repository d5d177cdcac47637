// SPDX-License-Identifier: GPL-2.0-only
#include "run/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kvm/kvm.h"
#include "run/clocks.h"
#include "run/contract.h"
#include "run/cpu_switch.h"
#include "run/published.h"
#include "run/session.h"
#include "run/several.h"
#include "run/single.h"
#include "run/storm.h"
#include "run/width.h"
#include "tracer/privileges.h"
#include "util/random.h"

static int record_losses(struct session *session)
{
	struct result *result = session->result;
	const struct ec_difference *differences;
	const struct ec_mismatch *mismatches;
	unsigned long long missed = 0;
	struct error none;
	unsigned int nr;

	result->cpus = tracer_cpus(session->tracer, &result->nr_cpus);
	if (!result->cpus)
		return session_no_memory(session);
	result->stats = *tracer_stats(session->tracer);
	mismatches = tracer_mismatches(session->tracer, &nr);
	result->nr_mismatches = nr;
	memcpy(result->mismatches, mismatches, nr * sizeof(*mismatches));
	differences = tracer_differences(session->tracer, &nr);
	result->nr_differences = nr;
	memcpy(result->differences, differences, nr * sizeof(*differences));
	result->has_missed = !tracer_missed(session->tracer, &missed, &none);
	result->missed = missed;
	return 0;
}

static int run_phases(struct session *session)
{
	struct published_result *published = &session->result->published;
	uint64_t lines = 0;
	int status;

	published->has_log = session->plan->leaves.exits && published_log(&lines);
	tracer_gate(session->tracer, true);
	session->result->begin = session->clocks = clocks_mark();
	status = phase_single(session);
	if (!status)
		status = phase_irqchip(session);
	if (!status)
		status = phase_smp(session);
	if (!status)
		status = phase_isolation(session);
	/* These are of our ABI. */
	if (!status && !session_has_published(session))
		status = phase_migrate(session);
	if (!status && !session_has_published(session))
		status = phase_contract(session);
	if (!status && !session_has_published(session))
		status = phase_width(session);
	if (!status && !session_has_published(session))
		status = phase_storm(session);
	status = phase_smp_end(session, status);
	clocks_check(session);
	session->result->end = clocks_mark();
	tracer_gate(session->tracer, false);
	published->has_log &= published_log(&published->log_lines);
	published->log_lines -= lines;
	return status ?: record_losses(session);
}

int validate(const struct host *host, const struct run_plan *plan, struct result **result,
	     struct error *err)
{
	struct session session = { .host = host, .plan = plan, .err = err };
	const struct tracer_config config = {
		.isa = host->isa,
		.path = plan->path,
		.audit = true,
		.tsc_khz = host->tsc_khz,
		/* One vCPU, one with an APIC, several, four VMs in turn, the one that is moved, the storm's. */
		.nr_vcpus = 2 + plan->vcpus + 4 + 1 + STORM_MAX_VCPUS,
	};
	int status = 0, kvm_fd;

	session.result = result_create();
	if (!session.result)
		return session_no_memory(&session);
	session.result->host = *host;
	session.result->started = time(NULL);
	session.result->seed = plan->has_seed ? plan->seed : random_seed();
	session.result->count = plan->count;
	session.result->opt_in = plan->opt_in;
	session.result->tsc_step = clocks_tsc_step();
	session.random = session.result->seed;

	if (plan->has_storm && plan->storm)
		session.cpus = cpu_switch_create(session.result->storm.no_cpus,
						 sizeof(session.result->storm.no_cpus));
	else
		snprintf(session.result->storm.no_cpus, sizeof(session.result->storm.no_cpus),
			 "only with --storm");
	/* Open until the end, it keeps KVM's modules from being replaced between two VMs. */
	kvm_fd = open(DEV_KVM, O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		status = system_error(err, "open " DEV_KVM, errno);
	session_progress("loading the eBPF program");
	if (!status)
		status = tracer_create(&session.tracer, &config, err);
	if (!status) {
		privileges_drop();
		session.result->tracer_path = tracer_path_name(session.tracer);
		session.result->no_audit = tracer_no_audit(session.tracer);
		session.result->refused = tracer_refused(session.tracer);
		status = run_phases(&session);
		session.result->seconds =
			(double)(session.result->end.ns - session.result->begin.ns) / 1e9;
		tracer_destroy(session.tracer);
	}
	cpu_switch_destroy(session.cpus);
	if (kvm_fd >= 0)
		close(kvm_fd);
	if (status)
		result_destroy(session.result);
	else
		*result = session.result;
	return status;
}
