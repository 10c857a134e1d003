# SPDX-License-Identifier: GPL-3.0-or-later
# For scripts in dom0 that need Linux guests. /root/busybox and /root/guest-init are added by the test.
#   make_guest_initrd [MODULE]...     /root/guest.img: busybox, front-end drivers, guest-init
#   guest_cfg NAME NUMBER [LINE]...   writes /root/NAME.cfg; its address is 10.9.9.NUMBER
#   in_guest NUMBER SCRIPT     runs SCRIPT in it through its web server and prints what it says

kernel=/boot/vmlinuz-$(uname -r)

# The module and what it depends on, in loading order.
module_files() {
	modprobe --show-depends "$1" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
}

make_guest_initrd() {
	local root=/root/guest.root module file
	mkdir -p $root/bin $root/proc $root/sys $root/dev $root/modules $root/www/cgi-bin
	cp /root/busybox $root/bin/busybox
	ln -sf busybox $root/bin/sh
	cp /root/guest-init $root/init
	for module in xen-blkfront xen-netfront "$@"; do
		for file in $(module_files "$module"); do
			grep -qs "^${file##*/}\$" $root/modules/order && continue
			cp "$file" $root/modules/
			echo "${file##*/}" >>$root/modules/order
		done
	done
	printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nexec sh 2>&1\n' >$root/www/cgi-bin/run
	# The kernel runs these two when the toolstack asks.
	mkdir -p $root/sbin
	printf '#!/bin/sh\nexec busybox poweroff -f\n' >$root/sbin/poweroff
	printf '#!/bin/sh\nexec busybox reboot -f\n' >$root/sbin/reboot
	chmod 755 $root/init $root/bin/busybox $root/www/cgi-bin/run $root/sbin/*
	(cd $root && find . | cpio -o -H newc --quiet) | gzip -1 >/root/guest.img
	ip addr show xenbr0 | grep -q 10.9.9.1 || ip addr add 10.9.9.1/24 dev xenbr0
}

guest_cfg() {
	local name=$1 number=$2
	shift 2
	cat >"/root/$name.cfg" <<X
name = "$name"
type = "pv"
kernel = "$kernel"
ramdisk = "/root/guest.img"
extra = "console=hvc0 quiet keel.ip=10.9.9.$number"
memory = 160
X
	printf '%s\n' "$@" >>"/root/$name.cfg"
}

in_guest() {
	local fd reply
	exec {fd}<>"/dev/tcp/10.9.9.$1/80" || return 1
	printf 'POST /cgi-bin/run HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s' ${#2} "$2" >&$fd
	reply=$(timeout 60 cat <&$fd)
	exec {fd}>&-
	printf '%s\n' "$reply" | sed '1,/^\r*$/d'
}

# The time limit is for the connection: a host that does not answer keeps it waiting for minutes.
export -f in_guest
guest_answers() {
	[ "$(timeout 20 bash -c "in_guest $1 'echo yes'" 2>/dev/null)" = yes ]
}

guest_gone() {
	! xl domid "$1" >/dev/null 2>&1
}
