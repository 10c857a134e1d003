/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trace buffers shared with dom0 (sysctl tbuf_op, xentrace's format). core/trace.c */
#pragma once
#include "logic/abi.h"

extern bool trace_on;
void trace_record(u32 event, const u32 *extra, u32 words); /* words <= TRACE_EXTRA_MAX */
#define TRACE(event, ...)                                                                  \
	do {                                                                               \
		if (unlikely(trace_on)) {                                                  \
			u32 _x[] = {__VA_ARGS__};                                          \
			trace_record((event), _x, sizeof(_x) / 4);                         \
		}                                                                          \
	} while (0)
long trace_control(struct xen_sysctl_tbuf_op *op);
