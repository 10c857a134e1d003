/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include "test.h"

struct start_info *start_info;
struct shared_info *shared_info;
bool (*trap_hook)(struct trap_frame *f);
void (*print_hook)(const char *text, u32 n);
u64 last_trap_vector, last_trap_error, last_trap_cr2;

extern const u64 trap_entries[33];
extern char event_entry[], failsafe_entry[], syscall_entry[];

static u8 pages[256][4096] __attribute__((aligned(4096)));
static u32 next_page;
static u8 shared_info_page[4096] __attribute__((aligned(4096)));

void *memset(void *d, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile u8 *)d)[i] = (u8)c;
	return d;
}

void *memcpy(void *d, const void *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile u8 *)d)[i] = ((const u8 *)s)[i];
	return d;
}

int memcmp(const void *a, const void *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((const u8 *)a)[i] != ((const u8 *)b)[i])
			return ((const u8 *)a)[i] - ((const u8 *)b)[i];
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (((const volatile char *)s)[n])
		n++;
	return n;
}

/* ---- output ---- */

static char line[512];
static u32 line_len;

static void put(char c)
{
	if (line_len < sizeof(line))
		line[line_len++] = c;
}

static void put_number(u64 v, u32 base, bool negative)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (negative)
		put('-');
	while (n > 0)
		put(digits[--n]);
}

static void put_signed(long v)
{
	put_number(v < 0 ? 0 - (u64)v : (u64)v, 10, v < 0);
}

/* %s %c %d %u %x, with any number of l's before the last three */
static void format(const char *fmt, va_list ap)
{
	for (; *fmt; fmt++) {
		bool wide = false;

		if (*fmt != '%') {
			put(*fmt);
			continue;
		}
		for (fmt++; *fmt == 'l'; fmt++)
			wide = true;
		switch (*fmt) {
		case 's':
			for (const char *s = va_arg(ap, const char *); *s; s++)
				put(*s);
			break;
		case 'c':
			put((char)va_arg(ap, int));
			break;
		case 'd':
			put_signed(wide ? va_arg(ap, long) : va_arg(ap, int));
			break;
		case 'u':
			put_number(wide ? va_arg(ap, u64) : va_arg(ap, u32), 10, false);
			break;
		case 'x':
			put_number(wide ? va_arg(ap, u64) : va_arg(ap, u32), 16, false);
			break;
		default:
			put(*fmt);
		}
	}
}

static void flush(void)
{
	u32 n = line_len;

	line_len = 0;
	if (print_hook)
		print_hook(line, n);
	else
		hypercall3(__HYPERVISOR_console_io, CONSOLEIO_write, n, line);
}

void printk(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(fmt, ap);
	va_end(ap);
	flush();
}

static void finish(void) __attribute__((noreturn));
static void finish(void)
{
	struct sched_shutdown s = {.reason = SHUTDOWN_reboot};

	hc_sched_op(SCHEDOP_shutdown, &s);
	for (;;)
		hc_sched_op(SCHEDOP_yield, NULL);
}

void test_skip(const char *why)
{
	printk("KEEL-TEST %s: skip: %s\n", test_title, why);
	finish();
}

void test_error(const char *fmt, ...)
{
	va_list ap;

	printk("KEEL-TEST %s: error: ", test_title);
	va_start(ap, fmt);
	format(fmt, ap);
	va_end(ap);
	put('\n');
	flush();
	finish();
}

void test_failure(const char *fmt, ...)
{
	va_list ap;

	printk("KEEL-TEST %s: failure: ", test_title);
	va_start(ap, fmt);
	format(fmt, ap);
	va_end(ap);
	put('\n');
	flush();
	finish();
}

/* ---- memory ---- */

u64 pfn_to_mfn(u64 pfn)
{
	return ((u64 *)start_info->mfn_list)[pfn];
}

u64 mfn_to_pfn(u64 mfn)
{
	return ((u64 *)MACH2PHYS_VIRT_START)[mfn];
}

u64 va_to_pfn(const void *p)
{
	return (P(p) - VIRT_BASE) / PAGE_SIZE;
}

u64 va_to_mfn(const void *p)
{
	return pfn_to_mfn(va_to_pfn(p));
}

void *pfn_to_va(u64 pfn)
{
	return (void *)(VIRT_BASE + pfn * PAGE_SIZE);
}

