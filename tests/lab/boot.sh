# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # the options, $here and $top are lab's, a pattern is guest.sh's
# The emulated host: its initramfs, its boot, and the way back of what its job says.

# host_run: boots the host as the options ask, passes on what its job says, and ends with its status.
host_run()
{
	host_initramfs
	cp "$kernel_dir/arch/x86/boot/bzImage" "$scratch/bzImage"
	say "booting Linux $kernel on an emulated $isa host (KVM: ${variants// /, })"
	host_serve
}

# host_serve: the same with what is there: boots, passes on, ends.
host_serve()
{
	local outcome=none complaint

	host_boot
	mkdir -p "$(dirname "$console")"
	cp "$scratch/console" "$console"

	complaint=$(grep -aE -m 1 "$complaint_pattern" "$scratch/console" | tr -d '\r' || true)
	[ -z "$complaint" ] || die 1 "the host's kernel complained: $complaint (see $console)"
	case $outcome in
	none) "$emulator"_complaint >&2
	      die 4 "the host ended without its job's status (see $console)" ;;
	late) die 4 "the host did not end within $limit s of CPU time and was stopped (see $console)" ;;
	idle) die 4 "the host has done nothing for $idle_limit s and was stopped (see $console)" ;;
	esac
	exit "$outcome"
}

# host_initramfs: what the host has besides its kernel, in $scratch/initramfs.
host_initramfs()
{
	local dir=$scratch/root variant file

	mkdir -p "$dir"/{bin,proc,sys,dev,tmp,run,host,lab/bin,lab/modules}
	cp "$here/init" "$dir"
	cp "$here/guest.sh" "$top/tests/tap.sh" "$dir/lab"
	cp "$(command -v busybox)" "$dir/lab/bin/busybox"
	for variant in $variants; do
		cp -r "${variant_dirs[$variant]}" "$dir/lab/modules/$variant"
	done
	[ "$image" = no ] || cp -r "$kernel_dir/lib" "$dir"
	[ ! -x "$top/exitcheck" ] || bring+=("$top/exitcheck")
	for file in "${bring[@]}"; do
		host_bring "$file" "$dir"
	done
	host_job >"$dir/lab/job"
	printf '%s\n' "${get[@]%%:*}" >"$dir/lab/get"
	echo "$root" >"$dir/lab/root"
	(cd "$dir" && find . | cpio -o -H newc -R 0:0 --quiet) >"$scratch/initramfs"
}

