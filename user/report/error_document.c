// SPDX-License-Identifier: GPL-2.0-only
#include "report/error_document.h"

#include "util/version.h"

json_t *report_error_document(const struct error *err)
{
	return json_pack("{s:i, s:s}", "schema_version", REPORT_SCHEMA_VERSION, "error", err->text);
}