static u64 *entry_of(const void *va, int level, u64 *maddr)
{
	u64 *table = (u64 *)start_info->pt_base;
	u64 mfn = pfn_to_mfn(va_to_pfn(table));

	for (int l = 4;; l--) {
		u64 i = P(va) >> (12 + 9 * (l - 1)) & 511;

		if (l == level) {
			if (maddr)
				*maddr = mfn * PAGE_SIZE + i * 8;
			return &table[i];
		}
		if (!(table[i] & PTE_P))
			test_error("no level %d table for %lx", l - 1, P(va));
		mfn = PTE_MFN(table[i]);
		table = pfn_to_va(mfn_to_pfn(mfn));
	}
}

u64 *pte_of(const void *va, u64 *maddr)
{
	return entry_of(va, 1, maddr);
}

u64 *l2e_of(const void *va, u64 *maddr)
{
	return entry_of(va, 2, maddr);
}

u64 *l3e_of(const void *va, u64 *maddr)
{
	return entry_of(va, 3, maddr);
}

u64 *l4e_of(const void *va, u64 *maddr)
{
	return entry_of(va, 4, maddr);
}

u64 l1_mfn_of(const void *va)
{
	return PTE_MFN(*l2e_of(va, NULL));
}

void *alloc_page(void)
{
	if (next_page == ARRAY_SIZE(pages))
		test_error("out of pages");
	return pages[next_page++];
}

long set_pte(const void *va, u64 pte)
{
	return hc_update_va_mapping(va, pte, UVMF_INVLPG);
}

void make_readonly(const void *va)
{
	long rc = set_pte(va, va_to_mfn(va) << 12 | PTE_P | PTE_U);

	if (rc)
		test_error("cannot make %lx read-only: %ld", P(va), rc);
}

void make_writable(const void *va)
{
	long rc = set_pte(va, va_to_mfn(va) << 12 | PTE_P | PTE_W | PTE_U);

	if (rc)
		test_error("cannot make %lx writable: %ld", P(va), rc);
}

/* ---- traps ---- */

static u64 fixup_rip, fixup_rsp;

void trap_c(struct trap_frame *f);
void trap_c(struct trap_frame *f)
{
	last_trap_vector = f->vector;
	last_trap_error = f->error;
	last_trap_cr2 = shared_info ? shared_info->vcpu_info[0].arch.cr2 : 0;
	if (fixup_rip && f->vector < VECTOR_EVENT) {
		f->rip = fixup_rip;
		if (fixup_rsp)
			f->rsp = fixup_rsp;
		fixup_rip = fixup_rsp = 0;
		return;
	}
	if (trap_hook && trap_hook(f))
		return;
	test_error("unexpected trap %lu error %lx at %lx cr2 %lx", f->vector, f->error, f->rip,
	           last_trap_cr2);
}

