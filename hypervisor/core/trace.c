/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trace buffers in xentrace's format (public header trace.h): a page of information with the frames
 * of each CPU's buffer, and the buffers, all shared with dom0 through DOMID_XEN.
 *
 * cons and prod run from 0 to 2 * size and are in memory that dom0 writes: our own copy of prod is
 * the one we trust, cons is checked. A record never wraps: the rest of the buffer is filled with a
 * filler record. Lost records are counted and reported by a record when there is room. */
#include "core/domain.h"
#include "core/event.h"
#include "core/init.h"
#include "core/trace.h"
#include "string.h"

#define MAX_PAGES_PER_CPU 64
#define INFO_ORDER        4 /* 64 KiB: MAX_CPUS * MAX_PAGES_PER_CPU frame numbers */

struct trace_cpu {
	spinlock_t lock;
	struct t_buf *buf;
	u32 size;      /* bytes of records */
	u32 prod;      /* trusted copy */
	u32 lost;
	u64 first_lost_tsc;
};

bool trace_on;

static DEFINE_PERCPU(struct trace_cpu, trace_cpu);
static struct t_info *info;
static u32 pages_per_cpu;
static u32 event_mask = TRC_ALL;
static cpumask_t cpu_mask;
static struct tasklet notify_tasklet;
/* Serializes control. Nested with neither the list of domains nor anything outside of it. */
static spinlock_t control_lock = SPINLOCK(LOCK_DOMAIN_LIST, "trace control");

static void notify(void *arg)
{
	virq_send_control(VIRQ_TBUF);
}

void trace_init(void)
{
	cpu_mask = cpumask_all();
	tasklet_init(&notify_tasklet, notify, NULL);
	for (u32 cpu = 0; cpu < nr_cpus; cpu++)
		spin_lock_init(&percpu(trace_cpu, cpu).lock, LOCK_TRACE, "trace");
}

/* ---- records ---- */

/* The public header gives the layout in comments only: event:28, words:3, cycles:1. */
static u32 header(u32 event, u32 words, bool cycles)
{
	return (event & 0x0fffffff) | words << TRACE_EXTRA_SHIFT |
	       (cycles ? (u32)TRC_HD_CYCLE_FLAG : 0);
}

/* Bytes in use, or ~0 if dom0 has broken cons. */
static u32 used(const struct trace_cpu *t)
{
	u32 cons = READ_ONCE(t->buf->cons), n;

	if (cons >= 2 * t->size || cons % 4)
		return ~0u;
	n = t->prod >= cons ? t->prod - cons : t->prod + 2 * t->size - cons;
	return n > t->size ? ~0u : n;
}

static u8 *place(const struct trace_cpu *t)
{
	u32 at = t->prod >= t->size ? t->prod - t->size : t->prod;

	return (u8 *)(t->buf + 1) + at;
}

static u32 to_end(const struct trace_cpu *t)
{
	return t->size - (t->prod >= t->size ? t->prod - t->size : t->prod);
}

static void advance(struct trace_cpu *t, u32 bytes)
{
	t->prod += bytes;
	if (t->prod >= 2 * t->size)
		t->prod -= 2 * t->size;
	smp_wmb();
	WRITE_ONCE(t->buf->prod, t->prod);
}

/* Room is there. Fills up to the buffer's end if the record does not fit before it. */
static void put_record(struct trace_cpu *t, u32 event, const u32 *extra, u32 words, u64 tsc)
{
	u32 bytes = 4 * (3 + words), rec[3 + TRACE_EXTRA_MAX];

	while (to_end(t) < bytes) {
		u32 n = MIN(to_end(t) / 4 - 1, (u32)TRACE_EXTRA_MAX), filler = 4 * (n + 1);

		memset(place(t), 0, filler);
		*(u32 *)place(t) = header(TRC_TRACE_WRAP_BUFFER, n, false);
		advance(t, filler);
		if (to_end(t) == t->size)
			break;
	}
	rec[0] = header(event, words, true);
	rec[1] = (u32)tsc;
	rec[2] = (u32)(tsc >> 32);
	memcpy(&rec[3], extra, 4 * words);
	memcpy(place(t), rec, bytes);
	advance(t, bytes);
}

static u32 need(const struct trace_cpu *t, u32 words)
{
	u32 bytes = 4 * (3 + words);

	return to_end(t) < bytes ? bytes + to_end(t) : bytes;
}

static void put_lost(struct trace_cpu *t)
{
	u32 extra[4] = {t->lost, smp_cpu_id() | (u32)current->domain->id << 16,
	                (u32)t->first_lost_tsc, (u32)(t->first_lost_tsc >> 32)};

	put_record(t, TRC_LOST_RECORDS, extra, 4, tsc_now());
	t->lost = 0;
}

/* Does the mask let this event through? Class bits, then subclass bits, as xentrace sets them. */
static bool wanted(u32 event)
{
	u32 mask = READ_ONCE(event_mask);

	if (!(mask >> TRC_CLS_SHIFT & event >> TRC_CLS_SHIFT))
		return false;
	return mask >> TRC_SUBCLS_SHIFT & 0xf & event >> TRC_SUBCLS_SHIFT;
}

