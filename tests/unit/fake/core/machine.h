/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine for tests of core/ on the host: found before the real header, which it includes with what
 * only a hypervisor can execute put aside. Every thread is a CPU; interrupts are not simulated. */
#pragma once
#define cpu_info           real_cpu_info
#define local_irq_disable  real_local_irq_disable
#define local_irq_enable   real_local_irq_enable
#define local_irq_save     real_local_irq_save
#define local_irq_restore  real_local_irq_restore
#define local_irq_enabled  real_local_irq_enabled
#define cpu_relax          real_cpu_relax
#define maddr_to_virt      real_maddr_to_virt
#define virt_to_maddr      real_virt_to_maddr
#define mfn_to_virt        real_mfn_to_virt
#define virt_to_mfn        real_virt_to_mfn
#include_next "core/machine.h"
#undef cpu_info
#undef local_irq_disable
#undef local_irq_enable
#undef local_irq_save
#undef local_irq_restore
#undef local_irq_enabled
#undef cpu_relax
#undef maddr_to_virt
#undef virt_to_maddr
#undef mfn_to_virt
#undef virt_to_mfn
#include <sched.h>

#define FAKE_PAGES 64

extern _Thread_local struct real_cpu_info fake_cpu; /* the real layout, renamed above */
extern u8 fake_memory[FAKE_PAGES][PAGE_SIZE]; /* "RAM": frames 0 to FAKE_PAGES - 1 */

static inline struct real_cpu_info *cpu_info(void)
{
	return &fake_cpu;
}

static inline void local_irq_disable(void)
{
}

static inline void local_irq_enable(void)
{
}

static inline u64 local_irq_save(void)
{
	return 0;
}

static inline void local_irq_restore(u64 flags)
{
	(void)flags;
}

static inline bool local_irq_enabled(void)
{
	return true;
}

static inline void cpu_relax(void)
{
	sched_yield(); /* the lock's holder may have been preempted by the host */
}

static inline void *maddr_to_virt(maddr_t a)
{
	return (u8 *)fake_memory + a;
}

static inline maddr_t virt_to_maddr(const void *p)
{
	return (maddr_t)((const u8 *)p - (const u8 *)fake_memory);
}

static inline void *mfn_to_virt(mfn_t m)
{
	return maddr_to_virt(mfn_to_maddr(m));
}

static inline mfn_t virt_to_mfn(const void *p)
{
	return maddr_to_mfn(virt_to_maddr(p));
}
