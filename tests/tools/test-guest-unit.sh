#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What keel-guest@.service runs, on a fake host and with a fake xl: the guest's life never
# hangs on the life of the unit's processes; only a stop that was asked for ends a guest.
. "$top_srcdir/tests/tools/tui-common.sh"
unit=$fake/keel-guest-unit
PATH=$work/bin:$fake:$PATH
mkdir -p "$work/bin"
printf '#!/bin/sh\necho "xl $*" >>"%s"\n' "$work/xl.log" >"$work/bin/xl"
chmod +x "$work/bin/xl"

begin() {
	fresh
	define web1 vm-stuck
	: >"$work/xl.log"
}

# Changes the state of domain 5 as the hypervisor would: 5 shut down, 6 rebooting,
# 7 crashed; under the lock that the fake host uses.
domain_state() {
	flock "$KEEL_FAKE_HOST" sh -c \
		"sed 's/^5 web1 [0-9]* /5 web1 $1 /' '$KEEL_FAKE_HOST' >'$work/new' &&
		cat '$work/new' >'$KEEL_FAKE_HOST'"
}

xl_ran() {
	[ "$(cat "$work/xl.log")" = "$1" ] || fail "$2: xl: $(cat "$work/xl.log")"
}

there() {
	"$fake/keel" list --names --running | grep -qx "$1"
}

status() {
	expected=$1
	shift
	got=0
	"$@" >"$work/out" 2>&1 || got=$?
	[ "$got" = "$expected" ] || fail "$*: status $got: $(cat "$work/out")"
}

# Waits until the unit in the background says that it watches.
watching() {
	limit=200
	until grep -q 'taking it over' "$work/watch.log"; do
		limit=$((limit - 1))
		[ $limit -gt 0 ] || fail "it does not watch: $(cat "$work/watch.log")"
		read -r -t 0.05 _ <> <(:) || :
	done
}

watch() {
	begin
	running 5 web1 3 2
	[ -z "${1-}" ] || echo "$1" >>"$KEEL_ETC/guests/web1.cfg"
	: >"$work/watch.log"
	"$unit" run web1 2>"$work/watch.log" &
	watcher=$!
	watching
}

echo "== no domain: xl builds it"
begin
status 0 "$unit" run web1
xl_ran "xl create -F $KEEL_ETC/guests/web1.cfg" "run"
status 3 "$unit" run nobody
status 2 "$unit" run ../web1

echo "== the domain lives: it is watched, not built"
watch
"$fake/keel" destroy web1
wait $watcher || fail "a destroyed guest is no failure"
xl_ran "" "destroyed"

echo "== it powers off: cleaned up, not built again"
watch
domain_state 5
wait $watcher || fail "power-off is no failure"
xl_ran "" "power-off"
there web1 && fail "the dead domain is still there"

echo "== it reboots: built again, by xl"
watch
domain_state 6
wait $watcher || fail "reboot"
xl_ran "xl create -F $KEEL_ETC/guests/web1.cfg" "reboot"
there web1 && fail "the old domain is still there"

echo "== it crashes: as on_crash says"
watch 'on_crash = "restart"'
domain_state 7
wait $watcher || fail "crash"
xl_ran "xl create -F $KEEL_ETC/guests/web1.cfg" "on_crash=restart"
watch 'on_crash = "preserve"'
domain_state 7
wait $watcher || fail "crash"
xl_ran "" "on_crash=preserve"
there web1 || fail "the preserved domain is gone"

echo "== a domain that was never built to its end gives way"
begin
# State 1: it exists and has no vCPU; its load is 0, so it never ran.
echo "5 web1 1 0 0 8 0 524288 0 $(date +%s) 1 0 all" >>"$KEEL_FAKE_HOST"
status 0 env KEEL_BUILD_LIMIT=1 "$unit" run web1
xl_ran "xl create -F $KEEL_ETC/guests/web1.cfg" "half-built"
there web1 && fail "the half-built domain is still there"

echo "== stop: not when the main process died by itself"
begin
running 5 web1 3 2
status 0 env -u MAINPID "$unit" stop web1
there web1 || fail "the guest was stopped because xl had died"

echo "== stop: asks, and after the limit destroys"
status 0 env MAINPID=$$ "$unit" stop web1
there web1 && fail "web1 was not stopped"
running 6 vm-stuck 3 2
status 0 env MAINPID=$$ KEEL_STOP_LIMIT=1 "$unit" stop vm-stuck
there vm-stuck && fail "vm-stuck was not destroyed"
grep -q "destroying domain 6" "$work/out" || fail "nothing was said"
status 0 env MAINPID=$$ "$unit" stop web1

echo "== started: true when it runs, false when xl has failed"
begin
running 5 web1 3 2
status 0 env MAINPID=$$ "$unit" started web1
dead=$(sh -c 'echo $$')
status 1 env MAINPID="$dead" "$unit" started vm-stuck
grep -q "could not create" "$work/out" || fail "no reason was given"
