// SPDX-License-Identifier: GPL-2.0-only
/* As much of JSON Schema as the schemas of this directory use. */
#include "report/schema.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "report/blob.h"
#include "util/text.h"
#include "util/version.h"

struct check {
	const json_t *definitions;
	bool strict;
	struct error *err;
};

/* Where in the document a value is: a list from the inside out. */
struct json_path {
	const struct json_path *in;
	const char *key; /* NULL: the element of that index */
	size_t index;
};

static bool valid(const struct check *check, const struct json_path *path, const json_t *value,
		  const json_t *rule);

static size_t path_text(const struct json_path *path, char *text, size_t size)
{
	size_t n = path->in ? path_text(path->in, text, size) : 0;
	int length;

	if (!path->in || n >= size)
		return n;
	if (path->key)
		length = snprintf(text + n, size - n, "%s%s", n ? "." : "", path->key);
	else
		length = snprintf(text + n, size - n, "[%zu]", path->index);
	return n + length;
}

static bool invalid(const struct check *check, const struct json_path *path, const char *what)
{
	char text[128] = "";

	path_text(path, text, sizeof(text));
	error_set(check->err, STATUS_USAGE, "%s %s", *text ? text : "the document", what);
	return false;
}

static bool has_type(const json_t *value, const char *type)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return !strcmp(type, "object");
	case JSON_ARRAY:
		return !strcmp(type, "array");
	case JSON_STRING:
		return !strcmp(type, "string");
	case JSON_INTEGER:
		return !strcmp(type, "integer") || !strcmp(type, "number");
	case JSON_REAL:
		return !strcmp(type, "number");
	case JSON_TRUE:
	case JSON_FALSE:
		return !strcmp(type, "boolean");
	case JSON_NULL:
		return !strcmp(type, "null");
	}
	return false;
}

/* type: one, or a list of them */
static bool valid_type(const json_t *value, const json_t *type)
{
	const json_t *entry;
	size_t i;

	if (!type)
		return true;
	if (json_is_string(type))
		return has_type(value, json_string_value(type));
	json_array_foreach(type, i, entry)
		if (has_type(value, json_string_value(entry)))
			return true;
	return false;
}

static bool valid_enum(const json_t *value, const json_t *list)
{
	const json_t *entry;
	size_t i;

	if (!list)
		return true;
	json_array_foreach(list, i, entry)
		if (json_equal(value, entry))
			return true;
	return false;
}

static bool valid_minimum(const json_t *value, const json_t *minimum)
{
	return !minimum || !json_is_number(value) ||
	       json_number_value(value) >= json_number_value(minimum);
}

static bool valid_pattern(const json_t *value, const json_t *pattern)
{
	regex_t regex;
	bool matches;

	if (!pattern || !json_is_string(value))
		return true;
	if (regcomp(&regex, json_string_value(pattern), REG_EXTENDED | REG_NOSUB))
		return false;
	matches = !regexec(&regex, json_string_value(value), 0, NULL, 0);
	regfree(&regex);
	return matches;
}

/* One of the alternatives; the error is the last one's. */
static bool valid_any(const struct check *check, const struct json_path *path, const json_t *value,
		      const json_t *any)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(any, i, entry)
		if (valid(check, path, value, entry))
			return true;
	return !any;
}

static bool valid_members(const struct check *check, const struct json_path *path,
			  const json_t *value, const json_t *rule)
{
	const json_t *properties = json_object_get(rule, "properties"), *required, *member;
	struct json_path inner = { .in = path };
	size_t i;

	json_array_foreach(json_object_get(rule, "required"), i, required) {
		inner.key = json_string_value(required);
		if (!json_object_get(value, inner.key))
			return invalid(check, &inner, "is missing");
	}
	json_object_foreach((json_t *)value, inner.key, member) {
		const json_t *sub = json_object_get(properties, inner.key);

		if (sub && !valid(check, &inner, member, sub))
			return false;
		if (!sub && check->strict &&
		    json_is_false(json_object_get(rule, "additionalProperties")))
			return invalid(check, &inner, "is not in the schema");
	}
	return true;
}

