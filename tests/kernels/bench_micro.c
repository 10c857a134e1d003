/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What single operations cost, in instructions: booted with -icount shift=0 on one CPU, the time-stamp
 * counter counts the instructions that this CPU ran, hypervisor's and kernel's. Lines of the form
 * KEEL-BENCH NAME VALUE are read by tests/bench/bench. Not a test: nothing here can fail on speed.
 */
#include "lib/test.h"

const char test_title[] = "bench_micro";

#define ROUNDS        1000
#define PAGES_PER_GIB (1UL << 18)

static u64 now(void)
{
	u32 lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (u64)hi << 32 | lo;
}

static void report(const char *name, u64 start, u64 ops)
{
	printk("KEEL-BENCH %s %lu\n", name, (now() - start) / ops);
}

static void null_hypercall(void)
{
	u64 t = now();

	for (u32 i = 0; i < ROUNDS; i++)
		hc_xen_version(XENVER_version, NULL);
	report("null_hypercall", t, ROUNDS);
}

static bool skip_ud2(struct trap_frame *f)
{
	f->rip += 2;
	return f->vector == 6;
}

static void exception_bounce(void)
{
	u64 t;

	trap_hook = skip_ud2;
	t = now();
	for (u32 i = 0; i < ROUNDS; i++)
		__asm__ volatile("ud2");
	report("exception_bounce", t, ROUNDS);
	trap_hook = NULL;
}

/* ---- system calls of guest user code ---- */

/* User code counts down in rbx, and calls with rax = 1 when it is done. The kernel's side does what Linux's
 * does: it takes rcx and r11 off the frame and returns by iret as from a system call. */
extern char system_call_entry[], user_code[];
void run_user_code(u64 rounds);
__asm__(".text\n"
        "system_call_entry:\n"
        "	pop %rcx\n"
        "	pop %r11\n"
        "	test %eax, %eax\n"
        "	jnz 1f\n"
        "	push $256\n" /* VGCF_in_syscall */
        "	push %rcx\n"
        "	push %r11\n"
        "	push %rax\n"
        "	mov $23, %eax\n" /* iret */
        "	syscall\n"
        "1:	mov kernel_rsp, %rsp\n"
        "	pop %rbx\n"
        "	ret\n"
        "run_user_code:\n"
        "	push %rbx\n"
        "	mov %rsp, kernel_rsp\n"
        "	mov %rdi, %rbx\n"
        "	push $0xe02b\n" /* FLAT_USER_SS */
        "	push %rsp\n"
        "	push $2\n" /* rflags: events stay off */
        "	push $0xe033\n" /* FLAT_USER_CS */
        "	push $user_code\n"
        "	push $256\n"
        "	push $0\n"
        "	push $0\n"
        "	push $0\n"
        "	mov $23, %eax\n"
        "	syscall\n"
        "user_code:\n"
        "	xor %eax, %eax\n"
        "	syscall\n"
        "	dec %rbx\n"
        "	jnz user_code\n"
        "	mov $1, %eax\n"
        "	syscall\n"
        ".local kernel_rsp\n"
        ".comm kernel_rsp, 8, 8\n");
_Static_assert(__HYPERVISOR_iret == 23 && VGCF_in_syscall == 256 && FLAT_USER_CS == 0xe033 &&
                       FLAT_USER_SS == 0xe02b,
               "numbers above");

/* The one set of tables serves both modes: all that a guest maps its user code may reach by itself. */
static void system_calls(void)
{
	struct mmuext_op base = {.cmd = MMUEXT_NEW_USER_BASEPTR,
	                         .arg1.mfn = va_to_mfn((void *)start_info->pt_base)};
	struct callback_register entry = {.type = CALLBACKTYPE_syscall, .address = P(system_call_entry)};
	u64 t;

	CHECK_EQ(hc_mmuext_op(&base, 1, NULL, DOMID_SELF), 0);
	CHECK_EQ(hypercall2(__HYPERVISOR_callback_op, CALLBACKOP_register, &entry), 0);
	CHECK_EQ(hypercall2(__HYPERVISOR_stack_switch, FLAT_KERNEL_SS, (char *)alloc_page() + PAGE_SIZE), 0);
	t = now();
	run_user_code(ROUNDS);
	report("system_call", t, ROUNDS);
}

