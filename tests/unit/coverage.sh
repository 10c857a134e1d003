#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The unit and model tests reach the share of hypervisor/logic/'s lines that coverage.mk asks for; the report.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES # of the make that runs the tests, for which others may be chosen
exec make -C "$top_builddir/tests" --no-print-directory coverage
