// SPDX-License-Identifier: GPL-2.0-only
/* What `exitcheck export` is given, a line each: where to listen, what a client takes, a VM's name. */
#include "fuzz.h"
#include "live/http.h"
#include "live/metrics.h"
#include "util/text.h"

/* The name is there again, whatever is in it, and nothing else is in its line. */
static void check_label(const char *text, const char *name)
{
	static const char begin[] = "\nkvm_vcpus{vm=\"";
	const char *at = strstr(text, begin);

	must(at);
	for (at += strlen(begin); *at != '"'; at++, name++) {
		bool is_escaped = *at == '\\';

		at += is_escaped;
		must(*name == (is_escaped && *at == 'n' ? '\n' : *at));
		must(!is_escaped || strchr("\\\"n", *at));
	}
	must(!*name && !strncmp(at, "\"} 1\n", 5));
}

static void write_metrics(const char *name, enum metrics_form form)
{
	struct meter meter = { .host.isa = EXIT_ISA_SVM, .usage.has_hist = true };
	struct exported exported = { 0 };
	const struct metrics metrics = {
		.meter = &meter,
		.exported = &exported,
		.self = { .version = "", .commit = "" },
		.max_series = 1000,
	};
	struct usage_vcpu *vcpu = usage_vcpu(&meter.usage, 1);
	static const char end[] = "\n# EOF\n";
	struct error err;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	must(vcpu && to);
	vcpu->vm = 1;
	usage_set(&meter.usage, vcpu, 0x72, &(struct usage_exits){ .exits = 1 });
	must(usage_end(&meter.usage));
	snprintf(meter.usage.vms[0].name, sizeof(meter.usage.vms[0].name), "%s", name);
	text_clean(meter.usage.vms[0].name);
	must(exported_update(&exported, &meter.usage));
	must(!metrics_write(to, &metrics, form, &err));
	must(!fclose(to));
	check_label(text, *meter.usage.vms[0].name ? meter.usage.vms[0].name : "process 0");
	must(!strcmp(text + size - strlen(end), end) == (form == METRICS_OPENMETRICS));
	free(text);
	exported_release(&exported);
	usage_release(&meter.usage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *listen = fuzz_string(data, size), *accept = strchr(listen, '\n'), *name;
	struct http_address address;
	enum metrics_form form;
	struct error err;
	int status;

	if (accept)
		*accept++ = '\0';
	name = accept ? strchr(accept, '\n') : NULL;
	if (name)
		*name++ = '\0';
	status = http_parse(listen, &address, &err);
	must(!status || (status == STATUS_USAGE && fuzz_is_line(err.text)));
	must(status || (address.length && !strcmp(address.text, listen)));
	form = metrics_form_of(accept);
	must(form == METRICS_PROMETHEUS || form == METRICS_OPENMETRICS);
	write_metrics(name ? name : "", form);
	free(listen);
	return 0;
}
