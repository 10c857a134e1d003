#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/machine/run itself: what other tests rely on. Output byte by byte (and
# only the script's), exit status, added files, arguments; a crash and a time
# limit are told from the script's own failures; no process is left. On the
# bare machine, so that it says nothing about a hypervisor.
. "$(dirname "$0")/lib.sh"
run=("$top_srcdir/tests/machine/run" --hypervisor none --cpus 1)

seq 1 2000 >"$scratch/numbers"
mkdir -p "$scratch/tree/sub"
echo deep >"$scratch/tree/sub/file"
ln -s sub/file "$scratch/tree/link"
cat >"$scratch/a" <<'END'
cat /root/numbers
cat /root/tree/link
printf '<%s>' "$@"
printf '\036no newline at the end'
exit 42
END
"${run[@]}" --timeout 200 --add "$scratch/numbers:/root/numbers" --add "$scratch/tree:/root/tree" \
	"$scratch/a" one "two three" >"$scratch/out" 2>"$scratch/err"
status=$?
cat "$scratch/err"
[ $status = 42 ] || fail "status $status instead of 42"
{ cat "$scratch/numbers"; printf 'deep\n<one><two three>\036no newline at the end'; } >"$scratch/wanted"
cmp "$scratch/wanted" "$scratch/out" || fail "other output than the script's"

echo 'echo c >/proc/sysrq-trigger' >"$scratch/b"
"${run[@]}" --timeout 200 "$scratch/b" >"$scratch/out" 2>"$scratch/err"
status=$?
[ $status = 125 ] || { cat "$scratch/err"; fail "status $status after a crash"; }
grep -q 'Kernel panic' "$scratch/err" || fail "the crash's text is not shown"

echo 'tail -f /dev/null' >"$scratch/c"
"${run[@]}" --timeout 40 --log "$scratch/log" "$scratch/c" >"$scratch/out" 2>"$scratch/err"
status=$?
[ $status = 124 ] || { cat "$scratch/err"; fail "status $status after the time limit"; }
! pgrep -f "path=$scratch/log" || fail "QEMU is still there"
