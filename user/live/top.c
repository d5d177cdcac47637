// SPDX-License-Identifier: GPL-2.0-only
#include "live/top.h"

#include <stdio.h>

#include "live/top_model.h"
#include "live/top_screen.h"
#include "live/watch.h"

struct topping {
	const struct top_plan *plan;
	struct meter meter;
	struct top_model model;
};

static void show(struct topping *topping)
{
	const struct top_view view = {
		.model = &topping->model,
		.host = &topping->meter.host,
		.source = topping->meter.name,
		.proof = &topping->meter.proof,
		.interval = topping->plan->interval,
	};

	top_screen_show(&view, &topping->model);
}

static int poll(void *context, struct error *err)
{
	struct topping *topping = context;

	return meter_poll(&topping->meter, err);
}

static int look(void *context, struct error *err)
{
	struct topping *topping = context;
	int status;

	if (topping->model.frozen)
		return 0;
	status = meter_take(&topping->meter, false, err);
	if (status)
		return status;
	top_update(&topping->model, &topping->meter.usage);
	show(topping);
	return topping->model.failed ? error_set(err, STATUS_CANNOT_RUN, "out of memory") : 0;
}

static bool input(void *context)
{
	struct topping *topping = context;
	int key, nr = 0;

	for (; (key = top_screen_key()) != TOP_KEY_NONE; nr++)
		top_type(&topping->model, key);
	if (nr)
		show(topping);
	return !topping->model.quit;
}

static int run(struct topping *topping, struct error *err)
{
	const struct top_plan *plan = topping->plan;
	const struct watch_plan watch = {
		.process = topping->meter.plan.process,
		.seconds = plan->seconds,
		.interval = plan->interval,
		.count = plan->count,
		.poll = poll,
		.look = look,
		.input = input,
	};
	const char *command;
	int status = top_screen_open(plan->color, err);

	if (status)
		return status;
	show(topping);
	status = watch_run(&watch, topping, topping->meter.begin, &command, err);
	top_screen_close();
	return status ? status : meter_take(&topping->meter, true, err);
}

int top_run(const struct top_plan *plan, int *verdict, struct error *err)
{
	struct topping topping = { .plan = plan };
	struct proof_verdict proof;
	int status = top_screen_check(err);

	*verdict = STATUS_CANNOT_RUN;
	status = status ? status : meter_find(&topping.meter, &plan->meter, err);
	status = status ? status : meter_open(&topping.meter, err);
	top_open(&topping.model, topping.meter.host.isa);
	status = status ? status : run(&topping, err);
	if (!status) {
		proof = proof_verdict(&topping.meter.proof);
		printf("%s\n", proof.text);
		*verdict = proof.complete ? STATUS_PASS : STATUS_INCONCLUSIVE;
	}
	top_close(&topping.model);
	meter_close(&topping.meter);
	return status;
}
