// SPDX-License-Identifier: GPL-2.0-only
#include "live/audit_forms.h"

#include <jansson.h>
#include <string.h>
#include <errno.h>

#include "kvm/exits.h"
#include "tracer/tracer.h"
#include "util/array.h"
#include "util/json.h"
#include "util/text.h"

#define MAX_SHOWN 10 /* of what is wrong */
#define MIN_STEPS 8  /* of a reader that counts up: what is left in ECX does not do that so often */

static const char *const leaf_names[LEAF_NR] = {
	[LEAF_VCPU_CYCLES - LEAF_FIRST] = "cycles of a number, vCPU",
	[LEAF_VCPU_EXITS - LEAF_FIRST] = "exits of a number, vCPU",
	[LEAF_VCPU_TOTAL_CYCLES - LEAF_FIRST] = "cycles of all, vCPU",
	[LEAF_VCPU_TOTAL_EXITS - LEAF_FIRST] = "exits of all, vCPU",
	[LEAF_DISCOVERY - LEAF_FIRST] = "discovery",
	[LEAF_CYCLES - LEAF_FIRST] = "cycles of a number, VM",
	[LEAF_EXITS - LEAF_FIRST] = "exits of a number, VM",
	[LEAF_TOTAL_CYCLES - LEAF_FIRST] = "cycles of all, VM",
	[LEAF_TOTAL_EXITS - LEAF_FIRST] = "exits of all, VM",
};

void audit_line(FILE *to, const struct look *look)
{
	const struct look_sum *all = &look->all;
	double rate = look->seconds > 0 ? (double)all->exits / look->seconds : 0;

	fprintf(to,
		"%8.1f s  %u VM%s, %u vCPU%s: %s exits (%s/s), %s compared, %u wrong; %s leaf reads,"
		" %s wrong%s%s\n",
		look->seconds, look->nr_vms, look->nr_vms == 1 ? "" : "s", all->vcpus - all->gone,
		all->vcpus - all->gone == 1 ? "" : "s", text_u64(all->exits).s,
		text_u64((uint64_t)rate).s, text_u64(all->compared).s, look->audit.nr_faults,
		text_u64(all->reads).s, text_u64(all->wrong).s, *look->lost.s ? "; lost: " : "",
		look->lost.s);
	fflush(to);
}

static void show_reason(FILE *to, enum exit_isa isa, unsigned int index,
			const struct ec_reason *reason)
{
	const char *name = "(undefined numbers)";
	char label[64];
	unsigned int number;

	snprintf(label, sizeof(label), "%s", name);
	if (exit_number(isa, index, &number)) {
		name = exit_name(isa, number);
		snprintf(label, sizeof(label), "%s %s", text_exit(isa, number).s, name ? name : "");
	}
	fprintf(to, "    %-30s %14s %12.3f %12s %12s %14s\n", label, text_u64(reason->count).s,
		reason->ns / 1e6, reason->timed ? text_u64(reason->ns / reason->timed).s : "-",
		reason->timed ? text_u64(reason->min_ns).s : "-",
		reason->timed ? text_u64(reason->max_ns).s : "-");
}

static void show_vcpu(FILE *to, enum exit_isa isa, const struct ec_vcpu *vcpu)
{
	if (vcpu->vm)
		fprintf(to, "  vCPU %u, thread %u: %s exits%s%s\n", vcpu->vcpu_id, vcpu->tid,
			text_u64(vcpu->count).s, vcpu->joined_late ? ", had run before" : "",
			vcpu->gone ? ", gone" : "");
	if (!vcpu->count)
		return;
	fprintf(to, "    %-30s %14s %12s %12s %12s %14s\n", "exit", "count", "total ms", "mean ns",
		"min ns", "max ns");
	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++)
		if (vcpu->reason[index].count)
			show_reason(to, isa, index, &vcpu->reason[index]);
}

/* A guest's program that takes a total for a leaf by exit number. */
static bool asks_otherwise(const struct look_sum *sum, enum ec_total total)
{
	return sum->asked[total].steps >= MIN_STEPS;
}

static void show_reader(FILE *to, const struct look_sum *sum, enum ec_total total)
{
	if (!asks_otherwise(sum, total))
		return;
	fprintf(to,
		"  leaf 0x%x, a total, was read with exit numbers, %s times with one more than"
		" before, up to %s: its reader\n  takes the leaves as another term numbered them"
		" (man page, ASSIGNMENT)\n",
		LEAF_TOTAL_CYCLES + total, text_u64(sum->asked[total].steps).s,
		text_u64(sum->asked[total].last).s);
}

