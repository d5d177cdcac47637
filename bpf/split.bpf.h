/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SPLIT_BPF_H
#define SPLIT_BPF_H

/*
 * Where the time of an exit goes. In user space is the vCPU from KVM_RUN's return until it is entered again, or halts
 * first; who is out of a CPU, the scheduler tells; how long KVM polled, its statistics.
 */

/* struct ec_outlier, its slot a place. The loader gives it more than the least, if they are asked for. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} outliers SEC(".maps");

static __always_inline struct ec_thread *thread_at(ec_u32 place)
{
	return at(EC_THREADS, EC_THREAD_PLACE(place));
}

/* A time in ns, by the programs' clock. */
static __always_inline ec_u64 from_ns(ec_u64 ns)
{
	return config.clock_tsc ? ns * config.cycles_per_ns >> EC_CYCLES_BITS : ns;
}

/* How long KVM has polled for the end of the vCPU's halts: with success, and without. */
static __always_inline ec_u64 poll_ns(const void *vcpu)
{
	ec_u64 polled[2] = {};

	bpf_probe_read_kernel(polled, sizeof(polled), vcpu + config.offsets.poll_ns);
	return polled[0] + polled[1];
}

static __noinline void know_polls(ec_u32 place, ec_u64 ns)
{
	struct ec_thread *thread = thread_at(place);

	if (!thread || thread->knows_polls)
		return;
	thread->poll_ns = ns;
	thread->knows_polls = true;
}

/*
 * The current thread had no CPU for a while. How long of that it was ready to run, the scheduler knows only once
 * the thread runs again.
 */
static __always_inline void end_out(struct ec_thread *thread)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	ec_u64 out = thread->out, delay, waiting;

	if (!out)
		return;
	thread->out = 0;
	delay = task->sched_info.run_delay;
	/* Less than before is another thread's, in the memory of one that has ended. */
	waiting = delay > thread->run_delay ? from_ns(delay - thread->run_delay) : 0;
	if (waiting > out)
		waiting = out;
	thread->part[EC_PART_WAITING] += waiting;
	if (config.over && waiting > thread->longest_wait) {
		thread->longest_wait = waiting;
		thread->ran_longest = thread->ran;
	}
	if (thread->user_since)
		thread->user_waiting += waiting;
	else
		thread->part[EC_PART_BLOCKED] += out - waiting;
}

/* KVM_RUN goes on. */
static __always_inline void end_user(struct ec_cpu *cpu, struct ec_thread *thread, ec_u64 time)
{
	ec_u64 since = cpu->user_since + thread->user_waiting;

	cpu->user_since = thread->user_waiting = 0;
	thread->user_end = time;
	if (time > since)
		thread->part[EC_PART_USER] += time - since;
}

/* KVM sets vcpu->wait.task while the thread sleeps in a halt. */
static __always_inline bool sleeps_in_halt(const struct ec_slot *slot)
{
	ec_u64 task = 0;

	bpf_probe_read_kernel(&task, sizeof(task), (void *)slot->key + config.offsets.wait);
	return task;
}

/* The idle thread keeps nobody waiting. */
static __always_inline void keep_ran(struct ec_thread *thread, const struct task_struct *task)
{
	thread->ran.pid = task->pid;
	bpf_probe_read_kernel(thread->ran.comm, sizeof(thread->ran.comm), task->comm);
}

static __always_inline void leave_cpu(struct ec_cpu *cpu, const struct task_struct *previous,
				      const struct task_struct *next, bool tsc)
{
	struct ec_slot *slot = at(EC_SLOTS, cpu->on);
	struct ec_thread *thread = thread_at(cpu->on);
	ec_u64 time = now(tsc);

	if (slot && thread && slot->task == (ec_u64)previous) {
		end_out(thread);
		if (cpu->user_since && sleeps_in_halt(slot))
			end_user(cpu, thread, time);
		thread->user_since = cpu->user_since;
		thread->did = cpu->did;
		thread->run_delay = previous->sched_info.run_delay;
		thread->out_since = time;
		thread->ran.pid = 0;
		if (config.over && !previous->__state)
			keep_ran(thread, next);
	}
	/* Another thread may be the next to run the vCPU here: find() sees to that. */
	cpu->slot = cpu->on = cpu->did = cpu->user_since = 0;
}

static __always_inline void take_cpu(struct ec_cpu *cpu, ec_u32 place,
				     const struct task_struct *previous, ec_u64 task, bool tsc)
{
	struct ec_slot *slot = at(EC_SLOTS, place);
	struct ec_thread *thread = thread_at(place);

	if (!slot || !thread || slot->task != task)
		return;
	cpu->on = place;
	cpu->user_since = thread->user_since;
	cpu->did = thread->did;
	if (!thread->out_since)
		return;
	cpu->did |= EC_DID_SWITCH;
	thread->out = now(tsc) - thread->out_since;
	thread->out_since = 0;
	if (config.over && !thread->ran.pid)
		keep_ran(thread, previous);
}

