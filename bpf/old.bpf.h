/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef OLD_BPF_H
#define OLD_BPF_H

/*
 * What an object that is built for old kernels (EC_OLD) does otherwise: eBPF has atomic operations with a
 * result since v5.12, 5ffa25502b5a ("bpf: Add instructions for atomic_[cmp]xchg"), and bpf_loop() since v5.17,
 * e6f2dd0f8067 ("bpf: Add bpf_loop helper").
 */

#ifndef EC_OLD

#define compare_and_swap(at, old, new) (__sync_val_compare_and_swap(at, old, new) == (old))

/* A store that no later load of this CPU overtakes. */
#define store_first(at, value) ((void)__sync_lock_test_and_set(at, value))

#define loop_over_slots(callback, context) bpf_loop(1 << 16, callback, context, 0)
#define loop_over_siblings(callback, context) bpf_loop(1 << 16, callback, context, 0)

#else

/* Who changes a word: only one can be the first to add an element. Nobody waits, and nobody holds it for long. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, ec_u64);
	__type(value, ec_u32);
} changing SEC(".maps");

static __always_inline bool compare_and_swap(ec_u32 *at, ec_u32 old, ec_u32 new)
{
	ec_u64 key = (ec_u64)at;
	ec_u32 one = 1;
	bool same;

	if (bpf_map_update_elem(&changing, &key, &one, BPF_NOEXIST))
		return false;
	same = *(volatile ec_u32 *)at == old;
	if (same)
		*(volatile ec_u32 *)at = new;
	bpf_map_delete_elem(&changing, &key);
	return same;
}

/* A locked instruction on x86, and so a barrier. */
#define store_first(at, value)                           \
	({                                               \
		*(volatile ec_u32 *)(at) = (value);      \
		__sync_fetch_and_add(&state.ordered, 1); \
	})

/* The verifier goes round as often as it is told to, and down each branch on its own. */
#define loop_over_slots(callback, context)                                                      \
	({                                                                                      \
		_Pragma("clang loop unroll(disable)") for (ec_u32 __i = 0; __i < EC_OLD_SLOTS;  \
							   __i++) if (callback(__i,             \
									       context)) break; \
	})
/* That is more than it takes: of a VM with several vCPUs it is not known what they have counted. */
#define loop_over_siblings(callback, context) ((void)(callback))

#endif

#endif