# host_bring FILE[:PATH] DIR: a file to PATH; or into the host's PATH, with the libraries it is linked with
# at the paths they have here.
host_bring()
{
	local file=${1%%:*} to=${1#*:} library

	[ -f "$file" ] || die 2 "--bring: there is no file $file"
	if [ "$to" != "$1" ]; then
		mkdir -p "$2${to%/*}"
		cp -L "$file" "$2$to"
		return
	fi
	cp -L "$file" "$2/lab/bin"
	[ "$root" = initramfs ] || return 0
	{ ldd "$1" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$2${library%/*}"
		cp -L "$library" "$2$library"
	done
}

# host_job: the script that the host runs: its settings, KVM, then the command.
host_job()
{
	local first=${variants%% *}

	echo '. /run/lab/guest.sh'
	echo '. /run/lab/tap.sh'
	[ "$modules" = no ] || echo "load_kvm $first $params || exit 3"
	if [ -n "$job" ]; then
		cat -- "$job"
	else
		quote "${args[@]}"
		echo
	fi
}

# host_boot: sets outcome to the job's status, to "late" or "idle" if the host had to be stopped, or leaves it.
# The host's second serial port carries lines that begin with what they are (see init).
host_boot()
{
	local port line='' rest='' file=/dev/null checked=$SECONDS busy=0 active=$SECONDS status i

	mkfifo "$scratch/port"
	# Bochs does not listen to any other; neither has anything to tidy up.
	child_signal=KILL
	spawn "host_$emulator"
	exec {port}<"$scratch/port"
	while :; do
		if [ $((SECONDS - checked)) -ge 5 ]; then
			host_look
			[ "$outcome" = none ] || break
		fi
		status=0
		IFS= LC_ALL=C read -r -t 5 line <&"$port" || status=$?
		line=$rest$line rest=
		[ "$status" != 0 ] || active=$SECONDS
		if [ "$status" -gt 128 ]; then
			# Nothing for 5 s, or not all of a line.
			rest=$line
			continue
		fi
		[ "$status" = 0 ] || break
		case $line in
		o*) printf '%s\n' "${line#o}" ;;
		e*) printf '%s\n' "${line#e}" >&2 ;;
		f*) file=$scratch/get.${line#f} ;;
		b*) printf '%s\n' "${line#b}" >>"$file" ;;
		s*) outcome=${line#s} ;;
		esac
	done
	child_kill
	exec {port}<&-
	for i in "${!get[@]}"; do
		[ ! -e "$scratch/get.$i" ] || base64 -d "$scratch/get.$i" | gzip -d >"${get[$i]#*:}"
	done
}

# host_look: ends the host's time, in outcome, once the emulator has used $limit seconds of CPU time, or
# for $idle_limit seconds has hardly used any while the job says nothing.  What it waits for a CPU counts
# as if it had one: other work on this machine makes a host slow, never late.
idle_limit=120
host_look()
{
	local now ticks delayed

	ticks=$(sed 's/^[0-9]* (.*) //' /proc/[0-9]*/stat 2>/dev/null |
		awk -v group="$child" '$3 == group { ticks += $12 + $13 } END { print ticks + 0 }')
	delayed=$(cat /proc/"$child"/task/*/schedstat 2>/dev/null |
		awk '{ ns += $2 } END { printf "%.0f\n", ns / 1e7 }')
	ticks=$((ticks * 100 / $(getconf CLK_TCK)))
	now=$((ticks + delayed))
	# A host that only takes its timer's interrupts uses a tenth of a CPU.
	[ -r "/proc/$child/schedstat" ] && [ $((now - busy)) -lt $(((SECONDS - checked) * 30)) ] ||
		active=$SECONDS
	busy=$now checked=$SECONDS
	if [ "$ticks" -ge $((limit * 100)) ]; then
		outcome=late
	elif [ $((SECONDS - active)) -ge "$idle_limit" ]; then
		outcome=idle
	fi
}

# host_tsc: the rate of this machine's TSC, and so of the host's, in kHz.
host_tsc()
{
	gcc -O2 -o "$scratch/tsc" "$here/tsc.c"
	"$scratch/tsc"
}

# qemu_complaint: what QEMU said when it gave up, if it did.
qemu_complaint()
{
	cat "$scratch/emulator.log"
}

# qemu_machine: sets $machine to QEMU's options for a host with SVM, and $khz to the rate of its TSC.
# thread=single: the host's CPUs take turns.  Where they run side by side, QEMU 7.2 now and then enters a
# VM with page tables that are not the VM's, or with the host's state (a triple fault, or an endless
# nested page fault; once in a few million exits of four vCPUs), and executes an int3 that the
# kernel has patched away again.
qemu_machine()
{
	local cpu accel=tcg,thread=single

	khz=$(host_tsc)
	case $isa in
	# QEMU 7.2 would drop a TSC that is constant and never stops, which its TCG's is, but has on request all
	# that the CPU's model asks for: so what TCG cannot do is taken out of that.
	svm) cpu=EPYC,+svm,+invtsc,x-force-features=on,-rdseed,-sha-ni,-fxsr-opt,-misalignsse
	     cpu+=,-3dnowprefetch,-osvw,-topoext,-nrip-save,-xsavec ;;
	esac
	# Races are between CPUs that run side by side.
	[ "$config" != kcsan ] || accel=tcg,thread=multi
	machine=(-nodefaults -no-user-config -display none -no-reboot -accel "$accel" -cpu "$cpu" -smp "$smp" -m "$mem"
		-serial "file:$scratch/console" -serial stdio)
	if [ "$icount" = yes ]; then
		khz=1000000
		machine+=(-icount "shift=0,sleep=off")
	fi
}

# qemu_become APPEND OPTION...: becomes the emulator, which never outlives this shell.
# no_timer_check: while this machine has much else to do, the kernel would find that the timer it waits
# for does not work, and panic.
qemu_become()
{
	local append=$1

	shift
	exec setpriv --pdeathsig KILL qemu-system-x86_64 "${machine[@]}" "$@" \
		-append "console=ttyS0 no_timer_check oops=panic panic=-1 tsc=reliable tsc_early_khz=$khz $append" \
		</dev/null >"$scratch/port" 2>"$scratch/emulator.log"
}

host_qemu()
{
	local machine khz append='' extra=()

	qemu_machine
	[ "$image" != yes ] || append=mitigations=off
	if [ "$root" = 9p ]; then
		# Remapped: / and what is mounted on it would share inode numbers otherwise.
		# shellcheck disable=SC2054
		extra+=(-fsdev "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"
			-device virtio-9p-pci,fsdev=root,mount_tag=root)
	fi
	qemu_become "$append" -kernel "$scratch/bzImage" -initrd "$scratch/initramfs" "${extra[@]}"
}

# host_debian: becomes the emulator of a Debian with its own kernel, whose second disk is $archive (see debian.sh).
host_debian()
{
	local machine khz

	qemu_machine
	qemu_become "quiet mitigations=off root=/dev/vda rw systemd.run=\"/usr/local/sbin/second-disk host\"" \
		-kernel "$debian_dir/kernel" -initrd "$debian_dir/initrd" \
		-drive "file=$debian_dir/disk,if=virtio,format=raw,snapshot=on" \
		-drive "file=$archive,if=virtio,format=raw,readonly=on"
}

debian_complaint()
{
	qemu_complaint
}
