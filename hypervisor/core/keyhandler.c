/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Debug keys. A key comes in an interrupt or a hypercall; its handler runs later, in a tasklet. */
#include "core/event.h"
#include "core/grant.h"
#include "core/heap.h"
#include "core/init.h"
#include "core/key.h"
#include "core/sched.h"
#include "logic/bitmap.h"

#define KEYS 128

static struct {
	void (*fn)(char key);
	const char *help;
} keys[KEYS];

static u64 asked[BITMAP_WORDS(KEYS)]; /* keys to handle; atomic bits */
static struct tasklet key_tasklet;

void key_register(char key, void (*fn)(char key), const char *help)
{
	if ((u8)key >= KEYS)
		return;
	keys[(u8)key].fn = fn;
	keys[(u8)key].help = help;
}

static void run_asked(void *arg)
{
	for (u32 k = 0; k < KEYS; k++)
		if (bit_test_and_clear_atomic(asked, k) && keys[k].fn)
			keys[k].fn((char)k);
}

void key_handle(char key)
{
	if ((u8)key >= KEYS || !keys[(u8)key].fn)
		return;
	bit_test_and_set_atomic(asked, (u8)key);
	tasklet_schedule(&key_tasklet);
}

static void show_help(char key)
{
	for (u32 k = 0; k < KEYS; k++)
		if (keys[k].fn)
			printk("  '%c'  %s\n", (char)k, keys[k].help);
}

/* A vCPU of another domain is stopped while it is shown; dom0's and ours go on. */
static void dump_registers(char key)
{
	struct domain *d = NULL;
	struct vcpu *v;

	while ((d = domain_next(d)) != NULL) {
		bool stop = !d->is_control && d != current->domain;

		for_each_vcpu(d, v) {
			if (stop)
				vcpu_pause(v);
			printk("d%uv%u on CPU %u:\n", d->id, v->id, v->cpu);
			arch_dump_vcpu(v);
			if (stop)
				vcpu_unpause(v);
		}
	}
}

static void dump_vcpu_line(struct vcpu *v)
{
	static const char *const state[] = {"running", "runnable", "blocked", "offline"};
	struct vcpu_runstate_info r;
	const struct vcpu_info *info = READ_ONCE(v->info);

	vcpu_runstate_get(v, &r);
	printk("    vCPU %u CPU %u %s%s pause %u flags %llx upcall %u/%u poll %u\n", v->id, v->cpu,
	       state[(u32)r.state % 4], v->is_running ? " (on CPU)" : "", v->pause_count,
	       (unsigned long long)v->pause_flags, info->evtchn_upcall_pending,
	       info->evtchn_upcall_mask, v->poll_port);
}

static void dump_domains(char key)
{
	struct domain *d = NULL;
	struct vcpu *v;

	printk("Domains at %lld ns:\n", (long long)system_time());
	while ((d = domain_next(d)) != NULL) {
		printk("  d%u%s refs %u pages %llu/%llu shared %llu paused %u dying %u "
		       "shutdown %u/%u code %u\n",
		       d->id, d->is_control ? " (control)" : "", d->refcnt,
		       (unsigned long long)d->tot_pages, (unsigned long long)d->max_pages,
		       (unsigned long long)d->xen_pages, d->pause_count, d->dying,
		       d->shutting_down, d->shut_down, d->shutdown_code);
		for_each_vcpu(d, v)
			dump_vcpu_line(v);
	}
}

static void dump_queues(char key)
{
	sched_dump();
}

static void dump_events(char key)
{
	struct domain *d = NULL;

	while ((d = domain_next(d)) != NULL)
		evtchn_dump(d);
}

static void dump_grants(char key)
{
	struct domain *d = NULL;

	while ((d = domain_next(d)) != NULL)
		grant_dump(d);
}

static void dump_tscs(char key)
{
	struct domain *d = NULL;

	while ((d = domain_next(d)) != NULL)
		arch_dump_tsc(d);
}

static void dump_memory(char key)
{
	printk("Heap: %llu pages, %llu free, %llu to scrub, %llu claimed\n",
	       (unsigned long long)heap_total_pages(), (unsigned long long)heap_free_pages(),
	       (unsigned long long)heap_scrub_pending(),
	       (unsigned long long)heap_claimed_pages());
}

static void reboot(char key)
{
	printk("Reboot asked for by key\n");
	machine_console_flush();
	machine_reboot();
}

/* Everything that only prints. */
static void dump_all(char key)
{
	static const char which[] = "qrmegsd";

	for (const char *k = which; *k; k++)
		if (keys[(u8)*k].fn)
			keys[(u8)*k].fn(*k);
}

void keys_init(void)
{
	tasklet_init(&key_tasklet, run_asked, NULL);
	key_register('h', show_help, "this list");
	key_register('d', dump_registers, "registers of all vCPUs");
	key_register('q', dump_domains, "domains and their vCPUs");
	key_register('r', dump_queues, "run queues");
	key_register('e', dump_events, "event channels");
	key_register('g', dump_grants, "grant tables");
	key_register('s', dump_tscs, "time-stamp counters of domains");
	key_register('m', dump_memory, "memory of the hypervisor");
	key_register('R', reboot, "reboot the machine at once");
	key_register('*', dump_all, "all reports");
}
