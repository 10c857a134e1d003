#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The command keel on a fake host: what it prints, what it changes, its exit statuses.
. "$top_srcdir/tests/tools/tui-common.sh"
PATH=$fake:$PATH

# status N COMMAND...: the command must end with that status; its output is in $out.
status() {
	expected=$1
	shift
	got=0
	out=$("$@" 2>&1) || got=$?
	[ "$got" = "$expected" ] || fail "$*: status $got, not $expected: $out"
}

has() {
	case $out in
	*"$1"*) ;;
	*) fail "\"$1\" is not in: $out" ;;
	esac
}

fresh
define web1 mail nope-fail
running 4 hang-stuck 3 2
running 5 vm-noudev 3 2

status 0 keel help
has "list all guests"
status 2 keel nonsense-command
status 2 keel list --nonsense
status 2 keel start
status 0 keel start --help

status 0 keel list
has "web1"
has "off"
status 0 keel list --names
[ "$out" = "Domain-0
hang-stuck
mail
nope-fail
vm-noudev
web1" ] || fail "names: $out"
status 0 keel list --running --names
[ "$out" = "Domain-0
hang-stuck
vm-noudev" ] || fail "running names: $out"

# Start, stop, states that do not fit.
status 3 keel start nobody
status 0 keel start web1
status 4 keel start web1
has "has a domain already"
status 0 keel list --json
has '"name": "web1"'
status 0 keel info web1
has "vCPUs         2 online of 8"
status 0 keel pause web1
status 0 keel list
has "paused"
status 0 keel unpause web1
status 0 keel stop web1
status 4 keel stop web1
has "is not running"
status 1 keel start nope-fail
status 6 keel stop --timeout 1 hang-stuck
has "keel destroy hang-stuck"
status 0 keel destroy hang-stuck
status 3 keel destroy hang-stuck
status 4 keel destroy Domain-0
has "control domain"

# One failure does not keep the others from being done.
status 3 keel start nobody mail
status 0 keel list
has "mail                     6 running"
status 0 keel destroy mail

# vCPUs: live, saved, out of range, and one that does not come.
keel start web1
status 0 keel vcpu --wait 5 web1 4
status 0 keel vcpu web1
has "3     online    online"
status 2 keel vcpu web1 9
has "1 to 8"
status 2 keel vcpu web1 many
status 6 keel vcpu --wait 1 vm-noudev 3
has "vCPU 2 is not online"
has "/sys/devices/system/cpu/cpu2/online"
status 0 keel vcpu --save web1 3
grep -q '^vcpus = 3$' "$KEEL_ETC/guests/web1.cfg" || fail "vcpus was not saved"
status 0 keel vcpu --pin 0-3 web1
status 0 keel vcpu --json web1
has '"affinity": "0-3"'
status 4 keel vcpu mail 3
has "--save"

# Memory.
status 0 keel mem web1 768
status 0 keel mem web1
has "768 MiB"
status 0 keel mem --save --max 2g web1 1g
grep -q '^memory = 1024$' "$KEEL_ETC/guests/web1.cfg" || fail "memory was not saved"
grep -q '^maxmem = 2048$' "$KEEL_ETC/guests/web1.cfg" || fail "maxmem was not saved"
status 2 keel mem web1 lots

# Definitions.
printf 'name = "newone"\nkernel = "/k"\n' >"$work/newone.cfg"
status 0 keel define "$work/newone.cfg"
status 4 keel define "$work/newone.cfg"
status 0 keel define --replace "$work/newone.cfg"
printf 'name = "newone"\nvcpus = "x"\nkernel = "/k"\n' >"$work/bad.cfg"
status 7 keel define --replace "$work/bad.cfg"
status 0 keel config newone
has 'kernel = "/k"'
status 0 keel rename newone other
status 3 keel config newone
status 0 keel config --check other
status 4 keel undefine web1
status 0 keel undefine other
status 3 keel undefine other
EDITOR="sed -i s/vcpus/xvcpus/" keel config --edit mail || fail "edit"
grep -q '^xvcpus' "$KEEL_ETC/guests/mail.cfg" || fail "the edited text was not stored"

# Autostart.
status 0 keel autostart web1 on
status 0 keel list
has "auto"
status 2 keel autostart web1 maybe
status 4 keel autostart vm-noudev on

status 0 keel log
has "line one of the log"
status 5 keel check
has "fix: systemctl start keel-consoled.service"
status 0 keel host --json
has '"cpus": 8'

# No host: one clear line, and what to try.
KEEL_FAKE_BROKEN=1
export KEEL_FAKE_BROKEN
status 5 keel list
has "does not run on a hypervisor"
has "boot it through"
