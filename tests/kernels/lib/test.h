/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a test kernel has: hypercalls, its own memory, traps that it can survive, and four outcomes.
 * A kernel defines test_main() and test_title; it proves one thing and says so in its first comment. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define __XEN_TOOLS__             1
#define __XEN_INTERFACE_VERSION__ 0x00040e00
#include <xen/errno.h>
#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define PAGE_SIZE  4096UL
#define VIRT_BASE  0xffffffff80000000UL
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define READ_ONCE(x) (*(volatile typeof(x) *)&(x))

/* ---- outcomes: the first of skip, error, failure ends the kernel ---- */
extern const char test_title[];
void test_main(void);

/* What is said goes to it rather than to the hypervisor's console, which only dom0 has. */
extern void (*print_hook)(const char *text, u32 n);
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void test_skip(const char *why) __attribute__((noreturn));
void test_error(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));   /* the test itself is broken */
void test_failure(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn)); /* the hypervisor is wrong */

#define CHECK(cond)                                                                        \
	do {                                                                               \
		if (!(cond))                                                               \
			test_failure("%s:%d: %s", __FILE__, __LINE__, #cond);              \
	} while (0)
#define CHECK_EQ(got, want)                                                                \
	do {                                                                               \
		long g_ = (long)(got), w_ = (long)(want);                                  \
		if (g_ != w_)                                                              \
			test_failure("%s:%d: %s is %ld (%lx), not %ld", __FILE__,          \
			             __LINE__, #got, g_, g_, w_);                          \
	} while (0)

/* ---- hypercalls, by the syscall instruction ---- */
static inline long hypercall5(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall"
	                 : "=a"(ret), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8)
	                 : "0"(nr)
	                 : "rcx", "r11", "memory");
	return ret;
}
#define P(x) ((u64)(uintptr_t)(x))
#define hypercall1(nr, a)          hypercall5(nr, P(a), 0, 0, 0, 0)
#define hypercall2(nr, a, b)       hypercall5(nr, P(a), P(b), 0, 0, 0)
#define hypercall3(nr, a, b, c)    hypercall5(nr, P(a), P(b), P(c), 0, 0)
#define hypercall4(nr, a, b, c, d) hypercall5(nr, P(a), P(b), P(c), P(d), 0)

#define hc_mmu_update(req, n, done, dom)     hypercall4(__HYPERVISOR_mmu_update, req, n, done, dom)
#define hc_mmuext_op(op, n, done, dom)       hypercall4(__HYPERVISOR_mmuext_op, op, n, done, dom)
#define hc_update_va_mapping(va, pte, flags) hypercall3(__HYPERVISOR_update_va_mapping, va, pte, flags)
#define hc_memory_op(cmd, arg)               hypercall2(__HYPERVISOR_memory_op, cmd, arg)
#define hc_event_channel_op(cmd, arg)        hypercall2(__HYPERVISOR_event_channel_op, cmd, arg)
#define hc_grant_table_op(cmd, arg, n)       hypercall3(__HYPERVISOR_grant_table_op, cmd, arg, n)
#define hc_sched_op(cmd, arg)                hypercall2(__HYPERVISOR_sched_op, cmd, arg)
#define hc_vcpu_op(cmd, vcpu, arg)           hypercall3(__HYPERVISOR_vcpu_op, cmd, vcpu, arg)
#define hc_xen_version(cmd, arg)             hypercall2(__HYPERVISOR_xen_version, cmd, arg)
#define hc_domctl(op)                        hypercall1(__HYPERVISOR_domctl, op)
#define hc_sysctl(op)                        hypercall1(__HYPERVISOR_sysctl, op)
#define hc_platform_op(op)                   hypercall1(__HYPERVISOR_platform_op, op)
#define hc_physdev_op(cmd, arg)              hypercall2(__HYPERVISOR_physdev_op, cmd, arg)

/* ---- memory ---- */
extern struct start_info *start_info;
extern struct shared_info *shared_info; /* mapped before test_main() */

#define PTE_P 1UL
#define PTE_W 2UL
#define PTE_U 4UL
#define PTE_NX (1UL << 63)
#define PTE_MFN(e) (((e) & 0x000ffffffffff000UL) >> 12)

u64 pfn_to_mfn(u64 pfn);          /* by start_info's list */
u64 mfn_to_pfn(u64 mfn);          /* by the M2P table */
u64 va_to_pfn(const void *p);     /* the kernel's own addresses */
u64 va_to_mfn(const void *p);
void *pfn_to_va(u64 pfn);
u64 *pte_of(const void *va, u64 *maddr); /* its L1 entry (read-only mapped) and that entry's machine address */
u64 *l2e_of(const void *va, u64 *maddr);
u64 *l3e_of(const void *va, u64 *maddr);
u64 *l4e_of(const void *va, u64 *maddr);
u64 l1_mfn_of(const void *va);    /* frame of the L1 that maps va */
void *alloc_page(void);           /* zeroed, mapped writable; a test has 256 of them */
long set_pte(const void *va, u64 pte); /* update_va_mapping with INVLPG */
void make_readonly(const void *va);    /* or it is an error of the test */
void make_writable(const void *va);
static inline u64 maddr_of(const void *p)
{
	return va_to_mfn(p) * PAGE_SIZE + (P(p) & (PAGE_SIZE - 1));
}

/* ---- time ---- */
u64 clock_now(void); /* ns since the machine started, by vCPU 0's record */

/* ---- arguments that several kernels make ---- */
struct xen_domctl domctl_for(u32 cmd, domid_t id);
struct xen_domctl small_domain(void); /* createdomain: two vCPUs, four grant frames */
/* XENMEM_*_reservation or populate_physmap, of this domain's; @list of @n. */
long reserve(u32 cmd, xen_pfn_t *list, u64 n, u32 order);
/* A vCPU that begins at @entry in kernel mode, on a stack that ends at @stack_end and these page tables. */
void vcpu_context(struct vcpu_guest_context *c, u64 entry, void *stack_end);

/* ---- another guest ---- */
#define GUEST_VA 0x400000UL
struct guest {
	domid_t id;
	void *page; /* all that it sees, from GUEST_VA on, mapped here too */
};
/* One vCPU, paused, which begins with @code (@size bytes, at most a page), interrupts on. */
struct guest guest_make(const void *code, size_t size);
void guest_control(const struct guest *g, u32 cmd); /* a domctl that takes nothing more */
void guest_end(const struct guest *g);              /* destroys it; one of alloc_page()'s pages is used up */

/* ---- traps ---- */
struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};
#define VECTOR_EVENT    256
#define VECTOR_FAILSAFE 257
#define VECTOR_SYSCALL  258
/* Called for traps that no probe below expects; true = handled. */
extern bool (*trap_hook)(struct trap_frame *f);
extern u64 last_trap_vector, last_trap_error, last_trap_cr2;

/* Run one instruction that may fault: the vector, or -1 if it did not. */
int probe_read(const void *va, u64 *val);
int probe_write(void *va, u64 val);
int probe_rdmsr(u32 msr, u64 *val);
int probe_wrmsr(u32 msr, u64 val);
/* Calls fn(arg) and comes back here at its first trap. */
int probe_call(void (*fn)(void *), void *arg);

void *memset(void *d, int c, size_t n);
void *memcpy(void *d, const void *s, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
