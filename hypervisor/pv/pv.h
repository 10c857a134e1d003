/* SPDX-License-Identifier: GPL-3.0-or-later */
/* State of paravirtual domains and vCPUs. Only pv/ and the glue in x86/ that enters guests see it. */
#pragma once
#include "core/domain.h"
#include "core/guest.h"

/* ---- where things are in a guest's address space (docs/memory-map) ---- */

/* Slot 258: this domain's own L3, shared by all its L4s: descriptor tables of each vCPU. */
#define PERDOMAIN_START   0xffff810000000000UL /* L4 slot 258 */
#define VCPU_DESC_STRIDE  (32 * PAGE_SIZE)     /* 16 pages GDT, 16 pages LDT a vCPU */
#define GDT_VA(vcpu_id)   (PERDOMAIN_START + (u64)(vcpu_id)*VCPU_DESC_STRIDE)
#define LDT_VA(vcpu_id)   (GDT_VA(vcpu_id) + 16 * PAGE_SIZE)

#define GUEST_HOLE_START  0xffff800000000000UL
#define GUEST_HOLE_END    0xffff880000000000UL
#define HYP_L4_FIRST      256
#define HYP_L4_LAST       271
#define L4_SLOT_M2P       256
#define L4_SLOT_MMIO      257 /* ioremap, stubs, stacks */
#define L4_SLOT_PERDOMAIN 258
#define L4_SLOT_FRAMETAB  260
#define L4_SLOT_IMAGE     261

/* Selectors: the hypervisor's are in GDT page 14 on (FIRST_RESERVED_GDT_PAGE) of every GDT. */

struct pv_trap {
	u16 cs;
	u8 flags;  /* bits 0-1 DPL, bit 2 = mask events */
	u64 rip;   /* 0 = no handler */
};

/* A frame to push on the guest's kernel stack on the next return to it. */
struct trap_bounce {
	bool pending, has_error_code, mask_events, failsafe;
	u32 error_code;
	u16 cs;
	u64 rip;
};

struct pv_vcpu {
	struct pv_trap traps[256];
	struct trap_bounce bounce;
	bool kernel_mode;            /* guest kernel (true) or guest user runs */
	bool syscall_disables_events, syscall32_disables_events, sysenter_disables_events;
	bool failsafe_disables_events;
	u64 event_rip, failsafe_rip, syscall_rip, syscall32_rip, sysenter_rip;
	u16 syscall32_cs, sysenter_cs; /* kept for the toolstack: handlers run on the flat selector */
	u64 kernel_ss, kernel_sp;
	mfn_t kernel_l4, user_l4;    /* type-referenced L4 (user: MFN(0) = none); changed by its own vCPU
	                              * or while it is paused */
	mfn_t stale_l4;              /* no longer a base, its references still to be dropped */
	u64 gdt_frames[16];          /* MFNs */
	u32 gdt_entries;
	u64 ldt_base;                /* guest virtual */
	u32 ldt_entries;
	u32 ldt_mapped;              /* bitmap of LDT pages faulted in */
	u64 cr4_guest;               /* what it reads back from CR4 */
	u64 fs_base, gs_base_user, gs_base_kernel; /* while not running */
	u16 ds, es, fs, gs;
	u64 debugreg[8];
	u32 iopl;                    /* virtual, bits 12-13 place: 0..3 << 12 */
	u64 iobitmap;                /* guest virtual, 0 none */
	u32 iobitmap_ports;
	bool ts_set;                 /* guest's CR0.TS */
	bool cpuid_faulting;
	u64 msr_tsc_aux, msr_spec_ctrl, xcr0;
	bool nmi_pending;
	u64 nmi_rip;
	bool nmi_masked;             /* from delivery to the guest's iret */
};

