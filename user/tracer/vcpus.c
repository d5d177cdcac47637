// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/vcpus.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvm/account.h"
#include "kvm/exits.h"
#include "tracer/btf.h"
#include "tracer/messages.h"

#include "vcpus.skel.h"

struct vcpus {
	struct vcpus_bpf *bpf;
	struct bpf_link *link;
	struct ring_buffer *deaths;
	enum exit_isa isa;
	bool account, failed;
	struct ec_listed *list;
	unsigned int nr, room;
};

/* Room for one more; NULL: no memory. */
static struct ec_listed *add(struct vcpus *vcpus)
{
	if (vcpus->nr == vcpus->room) {
		unsigned int room = 2 * vcpus->room + 16;
		struct ec_listed *list = realloc(vcpus->list, room * sizeof(*list));

		vcpus->failed |= !list;
		if (!list)
			return NULL;
		vcpus->list = list;
		vcpus->room = room;
	}
	return memset(&vcpus->list[vcpus->nr++], 0, sizeof(*vcpus->list));
}

static void put_in_order(const struct vcpus *vcpus, struct ec_listed *listed)
{
	ec_u64 exits[EXIT_NR_INDICES], cycles[EXIT_NR_INDICES];
	unsigned int at;

	if (!vcpus->account || vcpus->isa != EXIT_ISA_VMX)
		return;
	memcpy(exits, listed->exits_by_number, sizeof(exits));
	memcpy(cycles, listed->cycles_by_number, sizeof(cycles));
	memset(listed->exits_by_number, 0, sizeof(exits));
	memset(listed->cycles_by_number, 0, sizeof(cycles));
	listed->index = listed->index < EXIT_INDEX_OTHER ? exit_index(vcpus->isa, listed->index) :
							   EXIT_INDEX_OTHER;
	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
		if (!account_index(vcpus->isa, i, &at))
			continue;
		listed->exits_by_number[i] = exits[at];
		listed->cycles_by_number[i] = cycles[at];
	}
}

static int add_death(void *context, void *data, size_t size)
{
	struct vcpus *vcpus = context;
	struct ec_listed *listed = size >= sizeof(*listed) ? add(vcpus) : NULL;

	if (listed) {
		memcpy(listed, data, sizeof(*listed));
		put_in_order(vcpus, listed);
	}
	return 0;
}

static int load(struct vcpus *vcpus, const struct tracer *tracer, pid_t process)
{
	union bpf_iter_link_info of = { .task.pid = process };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &of, .link_info_len = sizeof(of));
	struct vcpus_bpf *bpf = vcpus->bpf;
	int ret = 0;

	if (tracer) {
		const struct tracer_maps maps = tracer_maps(tracer);

		bpf->rodata->config.has_slots = true;
		bpf->rodata->config.slots = maps.slots;
		bpf->rodata->config.rows = maps.rows;
		ret = bpf_map__reuse_fd(bpf->maps.memory, maps.memory);
		ret = ret ?: bpf_map__reuse_fd(bpf->maps.by_key, maps.by_key);
	}
	ret = ret ?: bpf_program__set_autoload(bpf->progs.vcpus_death, vcpus->account);
	ret = ret ?: vcpus_bpf__load(bpf);
	if (ret)
		return ret;
	vcpus->link = bpf_program__attach_iter(bpf->progs.vcpus_list, process ? &opts : NULL);
	if (!vcpus->link)
		return -errno;
	if (!vcpus->account)
		return 0;
	bpf->links.vcpus_death = bpf_program__attach(bpf->progs.vcpus_death);
	vcpus->deaths = ring_buffer__new(bpf_map__fd(bpf->maps.deaths), add_death, vcpus, NULL);
	return bpf->links.vcpus_death && vcpus->deaths ? 0 : -errno;
}

int vcpus_open(struct vcpus **vcpus, enum exit_isa isa, const struct tracer *tracer, bool account,
	       pid_t process, struct error *err)
{
	struct btf_kvm kvm;
	struct vcpus *new;
	int ret;

	libbpf_set_print(messages_keep);
	if (!btf_of_kvm(isa, &kvm))
		return error_set(err, STATUS_CANNOT_RUN, "KVM has no type information (BTF)");
	if (account && !kvm.accounts)
		return error_set(err, STATUS_CANNOT_RUN,
				 "KVM has no account of exits that eBPF could read");
	new = calloc(1, sizeof(*new));
	if (!new)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	new->isa = isa;
	new->account = account;
	new->bpf = vcpus_bpf__open();
	ret = new->bpf ? 0 : -errno;
	if (!ret) {
		new->bpf->rodata->config.account = account;
		new->bpf->rodata->config.offsets = kvm.offsets;
		ret = load(new, tracer, process);
	}
	if (!ret) {
		*vcpus = new;
		return 0;
	}
	vcpus_close(new);
	return error_set(err, STATUS_CANNOT_RUN,
			 "cannot load the eBPF program that lists vCPUs (%s): %s", strerror(-ret),
			 messages_last());
}

void vcpus_close(struct vcpus *vcpus)
{
	if (!vcpus)
		return;
	ring_buffer__free(vcpus->deaths);
	bpf_link__destroy(vcpus->link);
	vcpus_bpf__destroy(vcpus->bpf);
	free(vcpus->list);
	free(vcpus);
}

/* All of a record, unless that was the last. */
static ssize_t read_record(int fd, void *record, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, (char *)record + got, size - got);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n;
		got += n;
	}
	return got;
}

/* A file can be open in several places. */
static bool is_listed(const struct vcpus *vcpus, unsigned int from)
{
	const struct ec_listed *last = &vcpus->list[vcpus->nr - 1];

	for (const struct ec_listed *one = &vcpus->list[from]; one < last; one++)
		if (one->key == last->key)
			return true;
	return false;
}

void vcpus_poll(struct vcpus *vcpus, struct ec_listed **list, unsigned int *nr)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < vcpus->nr; i++)
		if (vcpus->list[i].gone && vcpus->list[i].key && i != kept++)
			vcpus->list[kept - 1] = vcpus->list[i];
	vcpus->nr = kept;
	if (vcpus->deaths)
		ring_buffer__consume(vcpus->deaths);
	*list = vcpus->list;
	*nr = vcpus->nr;
}

int vcpus_read(struct vcpus *vcpus, struct ec_listed **list, unsigned int *nr, struct error *err)
{
	size_t size = vcpus->account ? sizeof(struct ec_listed) : EC_LISTED_HEAD;
	unsigned int first;
	ssize_t got = 1;
	int fd;

	vcpus_poll(vcpus, list, &first);
	fd = bpf_iter_create(bpf_link__fd(vcpus->link));
	if (fd < 0)
		return error_set(err, STATUS_CANNOT_RUN, "cannot list vCPUs: %s", strerror(-fd));
	while (got > 0) {
		struct ec_listed *listed = add(vcpus);

		if (!listed)
			break;
		got = read_record(fd, listed, size);
		if (got <= 0 || is_listed(vcpus, first))
			vcpus->nr--;
		else
			put_in_order(vcpus, listed);
	}
	close(fd);
	*list = vcpus->list;
	*nr = vcpus->nr;
	if (vcpus->failed)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	return got < 0 ? error_set(err, STATUS_CANNOT_RUN, "cannot list vCPUs: %m") : 0;
}

unsigned long long vcpus_lost(const struct vcpus *vcpus)
{
	return vcpus->account ? vcpus->bpf->bss->lost_deaths : 0;
}
