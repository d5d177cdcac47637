// SPDX-License-Identifier: GPL-2.0-only
#include "live/columns.h"

static bool exits(const struct column_input *input, double *value)
{
	*value = (double)input->exits->exits;
	return true;
}

static bool rate(const struct column_input *input, double *value)
{
	*value = (double)input->exits->exits / input->seconds;
	return input->seconds > 0;
}

static bool time(const struct column_input *input, double *value)
{
	*value = (double)input->exits->time_ns;
	return true;
}

static bool share(const struct column_input *input, double *value)
{
	*value = (double)input->exits->time_ns / (input->seconds * 1e9);
	return input->seconds > 0;
}

static bool mean(const struct column_input *input, double *value)
{
	*value = (double)input->exits->ns / (double)input->exits->ended;
	return input->exits->ended;
}

static bool quantile(const struct column_input *input, double part, double *value)
{
	struct usage_quantile quantile;

	if (!usage_quantile(input->usage, input->exits, part, &quantile))
		return false;
	*value = quantile.ns;
	return true;
}

static bool p50(const struct column_input *input, double *value)
{
	return quantile(input, 0.5, value);
}

static bool p99(const struct column_input *input, double *value)
{
	return quantile(input, 0.99, value);
}

static bool max(const struct column_input *input, double *value)
{
	*value = (double)input->exits->max_ns;
	return input->usage->has_hist && input->exits->ended;
}

static struct text number_text(const struct column_input *input, double value)
{
	(void)input;
	return text_real(value);
}

static struct text duration_text(const struct column_input *input, double value)
{
	(void)input;
	return text_duration(value);
}

static struct text percent_text(const struct column_input *input, double value)
{
	struct text text;

	(void)input;
	snprintf(text.s, sizeof(text.s), "%.1f %%", 100 * value);
	return text;
}

static struct text max_text(const struct column_input *input, double value)
{
	const struct text duration = text_duration(value);
	struct text text;

	if (!input->exits->max_is_bound)
		return duration;
	snprintf(text.s, sizeof(text.s), "<%.26s", duration.s);
	return text;
}

const struct column columns[NR_COLUMNS] = {
	[COLUMN_EXITS] = { "exits", "exits", 11, true, false, exits, number_text },
	[COLUMN_RATE] = { "exits_per_second", "exits/s", 9, false, false, rate, number_text },
	[COLUMN_TIME] = { "time_ns", "time", 8, true, false, time, duration_text },
	[COLUMN_SHARE] = { "share", "share", 8, false, false, share, percent_text },
	[COLUMN_MEAN] = { "mean_ns", "mean", 8, false, false, mean, duration_text },
	[COLUMN_P50] = { "p50_ns", "p50", 8, false, true, p50, duration_text },
	[COLUMN_P99] = { "p99_ns", "p99", 8, false, true, p99, duration_text },
	[COLUMN_MAX] = { "max_ns", "max", 8, true, true, max, max_text },
};

static bool handler(const struct column_input *input, double *value)
{
	*value = (double)usage_handler_ns(input->exits);
	return input->usage->has_parts;
}

#define PART(name, part)                                                  \
	static bool name(const struct column_input *input, double *value) \
	{                                                                 \
		*value = (double)input->exits->part_ns[part];             \
		return input->usage->has_parts;                           \
	}
PART(user, EC_PART_USER)
PART(polling, EC_PART_POLLING)
PART(blocked, EC_PART_BLOCKED)
PART(waiting, EC_PART_WAITING)

const struct column part_columns[NR_PART_COLUMNS] = {
	{ "handler_ns", "handler", 8, true, false, handler, duration_text },
	[1 + EC_PART_USER] = { "user_ns", "user", 8, true, false, user, duration_text },
	[1 + EC_PART_POLLING] = { "polling_ns", "polling", 8, true, false, polling, duration_text },
	[1 + EC_PART_BLOCKED] = { "blocked_ns", "blocked", 8, true, false, blocked, duration_text },
	[1 + EC_PART_WAITING] = { "waiting_ns", "waiting", 8, true, false, waiting, duration_text },
};

void column_add_json(json_t *json, const struct column *column, const struct column_input *input)
{
	double value;

	json_object_set_new(json, column->name,
			    !column->value(input, &value) ? json_null() :
			    column->is_whole		  ? json_integer((json_int_t)value) :
							    json_real(value));
}

struct text column_cell(const struct column *column, const struct column_input *input)
{
	double value;

	if (column->value(input, &value))
		return column->text(input, value);
	return (struct text){ "-" };
}

struct text column_text(enum column_id id, const struct column_input *input)
{
	return column_cell(&columns[id], input);
}