static void page_table_updates(void)
{
	static struct mmu_update batch[128];
	char *page = alloc_page();
	u64 mfn = va_to_mfn(page) << 12, maddr, t;

	t = now();
	for (u32 i = 0; i < ROUNDS; i++)
		hc_update_va_mapping(page, mfn | PTE_P | PTE_U | (i & 1 ? PTE_W : 0), 0);
	report("update_va_mapping", t, ROUNDS);

	pte_of(page, &maddr);
	t = now();
	for (u32 i = 0; i < ROUNDS; i++) {
		struct mmu_update u = {.ptr = maddr,
		                       .val = mfn | PTE_P | PTE_U | (i & 1 ? PTE_W : 0)};

		hc_mmu_update(&u, 1, NULL, DOMID_SELF);
	}
	report("mmu_update_single", t, ROUNDS);

	for (u32 i = 0; i < 128; i++) {
		char *p = alloc_page();

		pte_of(p, &maddr);
		batch[i].ptr = maddr;
		batch[i].val = va_to_mfn(p) << 12 | PTE_P | PTE_U;
	}
	t = now();
	for (u32 r = 0; r < 20; r++) {
		hc_mmu_update(batch, 128, NULL, DOMID_SELF);
		for (u32 i = 0; i < 128; i++)
			batch[i].val ^= PTE_W;
	}
	report("mmu_update_batch_entry", t, 20 * 128);

	t = now();
	for (u32 i = 0; i < ROUNDS; i++) {
		struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};

		hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
	}
	report("tlb_flush_local", t, ROUNDS);
}

static void pin_and_unpin(void)
{
	void *page = alloc_page();
	struct mmuext_op pin = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = va_to_mfn(page)};
	struct mmuext_op unpin = {.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = va_to_mfn(page)};
	u64 t;

	make_readonly(page);
	t = now();
	for (u32 i = 0; i < 100; i++) {
		hc_mmuext_op(&pin, 1, NULL, DOMID_SELF);
		hc_mmuext_op(&unpin, 1, NULL, DOMID_SELF);
	}
	report("pin_unpin_l1", t, 100);
}

static void events(void)
{
	struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
	struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF};
	struct evtchn_send s;
	u64 t;

	CHECK_EQ(hc_event_channel_op(EVTCHNOP_alloc_unbound, &a), 0);
	b.remote_port = a.port;
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_interdomain, &b), 0);
	s.port = a.port;
	t = now();
	for (u32 i = 0; i < ROUNDS; i++) {
		hc_event_channel_op(EVTCHNOP_send, &s);
		shared_info->evtchn_pending[b.local_port / 64] = 0;
		shared_info->vcpu_info[0].evtchn_pending_sel = 0;
		shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
	}
	report("event_send", t, ROUNDS);
}

static u64 second_stack[1024];
static u32 ready, stop;

static void second_vcpu(void)
{
	__atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
		hc_sched_op(SCHEDOP_yield, NULL);
	hc_vcpu_op(VCPUOP_down, 1, NULL);
}

static void context_switch(void)
{
	static struct vcpu_guest_context c;
	u64 t;

	vcpu_context(&c, P(second_vcpu), &second_stack[1024]);
	if (hc_vcpu_op(VCPUOP_initialise, 1, &c) != 0 || hc_vcpu_op(VCPUOP_up, 1, NULL) != 0)
		return; /* booted with one vCPU */
	while (!__atomic_load_n(&ready, __ATOMIC_SEQ_CST))
		hc_sched_op(SCHEDOP_yield, NULL);
	t = now();
	for (u32 i = 0; i < ROUNDS; i++)
		hc_sched_op(SCHEDOP_yield, NULL);
	report("context_switch", t, 2 * ROUNDS); /* there and back */
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
}

