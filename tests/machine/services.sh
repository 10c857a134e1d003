#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# dom0's services: Keel's units for what Debian's init script starts, each up;
# Debian's own masked; stock xl and xenstore tools answer; the toolstack's
# own test of mapped resources passes; somebody is logged in on the console.
. "$(dirname "$0")/lib.sh"

in_dom0 --timeout 300 --add "$top_builddir/tests/machine/compat:/root/compat" <<'END'
same "system calls of a 32-bit program" "int 0x80 vdso" "$(/root/compat | paste -sd' ')"
for unit in proc-xen.mount xenstored.service xen-init-dom0.service \
	qemu-dom0.service keel-dom0-weight.service keel-host.target systemd-networkd.service; do
	same "$unit" active "$(systemctl is-active $unit)"
done
if [ -e /usr/lib/systemd/system/keel-consoled.service ]; then
	same "console daemon of Keel" active "$(systemctl is-active keel-consoled.service)"
	same "xenconsoled beside it" inactive "$(systemctl is-active xenconsoled.service)"
else
	same "console daemon" active "$(systemctl is-active xenconsoled.service)"
fi
for unit in xen.service xendomains.service; do
	same "$unit" masked "$(systemctl is-enabled $unit)"
done
same "name that libvirtd waits for" active "$(systemctl is-active xencommons.service)"
for module in xen_evtchn xen_gntdev xen_gntalloc xen_privcmd xenfs xen_blkback xen_netback; do
	grep -q "^$module " /proc/modules || fail "$module is not loaded"
done
same "dom0's name in the store" Domain-0 "$(xenstore-read /local/domain/0/name)"
xenstore-write /tool/test "a value" && same "store" "a value" "$(xenstore-read /tool/test)"
/usr/lib/xen-4.17/bin/test-resource >/root/test-resource && grep -q Created /root/test-resource ||
	{ cat /root/test-resource; fail "test-resource"; }
xl info | grep -q '^xen_version *: 4\.17' || fail "xl info"
[ "$(grep -c " t " /proc/xen/xensyms)" -gt 100 ] || fail "dom0 does not see the hypervisor's symbols"
same "bridge for guests" bridge "$(ip -d -o link show xenbr0 | grep -o ' bridge ' | tr -d ' ')"
until_true 30 pgrep -t hvc0 || fail "nobody is logged in on hvc0"
until_true 60 systemctl is-system-running --quiet ||
	{ systemctl --failed; fail "units failed"; }
END
