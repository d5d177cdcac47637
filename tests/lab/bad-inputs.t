#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The generator of tests/cli where exitcheck could run: as root and with KVM, an input that is taken for a good one
# does not end with "no /dev/kvm". So many to each command as INPUTS says, others than those of `make unit`.
set -eu

here=${0%/*}
# Perl's own files that it needs.
bring=(--bring "$(command -v perl)")
while read -r file; do
	bring+=(--bring "$file:$file")
done < <(perl -MCwd -MFile::Temp -MTime::HiRes -MPOSIX -e 'print "$_\n" for values %INC, @DynaLoader::dl_shared_objects')

"$here/lab" run --kernel "${KERNEL:-6.12}" --isa "${ISA:-svm}" --patch series --timeout 1800 "${bring[@]}" \
	--bring "$here/../cli/bad-inputs.t:/bad-inputs.t" --job - <<EOT
SEED=${SEED:-2} INPUTS=${INPUTS:-40} perl /bad-inputs.t /run/lab/bin/exitcheck
EOT
