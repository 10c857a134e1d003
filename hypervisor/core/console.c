/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console: the ring that `xl dmesg` reads, log levels, console_io, and serial input, which CTRL-a
 * three times switches between dom0 and the hypervisor's keys.
 *
 * One lock for all; output is made of pieces short enough that it is never held long. */
#include "core/console.h"
#include "core/domain.h"
#include "core/event.h"
#include "core/init.h"
#include "core/key.h"
#include "core/log.h"
#include "core/options.h"
#include "string.h"

#define RING_SIZE    32768u /* power of two */
#define RX_SIZE      256u   /* power of two */
#define LINE_MAX     512
#define IO_CHUNK     64     /* bytes of guest output between looks for other work */
#define PREFIX       "(KEEL) "
#define SWITCH_CHAR  0x01   /* CTRL-a */
#define SWITCH_COUNT 3
#define GUEST_BURST  30     /* messages about one guest at once, */
#define GUEST_RATE   5      /* and a second afterwards */

static spinlock_t console_lock = SPINLOCK(LOCK_CONSOLE, "console");

/* Lock of all below: console_lock. */
static char ring[RING_SIZE];
static u32 ring_start, ring_end; /* free-running indexes; at most RING_SIZE apart */
static bool mid_line;            /* the last character was no newline */
static char rx[RX_SIZE];
static u32 rx_start, rx_end;
static u32 switch_seen;
static bool input_to_keys;       /* serial input goes to the hypervisor's keys */

static struct tasklet ring_tasklet;
static bool ring_tasklet_ready;

/* ---- output ---- */

static void ring_put(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ring[ring_end++ % RING_SIZE] = s[i];
	if (ring_end - ring_start > RING_SIZE)
		ring_start = ring_end - RING_SIZE;
}

/* Lock: console. */
static void emit(const char *s, size_t n)
{
	if (n == 0)
		return;
	ring_put(s, n);
	machine_console_write(s, n);
	mid_line = s[n - 1] != '\n';
}

/* Lock: console. @prefix starts each line. */
static void emit_lines(const char *prefix, const char *s, size_t n)
{
	while (n > 0) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) + 1 : n;

		if (!mid_line)
			emit(prefix, strlen(prefix));
		emit(s, len);
		s += len;
		n -= len;
	}
}

static void print_text(const char *s, size_t n)
{
	u64 flags = spin_lock_irqsave(&console_lock);

	emit_lines(PREFIX, s, n);
	spin_unlock_irqrestore(&console_lock, flags);
	if (ring_tasklet_ready)
		tasklet_schedule(&ring_tasklet);
}

void vprintk(const char *fmt, va_list ap)
{
	char line[LINE_MAX];
	int n = kvsnprintf(line, sizeof(line), fmt, ap);

	print_text(line, MIN((size_t)n, sizeof(line) - 1));
}

void printk(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
}

/* How much an option's word lets through; -1 = nothing. "a/b" counts as a. */
static int threshold(const char *word, enum log_level otherwise)
{
	switch (word[0]) {
	case 'n':
		return -1;
	case 'e':
		return LOG_ERR;
	case 'w':
		return LOG_WARN;
	case 'i':
		return LOG_INFO;
	case 'd':
	case 'a':
		return LOG_DEBUG;
	default:
		return (int)otherwise;
	}
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if ((int)level > threshold(options.loglvl, LOG_INFO))
		return;
	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
}

/* A token bucket in one word: the second of the last refill << 8 | tokens. */
static bool rate_allows(u32 *bucket)
{
	u32 second = (u32)(system_time() / 1000000000) & 0xffffff;
	u32 old = READ_ONCE(*bucket), new;

	do {
		u32 tokens = old & 0xff, since = (second - (old >> 8)) & 0xffffff;

		if (old == 0)
			tokens = GUEST_BURST; /* a new domain */
		else
			tokens = MIN(tokens + MIN(since, (u32)GUEST_BURST) * GUEST_RATE,
			             (u32)GUEST_BURST);
		if (tokens == 0)
			return false;
		new = MAX(second, 1u) << 8 | (tokens - 1);
	} while (!__atomic_compare_exchange_n(bucket, &old, new, false, __ATOMIC_RELAXED,
	                                      __ATOMIC_RELAXED));
	return true;
}

void guest_log(const struct domain *d, enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;
	int n, m;

	if ((int)level > threshold(options.guest_loglvl, LOG_WARN))
		return;
	if (!rate_allows((u32 *)&d->log_tokens))
		return;
	n = ksnprintf(line, sizeof(line), "d%u: ", d->id);
	va_start(ap, fmt);
	m = kvsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	print_text(line, MIN((size_t)(n + m), sizeof(line) - 1));
}

void console_lock_bust(void)
{
	__atomic_store_n(&console_lock.owner, console_lock.next, __ATOMIC_RELEASE);
}

/* ---- the ring, for tools ---- */

static void tell_readers(void *arg)
{
	virq_send_control(VIRQ_CON_RING);
}

void console_init(void)
{
	tasklet_init(&ring_tasklet, tell_readers, NULL);
	ring_tasklet_ready = true;
}

