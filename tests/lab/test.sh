# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # variables for the tests
# What the tests that run the lab and look at its results share.

here=${0%/*}
kernel=${KERNEL:-6.12} isa=${ISA:-svm}
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
out=$(mktemp -d "${TMPDIR:-/tmp}/exitcheck-test.XXXXXX")
trap 'rm -rf "$out"' EXIT

# get_runs NAME...: options of the lab, in $get, that bring $out/NAME.json and $out/NAME.txt.
get_runs()
{
	local name

	get=()
	for name; do
		get+=(--get "/tmp/$name.json:$out/$name.json" --get "/tmp/$name.txt:$out/$name.txt")
	done
}

# run_function: for a job: run NAME COMMAND..., exitcheck's JSON and its text, with the status last.
run_function()
{
	cat <<'END'
run()
{
	name=$1
	shift
	exitcheck "$@" --json "/tmp/$name.json" >"/tmp/$name.txt" 2>&1
	echo "status $?" >>"/tmp/$name.txt"
}
END
}

# status NAME, closing NAME: the exit status of a run, and the last line that it printed.
status()
{
	sed -n 's/^status //p' "$out/$1.txt"
}

closing()
{
	grep -v '^status ' "$out/$1.txt" | tail -n 1
}

# linux_guest: a busybox guest with cpuid(1) and exitcheck-guest for a QEMU in the host, its init on stdin.
# Sets $bring to the lab's options that bring QEMU, its firmware, /guest/kernel and /guest/initramfs.
linux_guest()
{
	local dir=$out/guest image library

	# 7.2 panics as a guest when QEMU's TCG emulates its host.
	image=$("$here/lab" build --kernel 6.12 --isa "$isa" --patch none)
	mkdir -p "$dir"/{bin,proc,dev}
	cat >"$dir/init"
	chmod +x "$dir/init"
	cp "$(command -v busybox)" "$(command -v cpuid)" "$here/../../exitcheck-guest" "$dir/bin"
	ldd "$(command -v cpuid)" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$dir${library%/*}"
		cp -L "$library" "$dir$library"
	done
	(cd "$dir" && find . | cpio -o -H newc -R 0:0 --quiet) >"$out/initramfs"
	bring_qemu
	bring+=(--bring "$image:/guest/kernel" --bring "$out/initramfs:/guest/initramfs")
}

# bring_qemu: sets $bring to the lab's options that bring QEMU and its firmware.
bring_qemu()
{
	local file

	bring=(--bring "$(command -v qemu-system-x86_64)")
	for file in /usr/share/seabios/bios-256k.bin /usr/share/qemu/{kvmvapic,linuxboot_dma}.bin; do
		bring+=(--bring "$file:$file")
	done
}

# bring_terminal: adds a terminal for programs to $bring, with what ncurses needs.
bring_terminal()
{
	local dir file locale=/usr/lib/locale/C.utf8/LC_CTYPE

	${CC:-cc} -O2 -Wall -Wextra -Werror -o "$out/terminal" "$here/terminal.c" -lvterm
	bring+=(--bring "$out/terminal")
	for file in v/vt100 x/xterm s/screen; do
		for dir in /lib/terminfo /usr/share/terminfo; do
			[ ! -e "$dir/$file" ] || bring+=(--bring "$dir/$file:/usr/share/terminfo/$file")
		done
	done
	[ ! -e "$locale" ] || bring+=(--bring "$locale:$locale")
}

# linux_host OPTION...: boots a host with one CPU for the job on stdin, which runs such a guest, and ends with its
# status.  In some such boots QEMU's TCG loses the host's timer, and the host does nothing any more: it is then
# booted once more.  What the job says comes at the end.
linux_host()
{
	local status try

	cat >"$out/job"
	for try in 1 2; do
		status=0
		"$here/lab" run --kernel "$kernel" --isa "$isa" --smp 1 --mem 2G "${bring[@]}" "$@" \
			--job "$out/job" >"$out/said" || status=$?
		[ "$status$try" = 41 ] || break
	done
	cat "$out/said"
	return "$status"
}
