/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest that misbehaves: hostile=NAME[,NAME]... on its command line chooses how. It
 * says in the store (data/said) what it is at, "done" in the end, and powers off. The
 * test is dom0's: after all of it dom0 and the other guests must be as before.
 */
#include "hostile.h"

const char test_title[] = "hostile";

#define MISDEED(f)                                                                       \
	{                                                                                \
#f, f                                                                    \
	}
static const struct {
	const char *name;
	void (*commit)(void);
} misdeeds[] = {
	MISDEED(crash_asked),
	MISDEED(crash_without_handler),
	MISDEED(crash_on_bad_stack),
	MISDEED(crash_in_iret),
	MISDEED(crash_in_failsafe),
	MISDEED(crash_by_event),
	MISDEED(privileged_instructions),
	MISDEED(spin),
	MISDEED(storm),
	MISDEED(console_garbage),
	MISDEED(console_flood),
	MISDEED(hypervisor_console_flood),
	MISDEED(store_garbage),
	MISDEED(store_large_header),
	MISDEED(disk_bad_requests),
	MISDEED(disk_bad_index),
	MISDEED(net_bad_requests),
	MISDEED(net_bad_index),
	MISDEED(grants_exhausted),
	MISDEED(ports_exhausted),
	MISDEED(memory_abused),
	MISDEED(tables_abused),
	MISDEED(all_memory_given_back),
	MISDEED(random_hypercalls),
};

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (s[n] == '_' || (s[n] >= 'a' && s[n] <= 'z'))
		n++;
	return n;
}

static void commit(const char *name, size_t n)
{
	for (u32 i = 0; i < ARRAY_SIZE(misdeeds); i++)
		if (strlen(misdeeds[i].name) == n &&
		    memcmp(misdeeds[i].name, name, n) == 0) {
			printk("%s", misdeeds[i].name);
			misdeeds[i].commit();
			return;
		}
	test_error("no such misdeed: %s", name);
}

void test_main(void)
{
	const char *name;

	domu_start();
	name = option("hostile");
	if (!name)
		test_error("the command line names no misdeed");
	for (size_t n; (n = word_length(name)) != 0; name += n + (name[n] == ',')) {
		commit(name, n);
		if (name[n] != ',')
			break;
	}
	printk("done");
	domu_shutdown(SHUTDOWN_poweroff);
}
