#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The installer's fuzz targets: a fixed number of inputs from a fixed seed each.
run() {
	fuzz/$1 -seed=1 -runs="$2" -max_len="$3" -verbosity=0 -print_final_stats=0 \
		>"fuzz/$1.log" 2>&1 || {
		tail -n 40 "fuzz/$1.log" >&2
		exit 1
	}
	echo "$1: held"
}
run install-parse 30000 1024
run install-media 300 96