struct pv_domain {
	spinlock_t mm_lock;          /* LOCK_PAGE_TABLES: all page-table updates of the domain */
	struct pt_space pt;          /* logic/page_type.h; lock: mm_lock */
	mfn_t perdomain_l3;          /* the L3 behind PERDOMAIN_START; Xen's own page */
	u64 *perdomain_l3_va;
	int relinquish_stage;
	struct cpuid_policy *cpuid;  /* what its vCPUs see (pv/cpuid.c) */
	bool tsc_emulated;
	u32 tsc_mode, tsc_khz;
	u64 tsc_elapsed, tsc_incarnation;
	u64 ioport_allowed[65536 / 64]; /* guests other than dom0; dom0: all but the hypervisor's */
	u64 pci_cf8;                 /* latched CF8 */
};

/* pv/mm.c: address spaces of domains and vCPUs. Guest memory is never accessed under mm_lock. */
int pv_mm_domain_init(struct domain *d);
void pv_mm_domain_free(struct domain *d);
int pv_mm_vcpu_init(struct vcpu *v);                /* tables behind GDT_VA(), LDT_VA(); 0 or -XEN_ENOMEM */
/* Takes mm_lock with no interrupted operation left. 0, or -XEN_ERESTART: not locked, come back. */
int pv_mm_lock(struct domain *d) __must_check;
void pv_mm_unlock(struct domain *d);
bool pv_mm_pending(struct domain *d);               /* work is left for the next pv_mm_lock() */
void pv_fill_l4(struct domain *d, u64 *l4, mfn_t l4_mfn);  /* writes slots 256..271 of a guest L4 */
/* Take references, drop the old; load CR3 if @v is current. @v is current or does not run. The user base may
 * be MFN 0, none. 0, -XEN_EINVAL.., -XEN_ERESTART: call again (never at boot). */
int pv_set_base(struct vcpu *v, mfn_t kernel_l4);
int pv_set_user_base(struct vcpu *v, mfn_t user_l4);
int pv_drop_bases(struct vcpu *v);                  /* @v does not run; 0 or -XEN_ERESTART */
/* Pins @mfn of @d as PT_L1..PT_L4. Returns as above. */
int pv_pin_table(struct domain *d, mfn_t mfn, u64 type);
int pv_unpin_table(struct domain *d, mfn_t mfn);
void pv_load_cr3(struct vcpu *v);                   /* CR3 by kernel_mode, marks dirty_cpus; @v is current */
void pv_reload_cr3(struct vcpu *v);                 /* the same again: its tables or mode have changed */
/* L1 table that maps @va under @l4 and the slot in it; lock: mm_lock. NULL if there is none. */
struct page_info *pv_walk_l1(mfn_t l4, u64 va, u32 *slot);
/* The L1 entry for @va, lock-free, for hints only. False if a level is not present; *rights: what all
 * levels allow together (PTE_RW, and PTE_NX if any forbids execution). */
bool pv_walk_hint(mfn_t l4, u64 va, u64 *entry, u64 *rights);
/* dom0 maps these frames of devices read-only and its writes to them vanish (MSI-X tables). -XEN_ENOSPC */
int pv_mmio_set_readonly(mfn_t m, bool readonly);
bool pv_mmio_is_readonly(mfn_t m);
/* CPUs on which the vCPUs of the guest's bitmap at @va may have translations. False: bad address. */
bool pv_vcpumask_to_cpus(struct domain *d, u64 va, cpumask_t *out);

/* pv/mm_relinquish.c */
int pv_mm_relinquish(struct domain *d);             /* frees all memory; -XEN_ERESTART */

/* pv/mm_fault.c */
/* #PF from a guest, or from the hypervisor on its LDT mapping or on guest memory. True = handled, retry
 * the access (or another fault was injected). */
bool pv_fixup_page_fault(struct cpu_user_regs *regs, u64 va, u32 error_code);

/* pv/descriptor.c */
int pv_set_gdt(struct vcpu *v, const u64 *frames, u32 entries); /* 0, -XEN_EINVAL..; frames from the caller */
void pv_destroy_gdt(struct vcpu *v);
int pv_set_ldt(struct vcpu *v, u64 base, u32 entries); /* @v is current or does not run; 0, -XEN_EINVAL */
int pv_init_gdt(struct vcpu *v);                    /* descriptor.c, for pv_mm_vcpu_init() */
bool pv_map_ldt_page(struct vcpu *v, u32 page);     /* faults one LDT page in; @v is current */
void pv_invalidate_ldt(struct vcpu *v);
/* Lets go of all LDT pages of the domain that were faulted in; they come back by faults. Lock: mm_lock.
 * True if there were any. */
