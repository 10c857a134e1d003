# SPDX-License-Identifier: GPL-3.0-or-later
# In dom0, under -icount on one CPU, where a nanosecond is an instruction. What has to do with disks is in
# memory, so no real device's time is in it. Helpers: tests/machine/dom0.sh and guest.sh.

now() { date +%s%N; }

# row NAME DIVISOR COMMAND...: how long it took.
row() {
	local name=$1 divisor=$2 start
	shift 2
	start=$(now)
	"$@" || fail "$name: $*"
	echo "KEEL-BENCH $name $((($(now) - start) / divisor))"
}

read -r up _ </proc/uptime
echo "KEEL-BENCH boot_uptime_ms ${up/./}0"

row fork_exec 200 sh -c 'i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i + 1)); done'

make_guest_initrd
truncate -s 64M /dev/shm/disk.raw
guest_cfg g1 2 'vcpus = 1' 'vif = [ "bridge=xenbr0, mac=00:16:3e:00:00:02" ]' \
	'disk = [ "format=raw, vdev=xvda, access=rw, target=/dev/shm/disk.raw" ]'
create() {
	xl create -q /root/g1.cfg && keel console g1 --history --expect 'guest: ready' >/dev/null
}
row create_to_user_ms 1000000 create
until_true 120 guest_answers 2 || fail "no answer"

quietly() { "$@" >/dev/null; }
row blkback_read_ms 1000000 quietly in_guest 2 'dd if=/dev/xvda of=/dev/null bs=1M iflag=direct'
row blkback_write_ms 1000000 quietly in_guest 2 'dd if=/dev/zero of=/dev/xvda bs=1M count=64 oflag=direct'
mkdir -p /dev/shm/www
truncate -s 32M /dev/shm/www/data
/root/busybox httpd -p 8080 -h /dev/shm/www
row netback_to_guest_ms 1000000 quietly in_guest 2 'wget -q -O /dev/null http://10.9.9.1:8080/data && echo done'
row netback_from_guest_ms 1000000 quietly in_guest 2 'dd if=/dev/zero bs=1M count=32'
