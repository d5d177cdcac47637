// SPDX-License-Identifier: GPL-2.0-only
/* Words and their near matches; numbers as text. */
#include "fuzz.h"
#include "util/text.h"
#include "kvm/workload.h"

/* A number as text is the number again, and never cut off. */
static void check_number(uint64_t value)
{
	struct text text = text_u64(value), negative = text_i64((int64_t)value);
	char digits[sizeof(text)], *to = digits;
	size_t length = strnlen(text.s, sizeof(text));

	must(length < sizeof(text) && strnlen(negative.s, sizeof(negative)) < sizeof(negative));
	for (const char *from = text.s; *from; from++)
		if (*from != ',')
			*to++ = *from;
	*to = '\0';
	must(strtoull(digits, NULL, 10) == value);
	must(((int64_t)value < 0) == (negative.s[0] == '-'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *word = fuzz_string(data, size), *candidate = strchr(word, '\n');
	uint64_t value = 0;

	if (candidate)
		*candidate++ = '\0';
	must(text_is_near(word, word) == (*word != '\0'));
	text_is_near(word, candidate ? candidate : "");
	for (unsigned int i = 0; i < nr_workloads; i++) {
		bool is_it = !strcmp(word, workloads[i].name);

		must(!is_it || workload_find(word) == &workloads[i]);
		must(!is_it || text_is_near(word, workloads[i].name));
	}
	memcpy(&value, data, size < sizeof(value) ? size : sizeof(value));
	check_number(value);
	free(word);
	return 0;
}
