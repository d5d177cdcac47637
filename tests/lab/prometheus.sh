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
	local deb

	cache_room 400
	mkdir -p "$scratch/download"
	task "fetching Prometheus" detail_size prometheus_download
	for deb in "$scratch"/download/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$1" --strip-components=3 --wildcards './usr/bin/prom*'
	done
	rm -f "$scratch"/download/*.deb
}

# prometheus_download: from Debian 13 on promtool is a package of its own.
prometheus_download()
{
	source_download prometheus
	[ -z "$(apt-cache show promtool 2>/dev/null)" ] || source_download promtool
}
