/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hypercall dispatch, multicalls and continuations.
 *
 * A handler that must make way rewrites the guest's registers so that the guest makes the same call
 * again with new arguments (rip back onto `syscall`, two bytes), or, in a multicall, the entry in the
 * guest's list. vcpu.mc.preempted tells that this happened; the return value then means nothing. */
#include "core/domain.h"
#include "core/event.h"
#include "core/hypercall.h"

enum caller { ANY, CONTROL, PV };

#define SYSCALL_LENGTH 2

struct hypercall {
	hypercall_fn *fn;
	u8 nargs, who;
};

static const struct hypercall table[] = {
#define HYPERCALL_ROW(nr, name, args, caller, locks)                                       \
	[nr] = {.fn = hc_##name, .nargs = (args), .who = (caller)},
#include "hypercalls.def"
#undef HYPERCALL_ROW
};

/* @i if it is below @n, else 0, also when the CPU speculates past the check. */
static u64 index_nospec(u64 i, u64 n)
{
	s64 mask = ~(s64)(i | (n - 1 - i)) >> 63;

	return i & (u64)mask;
}

bool hypercall_should_preempt(void)
{
	return softirq_is_pending() || vcpu_event_deliverable(current);
}

static const struct hypercall *look_up(u64 nr)
{
	const struct hypercall *h;

	if (nr >= ARRAY_SIZE(table))
		return NULL;
	h = &table[index_nospec(nr, ARRAY_SIZE(table))];
	return h->fn ? h : NULL;
}

long hypercall_run(u64 nr, const u64 a[6])
{
	const struct hypercall *h = look_up(nr);
	struct vcpu *v = current;
	long rc;

	if (!h || (h->who == PV && !v->pv))
		return -XEN_ENOSYS;
	if (h->who == CONTROL && !v->domain->is_control)
		return -XEN_EPERM;
	rc = h->fn(a);
	/* iret returns the guest's own rax, which may be anything. */
	if (rc == -XEN_ERESTART && !v->mc.preempted && nr != __HYPERVISOR_iret)
		rc = hypercall_continue(nr, h->nargs, a);
	return rc;
}

static void set_arg(struct cpu_user_regs *regs, u32 i, u64 val)
{
	u64 *const reg[6] = {&regs->rdi, &regs->rsi, &regs->rdx,
	                     &regs->r10, &regs->r8,  &regs->r9};

	*reg[i] = val;
}

void hypercall_dispatch(struct cpu_user_regs *regs)
{
	const u64 a[6] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
	struct vcpu *v = current;
	long rc;

	v->mc.preempted = v->mc.active = false;
	rc = hypercall_run(regs->rax, a);
	if (!v->mc.preempted)
		regs->rax = (u64)rc;
}

long hypercall_continue(u64 nr, u32 nargs, const u64 *a)
{
	struct vcpu *v = current;
	struct cpu_user_regs *regs = guest_regs();

	v->mc.preempted = true;
	if (v->mc.active) {
		v->mc.call.op = nr;
		for (u32 i = 0; i < nargs && i < 6; i++)
			v->mc.call.args[i] = a[i];
	} else {
		regs->rip -= SYSCALL_LENGTH;
		regs->rax = nr;
		for (u32 i = 0; i < nargs && i < 6; i++)
			set_arg(regs, i, a[i]);
	}
	return -XEN_ERESTART;
}

/* One entry. 0, -XEN_EFAULT, or -XEN_ERESTART when the entry has to be resumed. */
static long multicall_entry(struct vcpu *v, u64 va)
{
	struct multicall_state *mc = &v->mc;
	u64 a[6];
	long rc;

	if (!guest_read(&mc->call, va))
		return -XEN_EFAULT;
	for (u32 i = 0; i < 6; i++)
		a[i] = mc->call.args[i];
	if (mc->call.op == __HYPERVISOR_multicall || mc->call.op == __HYPERVISOR_iret) {
		rc = -XEN_EINVAL;
	} else {
		mc->active = true;
		rc = hypercall_run(mc->call.op, a);
		mc->active = false;
	}
	if (mc->preempted) {
		mc->preempted = false;
		return guest_write(va, &mc->call) ? -XEN_ERESTART : -XEN_EFAULT;
	}
	mc->call.result = (u64)rc;
	return guest_write(va + offsetof(struct multicall_entry, result), &mc->call.result)
	               ? 0
	               : -XEN_EFAULT;
}

long hc_multicall(const u64 a[6])
{
	struct vcpu *v = current;
	u64 list = a[0], n = a[1] & 0xffffffff;

	for (u64 i = 0; i < n; i++) {
		u64 va = list + i * sizeof(struct multicall_entry);
		const u64 rest[2] = {va, n - i};
		long rc;

		if (i > 0 && hypercall_should_preempt())
			return hypercall_continue(__HYPERVISOR_multicall, 2, rest);
		rc = multicall_entry(v, va);
		if (rc == -XEN_ERESTART)
			return hypercall_continue(__HYPERVISOR_multicall, 2, rest);
		if (rc)
			return rc;
		/* An entry may have stopped this vCPU, or crashed its domain. */
		if (READ_ONCE(v->domain->shutting_down))
			return 0;
	}
	return 0;
}