static __always_inline int on_switch(struct task_struct *previous, struct task_struct *next,
				     bool tsc)
{
	struct ec_cpu *cpu = hot(EC_CPUS, cpu_place());
	ec_u64 task = (ec_u64)next;
	ec_u32 *place;

	if (cpu->on)
		leave_cpu(cpu, previous, next, tsc);
	/* The idle thread has no vCPU. */
	place = next->pid ? bpf_map_lookup_elem(&by_task, &task) : NULL;
	if (place)
		take_cpu(cpu, *place, previous, task, tsc);
	return 0;
}

/* KVM_RUN returns. If it made no entry since the last time, the vCPU was in user space all the time. */
static __always_inline int on_return(bool tsc)
{
	struct ec_cpu *cpu = hot(EC_CPUS, cpu_place());

	if (!cpu->user_since)
		cpu->user_since = now(tsc);
	return 0;
}

/* A halt of ns has ended: KVM polled in it, slept, or both. */
static __always_inline int on_wakeup(ec_u64 ns, bool tsc)
{
	struct ec_cpu *cpu = hot(EC_CPUS, cpu_place());
	struct ec_slot *slot = at(EC_SLOTS, cpu->on);
	struct ec_thread *thread = thread_at(cpu->on);
	ec_u64 began, polled, early;

	if (!cpu->on || !slot || !thread || !thread->knows_polls)
		return 0;
	end_out(thread);
	cpu->did |= EC_DID_HALT;
	polled = poll_ns((void *)slot->key);
	thread->part[EC_PART_POLLING] += from_ns(polled - thread->poll_ns);
	thread->poll_ns = polled;
	began = now(tsc) - from_ns(ns);
	if (cpu->user_since) {
		end_user(cpu, thread, began);
	} else if (thread->user_end > began) {
		/* It polled before it slept, which had ended user space here. */
		early = thread->user_end - began;
		if (early > thread->part[EC_PART_USER])
			early = thread->part[EC_PART_USER];
		thread->part[EC_PART_USER] -= early;
		thread->user_end = began;
	}
	return 0;
}

/*
 * Adds the parts of an exit that has ended to its reason, and to its detail: none is longer than what is left of it.
 * No reason: the entry ends no exit, what the thread did before is in none.
 */
static __noinline void sum_parts(struct ec_row *row, struct ec_detail *detail, ec_u64 took,
				 ec_u64 time)
{
	struct ec_cpu *cpu = at(EC_CPUS, cpu_place());
	struct ec_thread *thread = cpu ? thread_at(cpu->slot) : NULL;
	struct ec_outlier outlier = { .time = took, .end = time };

	if (!cpu || !thread)
		return;
	end_out(thread);
	if (cpu->user_since)
		end_user(cpu, thread, time);
	cpu->did = 0;
	for (int i = EC_NR_PARTS - 1; i >= 0; i--) {
		ec_u64 part = thread->part[i];

		thread->part[i] = 0;
		if (!row)
			continue;
		if (part > took) {
			thread->excess += part - took;
			part = took;
		}
		took -= part;
		row->part[i] += part;
		outlier.part[i] = part;
		if (detail)
			detail->part[i] += part;
	}
	if (!config.over)
		return;
	if (row && outlier.time > config.over) {
		outlier.slot = cpu->slot;
		outlier.index = row->index;
		outlier.detail = detail ? detail->key : 0;
		outlier.ran = thread->ran_longest;
		if (bpf_ringbuf_output(&outliers, &outlier, sizeof(outlier), 0))
			__sync_fetch_and_add(&state.stats.outliers, 1);
	}
	thread->longest_wait = thread->ran_longest.pid = 0;
}

static __always_inline void add_parts(struct ec_cpu *cpu, struct ec_row *row,
				      struct ec_detail *detail, ec_u64 took, ec_u64 time, bool over)
{
	ec_u64 user = cpu->user_since;
	bool is_long = over && took > config.over;

	if (likely(!user && !cpu->did && !is_long))
		return;
	if (unlikely(!row || cpu->did || is_long)) {
		sum_parts(row, detail, took, time);
		return;
	}
	/* It was in user space, on this CPU, and nothing else. */
	cpu->user_since = 0;
	row->part[EC_PART_USER] += time - user;
	if (detail)
		detail->part[EC_PART_USER] += time - user;
}

#endif
