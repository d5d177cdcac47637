/* SPDX-License-Identifier: GPL-2.0-only */

/* The probe guest (user/kvm/guest/), a flat binary to be loaded at PROBE_IMAGE_ADDR. */
	.section .rodata
	.balign 16
	.globl probe_blob, probe_blob_end
probe_blob:
	.incbin "probe.bin"
probe_blob_end:

	.section .note.GNU-stack, "", @progbits