bool pv_release_ldt_pages(struct domain *d);
bool pv_descriptor_ok(u64 *desc);                   /* checks and fixes a guest's code/data descriptor */

/* pv/traps.c */
void pv_inject_fault(u8 vector, s32 error_code);    /* error_code -1 = none; to current */
void pv_inject_page_fault(u64 va, u32 error_code);
bool pv_deliver_pending(struct vcpu *v);            /* events, NMI: sets up the bounce; called by the exit path */
void pv_single_step_trap(struct cpu_user_regs *regs); /* after an emulated instruction with TF set */

/* pv/switch.c */
void pv_toggle_mode(struct vcpu *v);                /* guest user <-> kernel: CR3 and GS bases */

void pv_load_ldt(struct vcpu *v);                   /* @v current: LDTR from ldt_entries */
void pv_set_ts(struct vcpu *v, bool set);           /* @v current: virtual CR0.TS, and the real one */
void pv_load_debugregs(struct vcpu *v);             /* @v current: DR0-3, 6, 7 if any is armed */
void pv_load_spec_ctrl(struct vcpu *v);             /* @v current */
void pv_update_cr4(struct vcpu *v);                 /* @v current: CR4.TSD as it is due */
u64 *pv_perdomain_pte(struct domain *d, u64 va);    /* L1 entry of an address in slot 258; NULL if none */

/* pv/emulate.c, pv/ioport.c, pv/msr.c */
bool pv_emulate_privileged(struct cpu_user_regs *regs); /* #GP/#UD: true = done, rip moved on */
u64 pv_cr4_initial(void);
int pv_rdmsr(struct vcpu *v, u32 msr, u64 *val);    /* 0 or -XEN_EINVAL (#GP) */
int pv_wrmsr(struct vcpu *v, u32 msr, u64 val);
bool pv_spec_ctrl_ok(u64 val);                      /* bits of MSR 0x48 that this CPU has */
u64 pv_guest_tsc(struct vcpu *v);                   /* what an emulated RDTSC gives */
bool pv_xcr0_ok(u64 val);
int pv_set_debugreg(struct vcpu *v, u32 reg, u64 val); /* checks; loads it if @v is current */
bool pv_debugreg_ok(u32 reg, u64 *val);
bool pv_guest_io_allowed(struct vcpu *v, u32 port, u32 bytes); /* IOPL and bitmap */
u32 pv_io_read(struct vcpu *v, u32 port, u32 bytes);
void pv_io_write(struct vcpu *v, u32 port, u32 bytes, u32 val);
bool pv_ioport_permitted(struct domain *d, u32 first, u32 n);

/* pv/cpuid.c */
void pv_cpuid_init(void);                           /* once, before the first domain; repeats do nothing */
int pv_cpuid_domain_init(struct domain *d);
void pv_cpuid_domain_free(struct domain *d);
void pv_cpuid(struct vcpu *v, u32 leaf, u32 subleaf, u32 out[4]);
u64 pv_arch_caps(struct domain *d);                 /* its MSR 0x10a */
bool pv_cpu_has_faulting(void);
void pv_cpu_set_faulting(bool on);                  /* this CPU */
long pv_domctl_get_policy(struct domain *d, struct xen_domctl_cpu_policy *p);
long pv_domctl_set_policy(struct domain *d, struct xen_domctl_cpu_policy *p);
long pv_sysctl_get_policy(struct xen_sysctl_cpu_policy *p);
long pv_sysctl_get_featureset(struct xen_sysctl_cpu_featureset *f);

/* pv/domain.c */
void pv_fill_hypercall_page(void *page);

/* pv/physdev.c */
int pirq_domain_init(struct domain *d);
void pirq_domain_free(struct domain *d);

/* pv/dom0_build.c */
void dom0_build(void);                              /* panics with a message when it cannot */
