#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# hypervisor/docs/abi-coverage.md is what hypervisor/abi-coverage makes of the sources now.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
if ! "$top_srcdir/hypervisor/abi-coverage" | diff -u "$top_srcdir/hypervisor/docs/abi-coverage.md" -; then
    echo "renew it: make -C hypervisor abi-coverage"
    exit 1
fi
