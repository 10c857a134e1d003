/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ends of which a processor would make a triple fault. */
#include "hostile.h"

static void *hole(void)
{
	u8 *page = alloc_page();

	if (set_pte(page, 0) != 0)
		test_error("cannot unmap a page");
	return page + 2048;
}

static void must_not_live(void)
{
	test_failure("the domain lives on");
}

void crash_asked(void)
{
	domu_shutdown(SHUTDOWN_crash);
}

void crash_without_handler(void)
{
	hypercall1(__HYPERVISOR_set_trap_table, NULL);
	__asm__ volatile("ud2");
	must_not_live();
}

/* The frame of an exception in the kernel goes where its stack pointer says. */
void crash_on_bad_stack(void)
{
	__asm__ volatile("mov %0, %%rsp; ud2" ::"r"(hole()) : "memory");
	must_not_live();
}

void crash_in_iret(void)
{
	__asm__ volatile("mov %0, %%rsp; syscall" ::"r"(hole()), "a"(__HYPERVISOR_iret)
			 : "memory");
	must_not_live();
}

/* A return to a selector that does not exist is a failsafe callback; its handler is not
 * code. */
void crash_in_failsafe(void)
{
	struct callback_register r = {.type = CALLBACKTYPE_failsafe,
				      .address = 0x8000000000000000 >> 1};
	u64 frame[] = {0,	   0,	  0,	     0,		P(crash_in_failsafe),
		       0xfff8 | 1, 0x202, P(hole()), 0xfff0 | 1};

	hypercall2(__HYPERVISOR_callback_op, CALLBACKOP_register, &r);
	hypercall1(__HYPERVISOR_set_trap_table, NULL);
	__asm__ volatile("mov %0, %%rsp; syscall" ::"r"(frame), "a"(__HYPERVISOR_iret)
			 : "memory");
	must_not_live();
}

/* An event comes while the stack is no memory. */
void crash_by_event(void)
{
	u8 *upcall_mask = &shared_info->vcpu_info[0].evtchn_upcall_mask;
	struct vcpu_set_periodic_timer t = {.period_ns = 1000000};
	struct evtchn_bind_virq v = {.virq = VIRQ_TIMER};

	if (hc_event_channel_op(EVTCHNOP_bind_virq, &v) ||
	    hc_vcpu_op(VCPUOP_set_periodic_timer, 0, &t))
		test_error("no timer");
	__asm__ volatile("mov %0, %%rsp; movb $0, %1; 1: jmp 1b" ::"r"(hole()),
			 "m"(*upcall_mask)
			 : "memory");
}
