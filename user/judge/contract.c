// SPDX-License-Identifier: GPL-2.0-only
#include "judge/contract.h"

static const struct {
	const char *name, *text;
} lines[NR_CONTRACT_LINES] = {
#define X(id, name, text) [CONTRACT_LINE_##id] = { name, text },
	CONTRACT_LINES(X)
#undef X
};

const char *contract_line_name(enum contract_line_id id)
{
	return lines[id].name;
}

const char *contract_line_text(enum contract_line_id id)
{
	return lines[id].text;
}