/* Arms the fixup at local label 1 of the instruction that @insn is. */
#define PROBE(insn, ...)                                                                   \
	({                                                                                 \
		last_trap_vector = ~0UL;                                                   \
		__asm__ volatile("movq $1f, %[fix]\n\t" insn "\n1:\n\tmovq $0, %[fix]"     \
		                 : [fix] "+m"(fixup_rip), ##__VA_ARGS__);                  \
		(int)last_trap_vector;                                                     \
	})

int probe_read(const void *va, u64 *val)
{
	u64 v = 0;
	int vector = PROBE("movq (%[va]), %[v]", [v] "+r"(v) : [va] "r"(va) : "memory");

	if (val)
		*val = v;
	return vector;
}

int probe_write(void *va, u64 val)
{
	u64 none;

	return PROBE("movq %[v], (%[va])", "=m"(none) : [v] "r"(val), [va] "r"(va) : "memory");
}

int probe_rdmsr(u32 msr, u64 *val)
{
	u32 lo = 0, hi = 0;
	int vector = PROBE("rdmsr", "+a"(lo), "+d"(hi) : "c"(msr) : "memory");

	*val = (u64)hi << 32 | lo;
	return vector;
}

int probe_wrmsr(u32 msr, u64 val)
{
	u64 none;

	return PROBE("wrmsr", "=m"(none)
	             : "a"((u32)val), "d"((u32)(val >> 32)), "c"(msr) : "memory");
}

int probe_call(void (*fn)(void *), void *arg)
{
	last_trap_vector = ~0UL;
	__asm__ volatile("push %%rbp\n\t"
	                 "movq %%rsp, %[sp]\n\t"
	                 "movq $1f, %[fix]\n\t"
	                 "call *%[fn]\n"
	                 "1:\tmovq $0, %[fix]\n\t"
	                 "movq $0, %[sp]\n\t"
	                 "pop %%rbp"
	                 : [fix] "+m"(fixup_rip), [sp] "+m"(fixup_rsp), "+D"(arg)
	                 : [fn] "a"(fn)
	                 : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13",
	                   "r14", "r15", "memory", "cc");
	return (int)last_trap_vector;
}

static void register_traps(void)
{
	static struct trap_info table[34];
	int n = 0;

	for (u32 v = 0; v < 33; v++) {
		if (v == 15 || v == 2)
			continue;
		table[n++] = (struct trap_info){
		        .vector = (u8)v,
		        .flags = v == 3 || v == 32 ? 3 : 0,
		        .cs = FLAT_KERNEL_CS,
		        .address = trap_entries[v],
		};
	}
	if (hypercall1(__HYPERVISOR_set_trap_table, table) != 0)
		test_error("set_trap_table failed");
}

static void register_callback(u16 type, char *entry)
{
	struct callback_register r = {.type = type, .address = P(entry)};

	if (hypercall2(__HYPERVISOR_callback_op, CALLBACKOP_register, &r) != 0)
		test_error("callback_op register %u failed", type);
}

void kernel_main(struct start_info *si);
void kernel_main(struct start_info *si)
{
	start_info = si;
	register_traps();
	register_callback(CALLBACKTYPE_event, event_entry);
	register_callback(CALLBACKTYPE_failsafe, failsafe_entry);
	register_callback(CALLBACKTYPE_syscall, syscall_entry);
	if (set_pte(shared_info_page, si->shared_info | PTE_P | PTE_W | PTE_U) != 0)
		test_error("cannot map shared_info at %lx", si->shared_info);
	shared_info = (struct shared_info *)shared_info_page;
	test_main();
	printk("KEEL-TEST %s: success\n", test_title);
	finish();
}

/* ---- time ---- */

u64 clock_now(void)
{
	struct vcpu_time_info *t = &shared_info->vcpu_info[0].time;
	u32 version, lo, hi;
	u64 delta, now;

	do {
		version = READ_ONCE(t->version) & ~1u;
		__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
		delta = ((u64)hi << 32 | lo) - t->tsc_timestamp;
		delta = t->tsc_shift >= 0 ? delta << t->tsc_shift : delta >> -t->tsc_shift;
		now = t->system_time + (u64)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
	} while (READ_ONCE(t->version) != version);
	return now;
}

/* ---- arguments ---- */

struct xen_domctl domctl_for(u32 cmd, domid_t id)
{
	struct xen_domctl op;

	memset(&op, 0, sizeof(op));
	op.cmd = cmd;
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op.domain = id;
	return op;
}

struct xen_domctl small_domain(void)
{
	struct xen_domctl op = domctl_for(XEN_DOMCTL_createdomain, 0);

	op.u.createdomain.max_vcpus = 2;
	op.u.createdomain.max_evtchn_port = 1023;
	op.u.createdomain.max_grant_frames = 4;
	op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
	return op;
}

long reserve(u32 cmd, xen_pfn_t *list, u64 n, u32 order)
{
	struct xen_memory_reservation r = {
	        .nr_extents = n, .extent_order = order, .domid = DOMID_SELF};

	set_xen_guest_handle(r.extent_start, list);
	return hc_memory_op(cmd, &r);
}

void vcpu_context(struct vcpu_guest_context *c, u64 entry, void *stack_end)
{
	memset(c, 0, sizeof(*c));
	c->flags = VGCF_in_kernel;
	c->user_regs.rip = entry;
	c->user_regs.rsp = P(stack_end) - 8;
	c->user_regs.cs = FLAT_KERNEL_CS;
	c->user_regs.ss = FLAT_KERNEL_SS;
	c->user_regs.ds = FLAT_KERNEL_DS;
	c->user_regs.es = FLAT_KERNEL_DS;
	c->user_regs.rflags = 0x1000;
	c->kernel_ss = FLAT_KERNEL_SS;
	c->kernel_sp = c->user_regs.rsp;
	c->ctrlreg[3] = xen_pfn_to_cr3(va_to_mfn((void *)start_info->pt_base));
}