long console_ring_read(struct xen_sysctl_readconsole *op)
{
	u32 room = op->count, done = 0, at;
	u64 flags = spin_lock_irqsave(&console_lock);

	at = ring_start;
	if (op->incremental && (s32)(op->index - at) > 0)
		at = op->index;
	while (done < room) {
		char chunk[256];
		u32 n;

		/* Guest memory is not touched with the lock held; the ring may move meanwhile. */
		if ((s32)(ring_start - at) > 0)
			at = ring_start;
		n = (s32)(ring_end - at) > 0 ? ring_end - at : 0;
		n = MIN(MIN(n, room - done), (u32)sizeof(chunk));
		if (n == 0)
			break;
		for (u32 i = 0; i < n; i++)
			chunk[i] = ring[(at + i) % RING_SIZE];
		spin_unlock_irqrestore(&console_lock, flags);
		if (copy_to_guest_va((u64)op->buffer.p + done, chunk, n))
			return -XEN_EFAULT;
		flags = spin_lock_irqsave(&console_lock);
		at += n;
		done += n;
	}
	if (op->clear)
		ring_start = ring_end - at > RING_SIZE ? ring_end - RING_SIZE : at;
	spin_unlock_irqrestore(&console_lock, flags);
	op->index = at;
	op->count = done;
	return 0;
}

/* ---- input ---- */

static void announce_input(bool to_keys)
{
	if (to_keys)
		printk("*** Serial input to the hypervisor; h = help, CTRL-a three times = back\n");
	else
		printk("*** Serial input to the control domain; CTRL-a three times = keys\n");
}

void console_rx(char c)
{
	bool to_keys, switched = false, queued = false;
	u64 flags = spin_lock_irqsave(&console_lock);

	switch_seen = c == SWITCH_CHAR ? switch_seen + 1 : 0;
	if (switch_seen == SWITCH_COUNT) {
		switch_seen = 0;
		input_to_keys = !input_to_keys;
		switched = true;
	}
	to_keys = input_to_keys;
	if (!switched && !to_keys && rx_end - rx_start < RX_SIZE) {
		rx[rx_end++ % RX_SIZE] = c;
		queued = true;
	}
	spin_unlock_irqrestore(&console_lock, flags);

	if (switched)
		announce_input(to_keys);
	else if (to_keys && c != SWITCH_CHAR)
		key_handle(c);
	else if (queued)
		virq_send_control(VIRQ_CONSOLE);
}

static long io_read(u64 buf, u32 room)
{
	u32 done = 0;

	while (done < room) {
		char chunk[64];
		u32 n = 0;
		u64 flags = spin_lock_irqsave(&console_lock);

		while (n < sizeof(chunk) && n < room - done && rx_start != rx_end)
			chunk[n++] = rx[rx_start++ % RX_SIZE];
		spin_unlock_irqrestore(&console_lock, flags);
		if (n == 0)
			break;
		if (copy_to_guest_va(buf + done, chunk, n))
			return -XEN_EFAULT;
		done += n;
	}
	return done;
}

/* ---- output of guests ---- */

/* Lock: console. One whole line of a guest's. */
static void emit_guest_line(struct domain *d)
{
	char prefix[24];
	int n = ksnprintf(prefix, sizeof(prefix), "(d%u) ", d->id);

	if (mid_line)
		emit("\n", 1);
	emit(prefix, (size_t)n);
	emit(d->console_line, d->console_len);
	emit("\n", 1);
	d->console_len = 0;
}

/* Other guests' lines are kept apart from everybody's, and their number a second is bounded. */
static void guest_output(struct domain *d, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool whole, shown;
		u64 flags = spin_lock_irqsave(&console_lock);

		if ((s[i] >= ' ' && s[i] < 0x7f) || s[i] == '\t')
			d->console_line[d->console_len++] = s[i];
		whole = s[i] == '\n' || d->console_len == sizeof(d->console_line);
		shown = whole && rate_allows(&d->log_tokens);
		if (shown)
			emit_guest_line(d);
		else if (whole)
			d->console_len = 0;
		spin_unlock_irqrestore(&console_lock, flags);
	}
}

/* dom0 is interactive: its bytes go out as they are. The ring is for the hypervisor's own lines. */
static void control_output(const char *s, size_t n)
{
	u64 flags = spin_lock_irqsave(&console_lock);

	machine_console_write(s, n);
	spin_unlock_irqrestore(&console_lock, flags);
}

static long io_write(u64 buf, u32 count)
{
	struct domain *d = current->domain;
	u32 done = 0;

	while (done < count) {
		char chunk[IO_CHUNK];
		u32 n = MIN(count - done, (u32)sizeof(chunk));

		if (done > 0 && hypercall_should_preempt()) {
			const u64 rest[3] = {CONSOLEIO_write, count - done, buf + done};

			return hypercall_continue(__HYPERVISOR_console_io, 3, rest);
		}
		if (copy_from_guest_va(chunk, buf + done, n))
			return -XEN_EFAULT;
		if (d->is_control)
			control_output(chunk, n);
		else
			guest_output(d, chunk, n);
		done += n;
	}
	return 0;
}

long hc_console_io(const u64 a[6])
{
	u32 count = (u32)a[1];

	if (count > (u32)INT32_MAX)
		return -XEN_EINVAL;
	switch ((u32)a[0]) {
	case CONSOLEIO_write:
		return io_write(a[2], count);
	case CONSOLEIO_read:
		return current->domain->is_control ? io_read(a[2], count) : -XEN_EPERM;
	default:
		return -XEN_ENOSYS;
	}
}