void trace_record(u32 event, const u32 *extra, u32 words)
{
	struct trace_cpu *t = &this_cpu(trace_cpu);
	u32 before, total;
	u64 flags;

	if (words > TRACE_EXTRA_MAX || !wanted(event) || !cpumask_test(&cpu_mask, smp_cpu_id()))
		return;
	flags = spin_lock_irqsave(&t->lock);
	if (t->buf) {
		before = used(t);
		total = need(t, words) + (t->lost ? 4 * (3 + 4) + 4 * (3 + words) : 0);
		if (before == ~0u || before + total > t->size) {
			if (t->lost++ == 0)
				t->first_lost_tsc = tsc_now();
		} else {
			if (t->lost)
				put_lost(t);
			put_record(t, event, extra, words, tsc_now());
			/* Half full: time for dom0 to come. Once, on crossing. */
			if (before < t->size / 2 && used(t) >= t->size / 2)
				tasklet_schedule(&notify_tasklet);
		}
	}
	spin_unlock_irqrestore(&t->lock, flags);
}

/* ---- control ---- */

static u32 order_for(u32 pages)
{
	u32 order = 0;

	while ((1u << order) < pages)
		order++;
	return order;
}

static void drop_cpu(u32 cpu, u32 pages)
{
	struct trace_cpu *t = &percpu(trace_cpu, cpu);

	if (!t->buf)
		return;
	free_xen_pages(t->buf, order_for(pages));
	t->buf = NULL;
}

/* Buffers are made once, as dom0 may have them mapped for ever. */
static long set_size(u32 pages)
{
	u32 cpu, at = (u32)(sizeof(struct t_info) + nr_cpus * sizeof(u16) + 3) / 4;
	struct t_info *ti;

	if (info || pages == 0 || pages > MAX_PAGES_PER_CPU)
		return -XEN_EINVAL;
	if ((at + nr_cpus * pages) * 4 > PAGE_SIZE << INFO_ORDER)
		return -XEN_EINVAL;
	ti = alloc_xen_pages(INFO_ORDER);
	if (!ti)
		return -XEN_ENOMEM;
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		struct trace_cpu *t = &percpu(trace_cpu, cpu);

		t->buf = alloc_xen_pages(order_for(pages));
		if (!t->buf)
			break;
		t->size = pages * (u32)PAGE_SIZE - (u32)sizeof(struct t_buf);
		t->prod = 0;
	}
	if (cpu < nr_cpus) {
		for (u32 i = 0; i < cpu; i++)
			drop_cpu(i, pages);
		free_xen_pages(ti, INFO_ORDER);
		return -XEN_ENOMEM;
	}
	ti->tbuf_size = (u16)pages;
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		char *buf = (char *)percpu(trace_cpu, cpu).buf;

		ti->mfn_offset[cpu] = (u16)at;
		for (u32 i = 0; i < pages; i++) {
			((u32 *)ti)[at++] = (u32)virt_to_mfn(buf + i * PAGE_SIZE).n;
			share_xen_page(dom_xen, buf + i * PAGE_SIZE, false);
		}
	}
	for (u32 i = 0; i < 1u << INFO_ORDER; i++)
		share_xen_page(dom_xen, (char *)ti + i * PAGE_SIZE, true);
	pages_per_cpu = pages;
	info = ti;
	return 0;
}

static long set_cpu_mask(const struct xenctl_bitmap *map)
{
	cpumask_t m = {0};
	u32 bytes = MIN(DIV_ROUND_UP(map->nr_bits, 8), (u32)sizeof(m));

	if (bytes && copy_from_guest_va(&m, (u64)map->bitmap.p, bytes))
		return -XEN_EFAULT;
	cpu_mask = m;
	return 0;
}

static void get_info(struct xen_sysctl_tbuf_op *op)
{
	op->evt_mask = event_mask;
	op->buffer_mfn = info ? virt_to_mfn(info).n : 0;
	op->size = info ? (u32)PAGE_SIZE << INFO_ORDER : 0;
}

long trace_control(struct xen_sysctl_tbuf_op *op)
{
	long rc = 0;

	spin_lock(&control_lock);
	switch (op->cmd) {
	case XEN_SYSCTL_TBUFOP_get_info:
		get_info(op);
		break;
	case XEN_SYSCTL_TBUFOP_set_cpu_mask:
		rc = set_cpu_mask(&op->cpu_mask);
		break;
	case XEN_SYSCTL_TBUFOP_set_evt_mask:
		WRITE_ONCE(event_mask, op->evt_mask);
		break;
	case XEN_SYSCTL_TBUFOP_set_size:
		rc = set_size(op->size);
		break;
	case XEN_SYSCTL_TBUFOP_enable:
		if (info)
			WRITE_ONCE(trace_on, true);
		else
			rc = -XEN_EINVAL;
		break;
	case XEN_SYSCTL_TBUFOP_disable:
		WRITE_ONCE(trace_on, false);
		break;
	default:
		rc = -XEN_EINVAL;
	}
	spin_unlock(&control_lock);
	return rc;
}
