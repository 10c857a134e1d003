/* SPDX-License-Identifier: GPL-3.0-or-later */
/* State of paravirtual domains and vCPUs. Only pv/ and the glue in x86/ that enters guests see it. */
#pragma once
#include "core/domain.h"

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
	bool syscall_disables_events, failsafe_disables_events, sysenter_disables_events, event_disables_none;
	u64 event_rip, failsafe_rip, syscall_rip, syscall32_rip, sysenter_rip;
	u16 event_cs, failsafe_cs, syscall32_cs, sysenter_cs;
	u64 kernel_ss, kernel_sp;
	mfn_t kernel_l4, user_l4;    /* type-referenced L4 (user: MFN(0) = none); changed by its own vCPU
	                              * or while it is paused */
	u64 gdt_frames[16];          /* MFNs */
	u32 gdt_entries;
	u64 ldt_base;                /* guest virtual */
	u32 ldt_entries;
	u32 ldt_mapped;              /* bitmap of LDT pages faulted in */
	u64 cr0_guest, cr2_unused, cr4_guest;
	u64 fs_base, gs_base_user, gs_base_kernel; /* while not running */
	u16 ds, es, fs, gs;
	u64 debugreg[8];
	u32 iopl;                    /* virtual, bits 12-13 place: 0..3 << 12 */
	u64 iobitmap;                /* guest virtual, 0 none */
	u32 iobitmap_ports;
	bool fpu_dirtied, ts_set;    /* guest's CR0.TS */
	bool cpuid_faulting;
	u64 vgc_flags;
	u64 msr_misc_enable, msr_tsc_aux, msr_spec_ctrl, xcr0;
	u8 nmi_pending, mce_pending;
	u64 nmi_rip;
};

struct pv_domain {
	spinlock_t mm_lock;          /* LOCK_PAGE_TABLES: all page-table updates of the domain */
	mfn_t perdomain_l3;          /* the L3 behind PERDOMAIN_START; Xen's own page */
	u64 *perdomain_l3_va;
	int relinquish_stage;
	struct list relinquish_list;
	struct cpuid_policy *cpuid;  /* what its vCPUs see (pv/cpuid.c) */
	bool tsc_emulated;
	u32 tsc_mode, tsc_khz;
	u64 tsc_elapsed, tsc_incarnation;
	u64 ioport_allowed[65536 / 64]; /* guests other than dom0; dom0: all but the hypervisor's */
	u64 pci_cf8;                 /* latched CF8 */
};

/* pv/mm.c, pv/mm_*.c (page tables) */
int pv_mm_domain_init(struct domain *d);
void pv_mm_domain_free(struct domain *d);
int pv_mm_relinquish(struct domain *d);             /* frees all memory; -XEN_ERESTART */
void pv_fill_l4(struct domain *d, u64 *l4, mfn_t l4_mfn);  /* writes slots 256..271 of a guest L4 */
int pv_set_base(struct vcpu *v, mfn_t kernel_l4);   /* takes references, drops the old; loads CR3 if @v is current */
void pv_load_cr3(struct vcpu *v);                   /* CR3 by kernel_mode, marks dirty_cpus */
void pv_make_cr3(struct vcpu *v);
/* #PF from a guest, or from the hypervisor on its LDT mapping. True = handled, retry the access. */
bool pv_fixup_page_fault(struct cpu_user_regs *regs, u64 va, u32 error_code);
int pv_set_gdt(struct vcpu *v, const u64 *frames, u32 entries); /* 0, -XEN_EINVAL..; frames from the caller */
void pv_destroy_gdt(struct vcpu *v);
bool pv_map_ldt_page(struct vcpu *v, u32 page);     /* faults one LDT page in */
void pv_invalidate_ldt(struct vcpu *v);
bool pv_descriptor_ok(u64 *desc);                   /* checks and fixes a guest's code/data descriptor */

/* pv/traps.c */
void pv_inject_fault(u8 vector, s32 error_code);    /* error_code -1 = none; to current */
void pv_inject_page_fault(u64 va, u32 error_code);
bool pv_deliver_pending(struct vcpu *v);            /* events, NMI: sets up the bounce; called by the exit path */

/* pv/switch.c */
void pv_toggle_mode(struct vcpu *v);                /* guest user <-> kernel: CR3 and GS bases */

/* pv/emulate*.c */
bool pv_emulate_privileged(struct cpu_user_regs *regs); /* #GP/#UD: true = done, rip moved on */
int pv_rdmsr(struct vcpu *v, u32 msr, u64 *val);
int pv_wrmsr(struct vcpu *v, u32 msr, u64 val);

/* pv/cpuid.c */
void pv_cpuid(struct vcpu *v, u32 leaf, u32 subleaf, u32 out[4]);

/* pv/dom0_build.c */
void dom0_build(void);                              /* panics with a message when it cannot */
