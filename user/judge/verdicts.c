// SPDX-License-Identifier: GPL-2.0-only
#include "judge/verdicts.h"

const char *check_name(enum check_id id)
{
	static const char *const names[NR_CHECKS] = {
#define X(id, name) [CHECK_##id] = name,
		CHECKS(X)
#undef X
	};

	return names[id];
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_PASS] = "PASS",
		[VERDICT_FAIL] = "FAIL",
		[VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
		[VERDICT_SKIP] = "SKIP",
	};

	return names[verdict];
}
