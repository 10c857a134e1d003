/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "priority.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Linux 6.12 and later: who asks for a shorter slice preempts, when it wakes, who
 * runs in a longer one (1.4 to 3 ms, looked at once a tick).  0: the usual slice.
 * Earlier kernels decide by niceness alone and read nothing of this.
 */
#define SHORT_SLICE_NS 100000u

static const struct {
	uint32_t policy;
	int32_t nice;
	uint64_t slice_ns;
} priorities[] = {
	[PRIORITY_DAEMON] = {SCHED_NORMAL, -10, 4 * SHORT_SLICE_NS},
	[PRIORITY_SCREEN] = {SCHED_NORMAL, -15, SHORT_SLICE_NS},
	/* Batch: when it wakes it preempts nobody. */
	[PRIORITY_LOG] = {SCHED_BATCH, 5, 0},
};

static int set(enum priority p, int nice)
{
	struct sched_attr a = {
		.size = sizeof(a),
		.sched_policy = priorities[p].policy,
		.sched_nice = nice,
		.sched_runtime = priorities[p].slice_ns,
	};

	return (int)syscall(SYS_sched_setattr, 0, &a, 0);
}

void priority_set(enum priority p)
{
	int now = getpriority(PRIO_PROCESS, 0);

	if (set(p, priorities[p].nice) < 0 && set(p, now) < 0) {
		/* Not allowed at all: as any other process then. */
	}
}