static void show_vm(FILE *to, const struct look *look, const struct look_vm *vm)
{
	const struct look_sum *sum = &vm->sum;
	const struct live_why why = live_why(look, sum);

	if (vm->number)
		fprintf(to, "VM %u, process %u: %u vCPU%s\n", vm->number, vm->process, sum->vcpus,
			sum->vcpus == 1 ? "" : "s");
	else
		fprintf(to, "%u vCPUs that went long ago\n", sum->vcpus);
	fprintf(to, "  %s of %s exits compared with KVM's own account, %s leaf reads compared\n",
		text_u64(sum->compared).s, text_u64(sum->ended).s, text_u64(sum->reads).s);
	if (*why.s)
		fprintf(to, "  not compared: %s\n", why.s);
	for (enum ec_total total = 0; total < EC_NR_TOTALS; total++)
		show_reader(to, sum, total);
}

static void show_vms(FILE *to, const struct look *look)
{
	unsigned int vcpu = 0;

	for (unsigned int i = 0; i < look->nr_vms; i++) {
		const struct look_vm *vm = &look->vms[i];

		show_vm(to, look, vm);
		for (; vcpu < look->nr_vcpus && look->vcpus[vcpu]->vm == vm->number; vcpu++)
			show_vcpu(to, look->host.isa, look->vcpus[vcpu]);
		fputc('\n', to);
	}
}

static void show_comparisons(FILE *to, const struct look_sum *all)
{
	if (!all->reads)
		return;
	fprintf(to, "Leaves compared in place\n  %-12s %-26s %12s %12s\n", "leaf", "", "compared",
		"different");
	for (unsigned int leaf = 0; leaf < LEAF_NR; leaf++)
		if (all->by_leaf[leaf])
			fprintf(to, "  0x%-10x %-26s %12s %12s\n", LEAF_FIRST + leaf,
				leaf_names[leaf], text_u64(all->by_leaf[leaf]).s,
				text_u64(all->wrong_by_leaf[leaf]).s);
	fputc('\n', to);
}

static void show_mismatch(FILE *to, const struct look *look, const struct ec_mismatch *mismatch)
{
	const struct ec_vcpu *vcpu = tracer_vcpu(look->tracer, mismatch->slot);
	unsigned int leaf = mismatch->function - LEAF_FIRST;
	const char *whose = mismatch->by_kvm ? "KVM's account has" : "eBPF counted";

	if (leaf >= LEAF_NR)
		return;
	if (vcpu)
		fprintf(to, "  VM %u, vCPU %u", vcpu->vm, vcpu->vcpu_id);
	else
		fprintf(to, "  a vCPU that is gone");
	fprintf(to, ", exit %s: leaf 0x%x (%s)", text_u64(mismatch->at_exit).s, mismatch->function,
		leaf_names[leaf]);
	if (leaf_is_by_number(mismatch->function))
		fprintf(to, ", number %s", text_exit(look->host.isa, mismatch->index).s);
	if (mismatch->malformed)
		fprintf(to, ": malformed: EAX..EDX %x %x %x %x\n", mismatch->eax, mismatch->ebx,
			mismatch->ecx, mismatch->edx);
	else if (mismatch->lower == mismatch->upper)
		fprintf(to, ": %s, %s %s\n", text_u64(mismatch->leaf).s, whose,
			text_u64(mismatch->lower).s);
	else
		fprintf(to, ": %s, %s %s to %s\n", text_u64(mismatch->leaf).s, whose,
			text_u64(mismatch->lower).s, text_u64(mismatch->upper).s);
}

static void show_mismatches(FILE *to, const struct look *look)
{
	unsigned int nr, i;
	const struct ec_mismatch *mismatches = tracer_mismatches(look->tracer, &nr);
	ec_u64 all = tracer_stats(look->tracer)->mismatches;

	if (!nr)
		return;
	fprintf(to, "Different\n");
	for (i = 0; i < nr && i < MAX_SHOWN; i++)
		show_mismatch(to, look, &mismatches[i]);
	if (all > i)
		fprintf(to, "  and %s more\n", text_u64(all - i).s);
	fputc('\n', to);
}

static void show_audit(FILE *to, const struct look *look)
{
	const struct audit *audit = &look->audit;
	const struct ec_difference *differences;
	unsigned int nr;

	if (!audit->compared)
		return;
	fprintf(to,
		"Exits compared with KVM's own account, as each ended\n"
		"  %s of %s; %s counts differ, %s have no cycles, %s too many;"
		" 99.9 %% lack fewer than %s cycles\n",
		text_u64(audit->compared).s, text_u64(audit->ended).s, text_u64(audit->differed).s,
		text_u64(audit->untimed).s, text_u64(audit->exceeded).s,
		text_u64(audit_bias_below(audit, 0.999)).s);
	for (unsigned int i = 0; i < audit->nr_faults && i < MAX_SHOWN; i++)
		fprintf(to, "  wrong: %s\n", audit_fault_text(audit, &audit->faults[i]).s);
	differences = tracer_differences(look->tracer, &nr);
	for (unsigned int i = 0; i < nr && i < MAX_SHOWN; i++) {
		const struct ec_vcpu *vcpu = tracer_vcpu(look->tracer, differences[i].slot);

		if (vcpu)
			fprintf(to, "  VM %u vCPU %u, ", vcpu->vm, vcpu->vcpu_id);
		else
			fprintf(to, "  a vCPU that is gone, ");
		fprintf(to, "%s\n", audit_difference_text(audit->isa, &differences[i]).s);
	}
	fputc('\n', to);
}