/* ---- a second guest, which does nothing but yield ---- */

struct guest_code {
	u8 code[64];
	u64 yields;
};

static const u8 yield_loop[] = {
        0x48, 0xff, 0x05, 0x39, 0x00, 0x00, 0x00, /* 1: incq yields(%rip) */
        0xb8, 0x1d, 0x00, 0x00, 0x00,             /* mov $__HYPERVISOR_sched_op, %eax */
        0x31, 0xff,                               /* xor %edi, %edi: SCHEDOP_yield */
        0x0f, 0x05,                               /* syscall */
        0xeb, 0xee,                               /* jmp 1b */
};

/* On one CPU both take turns: switches are counted by the other's yields. */
static void guest_switch(void)
{
	struct guest g = guest_make(yield_loop, sizeof(yield_loop));
	struct guest_code *guest = g.page;
	u64 first, t;

	guest_control(&g, XEN_DOMCTL_unpausedomain);
	while (READ_ONCE(guest->yields) == 0)
		hc_sched_op(SCHEDOP_yield, NULL);
	first = guest->yields;
	t = now();
	while (READ_ONCE(guest->yields) - first < ROUNDS)
		hc_sched_op(SCHEDOP_yield, NULL);
	report("guest_switch", t, 2 * ROUNDS); /* there and back */
	guest_end(&g);
}

static void grants(void)
{
	static xen_pfn_t frames[1];
	struct gnttab_setup_table st = {.dom = DOMID_SELF, .nr_frames = 1};
	struct grant_entry_v1 *table = alloc_page();
	void *page = alloc_page(), *window = alloc_page(), *to = alloc_page();
	u64 t;

	set_xen_guest_handle(st.frame_list, frames);
	CHECK_EQ(hc_grant_table_op(GNTTABOP_setup_table, &st, 1), 0);
	CHECK_EQ(set_pte(table, frames[0] << 12 | PTE_P | PTE_W | PTE_U), 0);
	CHECK_EQ(set_pte(window, 0), 0);
	table[8].domid = 0;
	table[8].frame = (u32)va_to_mfn(page);
	table[8].flags = GTF_permit_access;
	t = now();
	for (u32 i = 0; i < ROUNDS; i++) {
		struct gnttab_map_grant_ref m = {
		        .host_addr = P(window), .flags = GNTMAP_host_map, .ref = 8};
		struct gnttab_unmap_grant_ref u = {.host_addr = P(window)};

		hc_grant_table_op(GNTTABOP_map_grant_ref, &m, 1);
		u.handle = m.handle;
		hc_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1);
	}
	report("grant_map_unmap", t, ROUNDS);
	t = now();
	for (u32 i = 0; i < ROUNDS; i++) {
		struct gnttab_copy c = {.source.u.ref = 8,
		                        .dest.u.gmfn = va_to_mfn(to),
		                        .dest.domid = DOMID_SELF,
		                        .len = 4096,
		                        .flags = GNTCOPY_source_gref};

		hc_grant_table_op(GNTTABOP_copy, &c, 1);
	}
	report("grant_copy_4k", t, ROUNDS);
}

/* Of the machine's RAM, what neither dom0 has nor anybody can get; named by the machine's GiB. */
static void memory_kept(void)
{
	struct xen_sysctl s;

	memset(&s, 0, sizeof(s));
	s.cmd = XEN_SYSCTL_physinfo;
	s.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	if (hc_sysctl(&s) == 0)
		printk("KEEL-BENCH kept_%lug %lu\n", (s.u.physinfo.total_pages + PAGES_PER_GIB / 2) / PAGES_PER_GIB,
		       s.u.physinfo.total_pages - s.u.physinfo.free_pages - start_info->nr_pages);
}

void test_main(void)
{
	memory_kept();
	printk("KEEL-BENCH first_instruction %lu\n", now());
	null_hypercall();
	exception_bounce();
	system_calls();
	page_table_updates();
	pin_and_unpin();
	events();
	grants();
	context_switch();
	guest_switch();
}
