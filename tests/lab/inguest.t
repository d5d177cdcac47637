#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# exitcheck-guest's tables of a guest that knows how many exits of each reason it has caused (inguest.c).
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
exec "$here/lab" run --kernel "$kernel" --isa "$isa" --patch series \
	--bring "$here/../../build/lab/inguest" --timeout 300 inguest
