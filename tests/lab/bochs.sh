# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # the options are lab's, $scratch is lib.sh's
# The emulated VMX host: Bochs, which boots from a CD and is told everything by a file.

# On Debian's 3.1+dfsg-1 Linux does not boot (6.12.117, 6.12.118): the multiplier of a clock comes out as 0, and the kernel
# divides by it as it registers the HPET or the TSC.  There Debian 13's serves, beside it, with the library that the
# newer one does without.
bochs_broken=3.1+dfsg-1 bochs_instead=trixie bochs_packages='bochs bochs-term bochsbios libsamplerate0'

# bochs_get: sets $bochs_dir to where that has been unpacked; to nothing where the machine's own is good.
bochs_get()
{
	bochs_dir=
	[ "$(dpkg-query -W -f '${Version}' bochs 2>/dev/null || true)" = "$bochs_broken" ] || return 0
	bochs_dir=$cache/bochs/$bochs_instead-${bochs_packages// /+}
	cache_make "$bochs_dir" bochs_make
}

# bochs_make DIR
bochs_make()
{
	local apt=() deb

	mkdir -p "$scratch/download"
	suite_lists "$bochs_instead"
	task "fetching Bochs of Debian $bochs_instead" detail_size bochs_download "${apt[@]}"
	for deb in "$scratch"/download/*.deb; do
		dpkg-deb -x "$deb" "$1"
	done
	rm -f "$scratch"/download/*.deb
}

# bochs_download OPTION...
bochs_download()
{
	local package

	for package in $bochs_packages; do
		source_download "$package/$bochs_instead" "$@" || return
	done
}

# host_bochs: becomes the emulator, which never outlives this shell.
host_bochs()
{
	local pid=$BASHPID program=bochs

	if [ -n "$bochs_dir" ]; then
		program=$bochs_dir/usr/bin/bochs-bin
		export LD_LIBRARY_PATH=$bochs_dir/usr/lib/x86_64-linux-gnu
		export LTDL_LIBRARY_PATH=$LD_LIBRARY_PATH/bochs/plugins
	fi

	# Open from now on: its reader would wait for a writer otherwise, and Bochs is none before the first
	# line.
	exec 3>"$scratch/port"
	bochs_medium
	bochs_config >"$scratch/bochsrc"
	# Debian's Bochs starts in its debugger: continue.
	echo c >"$scratch/bochs.rc"
	bochs_screen "$pid" 3>&- &
	# The screen goes nowhere, but its driver wants to know a terminal.
	TERM=linux exec setpriv --pdeathsig KILL "$program" -q -f "$scratch/bochsrc" -rc "$scratch/bochs.rc" \
		</dev/null >"$scratch/emulator.log" 2>&1
}

# bochs_screen PID: reads what Bochs shows on the pseudoterminal that it opens.  It waits for a reader
# when too much is unread; the cursor, which blinks, comes to that within some five minutes.
bochs_screen()
{
	local fd terminal=

	while [ -z "$terminal" ] && sleep 0.5 && kill -0 "$1" 2>/dev/null; do
		for fd in "/proc/$1/fd/"*; do
			[ "$(readlink "$fd")" != /dev/ptmx ] ||
				terminal=$(sed -n 's/^tty-index:[[:space:]]*//p' "/proc/$1/fdinfo/${fd##*/}")
		done
	done
	# Until Bochs is no more.
	[ -z "$terminal" ] || exec cat "/dev/pts/$terminal" </dev/null >/dev/null 2>&1
}

# bochs_complaint: what Bochs said when it gave up, if it did.
bochs_complaint()
{
	grep -aA 1 'exiting with the following message' "$scratch/emulator.log" || tail -n 5 "$scratch/emulator.log"
}

# bochs_medium: $scratch/boot.iso, with the kernel and its initramfs.
bochs_medium()
{
	local dir=$scratch/medium

	mkdir "$dir"
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$dir"
	ln "$scratch/bzImage" "$scratch/initramfs" "$dir"
	# A kernel that panics resets the machine by a triple fault, at which Bochs ends.
	cat >"$dir/isolinux.cfg" <<-'END'
		DEFAULT linux
		PROMPT 0
		LABEL linux
		KERNEL /bzImage
		INITRD /initramfs
		APPEND console=ttyS0,115200 oops=panic panic=-1 reboot=triple tsc=reliable tsc_early_khz=50000
	END
	xorriso -as mkisofs -quiet -o "$scratch/boot.iso" -b isolinux.bin -c boot.cat -no-emul-boot \
		-boot-load-size 4 -boot-info-table "$dir" >"$scratch/emulator.log" 2>&1
}

# bochs_config: the machine.
# The CPU model: those after it have an XSAVE that Linux finds inconsistent and turns off, or no
# preemption timer.  1 package of $smp cores: as packages, Linux warns about their topology.
# ips: how fast the clocks of the devices run, instructions a second; near what Bochs reaches.
# Log: every access to an MSR that the model does not know would be in it, one an exit.
bochs_config()
{
	local size=${mem%[GM]}

	[ "$mem" = "${mem%G}" ] || size=$((size * 1024))
	cat <<-END
		config_interface: textconfig
		display_library: term
		romimage: file=$bochs_dir/usr/share/bochs/BIOS-bochs-latest, options=fastboot
		vgaromimage: file=/usr/share/vgabios/vgabios.bin
		cpu: model=corei7_haswell_4770, count=1:$smp:1, ips=50000000, reset_on_triple_fault=0
		memory: guest=$size, host=$size
		ata0-master: type=cdrom, path=$scratch/boot.iso, status=inserted
		boot: cdrom
		clock: sync=none, time0=utc
		com1: enabled=1, mode=file, dev=$scratch/console
		com2: enabled=1, mode=file, dev=$scratch/port
		sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
		speaker: enabled=0
		log: $scratch/bochs.log
		panic: action=fatal
		error: action=ignore
		info: action=ignore
		debug: action=ignore
	END
}