void audit_text(FILE *to, const struct look *look, const struct live_verdict *verdict)
{
	fprintf(to, "%s, %s, Linux %s, eBPF by %s\n\n", look->host.cpu, isa_name(look->host.isa),
		look->host.kernel, tracer_path_name(look->tracer));
	show_vms(to, look);
	show_comparisons(to, &look->all);
	show_mismatches(to, look);
	show_audit(to, look);
	fprintf(to, "%s\n", verdict->text);
}

static const char *const uncompared_ids[EC_NR_UNCOMPARED] = {
	[EC_LATE] = "late",	    [EC_UNSEEN] = "unseen",	[EC_SUPPLIED] = "supplied",
	[EC_REPLACED] = "replaced", [EC_NO_CLOCK] = "no_clock",
};

/* The leaves that the guest takes for others. */
static json_t *asked_json(const struct look_sum *sum)
{
	json_t *asked = json_array();

	for (enum ec_total total = 0; total < EC_NR_TOTALS; total++)
		if (asks_otherwise(sum, total))
			json_array_append_new(
				asked, json_pack("{s:I, s:I, s:I}", "leaf",
						 (json_int_t)LEAF_TOTAL_CYCLES + total, "steps",
						 (json_int_t)sum->asked[total].steps, "last",
						 (json_int_t)sum->asked[total].last));
	return asked;
}

static json_t *sum_json(const struct look *look, const struct look_sum *sum)
{
	json_t *uncompared = json_object();

	for (size_t i = 0; i < EC_NR_UNCOMPARED; i++)
		json_object_set_new(uncompared, uncompared_ids[i], json_number(sum->uncompared[i]));
	return json_pack("{s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "vcpus", (int)sum->vcpus, "gone", (int)sum->gone, "exits",
			 json_number(sum->exits), "ended", json_number(sum->ended), "compared",
			 json_number(sum->compared), "first", json_number(sum->first),
			 "unaccounted", json_number(sum->unaccounted), "reads",
			 json_number(sum->reads), "wrong_reads", json_number(sum->wrong),
			 "reads_not_compared", uncompared, "lost_entries",
			 json_number(sum->lost_entries), "other_numbering", asked_json(sum),
			 "not_compared", json_string_or_null(live_why(look, sum).s));
}

static json_t *vms_json(const struct look *look)
{
	json_t *vms = json_array();

	for (unsigned int i = 0; i < look->nr_vms; i++) {
		json_t *vm = sum_json(look, &look->vms[i].sum);

		json_object_set_new(vm, "vm", json_integer(look->vms[i].number));
		json_object_set_new(vm, "process", json_integer(look->vms[i].process));
		json_array_append_new(vms, vm);
	}
	return vms;
}

static json_t *faults_json(const struct audit *audit)
{
	json_t *faults = json_array();

	for (unsigned int i = 0; i < audit->nr_faults; i++)
		json_array_append_new(faults,
				      json_string(audit_fault_text(audit, &audit->faults[i]).s));
	return faults;
}

int audit_json(FILE *to, const struct look *look, const struct live_verdict *verdict,
	       struct error *err)
{
	const struct audit *audit = &look->audit;
	json_t *document = sum_json(look, &look->all);
	int failed;

	json_object_set_new(document, "schema_version", json_integer(1));
	json_object_set_new(document, "document", json_string("audit"));
	json_object_set_new(document, "seconds", json_real(look->seconds));
	json_object_set_new(document, "counts_differ", json_number(audit->differed));
	json_object_set_new(document, "untimed", json_number(audit->untimed));
	json_object_set_new(document, "exceeded", json_number(audit->exceeded));
	json_object_set_new(document, "bias_below_cycles",
			    json_number(audit_bias_below(audit, 0.999)));
	json_object_set_new(document, "no_audit", json_string_or_null(look->no_audit));
	json_object_set_new(document, "no_cycles", json_string_or_null(look->no_cycles));
	json_object_set_new(document, "lost", json_string_or_null(look->lost.s));
	json_object_set_new(document, "faults", faults_json(audit));
	json_object_set_new(document, "vms", vms_json(look));
	json_object_set_new(document, "verdict",
			    json_string_or_null(verdict ? verdict->text : NULL));
	json_object_set_new(document, "status",
			    verdict ? json_integer(verdict->status) : json_null());
	failed = !document || json_dumpf(document, to, JSON_COMPACT) || fputc('\n', to) == EOF ||
		 fflush(to);
	json_decref(document);
	return failed ?
		       error_set(err, STATUS_CANNOT_RUN, "cannot write JSON: %s", strerror(errno)) :
		       0;
}