static bool valid_items(const struct check *check, const struct json_path *path,
			const json_t *value, const json_t *rule)
{
	const json_t *items = json_object_get(rule, "items"), *entry;
	const json_t *most = json_object_get(rule, "maxItems");
	const json_t *least = json_object_get(rule, "minItems");
	struct json_path inner = { .in = path };

	if (least && json_array_size(value) < (size_t)json_integer_value(least))
		return invalid(check, path, "has too few elements");
	if (most && json_array_size(value) > (size_t)json_integer_value(most))
		return invalid(check, path, "has too many elements");
	json_array_foreach(value, inner.index, entry)
		if (items && !valid(check, &inner, entry, items))
			return false;
	return true;
}

/* Follows the schema, not the document, and so no deeper than the schema goes. */
static bool valid(const struct check *check, const struct json_path *path, const json_t *value,
		  const json_t *rule)
{
	const char *ref = json_string_value(json_object_get(rule, "$ref"));

	if (ref &&
	    !valid(check, path, value, json_object_get(check->definitions, strrchr(ref, '/') + 1)))
		return false;
	if (!valid_type(value, json_object_get(rule, "type")))
		return invalid(check, path, "has another type");
	if (!valid_enum(value, json_object_get(rule, "enum")))
		return invalid(check, path, "has a value that is not known");
	if (!valid_pattern(value, json_object_get(rule, "pattern")))
		return invalid(check, path, "is no number");
	if (!valid_minimum(value, json_object_get(rule, "minimum")))
		return invalid(check, path, "is negative");
	if (json_is_string(value) && !text_is_clean(json_string_value(value)))
		return invalid(check, path, "has control characters");
	return valid_any(check, path, value, json_object_get(rule, "anyOf")) &&
	       (!json_is_object(value) || valid_members(check, path, value, rule)) &&
	       valid_items(check, path, value, rule);
}

/* By kind: the schema, and how it is told. */
static const struct {
	const char *document;
	int version;
	const char *begin, *end;
} schemas[NR_SCHEMA_KINDS] = {
	[SCHEMA_RUN] = { "", REPORT_SCHEMA_VERSION, report_schema, report_schema_end },
	[SCHEMA_BENCH] = { "bench", BENCH_SCHEMA_VERSION, bench_schema, bench_schema_end },
	[SCHEMA_COMPARISON] = { "comparison", COMPARISON_SCHEMA_VERSION, comparison_schema,
				comparison_schema_end },
};

enum schema_kind schema_kind(const json_t *document)
{
	const char *name = json_string_value(json_object_get(document, "document"));
	enum schema_kind kind = NR_SCHEMA_KINDS - 1;

	while (kind && !(name && !strcmp(name, schemas[kind].document)))
		kind--;
	return kind;
}

int schema_version(const json_t *document)
{
	return schemas[schema_kind(document)].version;
}

static json_t *load_schema(const json_t *document)
{
	const enum schema_kind kind = schema_kind(document);

	return json_loadb(schemas[kind].begin, schemas[kind].end - schemas[kind].begin, 0, NULL);
}

int schema_check_by(const json_t *schema, const json_t *document, bool strict, struct error *err)
{
	const struct json_path top = { 0 };
	const struct check check = {
		.definitions = json_object_get(schema, "$defs"),
		.strict = strict,
		.err = err,
	};

	return valid(&check, &top, document, schema) ? 0 : STATUS_USAGE;
}

int schema_check(const json_t *document, bool strict, struct error *err)
{
	json_t *schema = load_schema(document);
	int status;

	if (!schema)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	status = schema_check_by(schema, document, strict, err);
	json_decref(schema);
	return status;
}
