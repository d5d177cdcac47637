// SPDX-License-Identifier: GPL-2.0-only
/*
 * For bcc: programs that do nothing but read the clock, where exitcheck's own are. What is
 * added to an exit is what the kernel takes to call them, and to read the clock: no
 * program on these tracepoints that times exits costs less.
 */

RAW_TRACEPOINT_PROBE(kvm_exit)
{
	bpf_ktime_get_ns();
	return 0;
}

RAW_TRACEPOINT_PROBE(kvm_entry)
{
	bpf_ktime_get_ns();
	return 0;
}
