# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # $scratch and $cache are lib.sh's
# Debian's Prometheus of this machine's release: unpacked into the cache. Installed, it would start as a service.

# prometheus_get: sets $prometheus_dir to where it has been unpacked.
prometheus_get()
{
	local id

	id=$(apt-cache show --no-all-versions prometheus 2>/dev/null | sed -n 's/^Version: //p')
	[ -n "$id" ] || die 3 "the mirror has no prometheus"
	prometheus_dir=$cache/prometheus/${id//:/-}
	cache_make "$prometheus_dir" prometheus_make
}

# prometheus_make DIR
prometheus_make()
{
	cache_room 200
	mkdir -p "$scratch/download"
	task "fetching Prometheus" detail_size source_download prometheus
	dpkg-deb --fsys-tarfile "$scratch"/download/prometheus_*.deb |
		tar -xf - -C "$1" --strip-components=3 ./usr/bin/prometheus ./usr/bin/promtool
	rm -f "$scratch"/download/*.deb
}
