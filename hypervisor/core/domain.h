/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domains and their virtual CPUs. core/domain.c */
#pragma once
#include "core/hypercall.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/machine.h"
#include "core/mm.h"
#include "core/softirq.h"
#include "core/timer.h"
#include "logic/list.h"

struct evtchn;
struct evtchn_fifo;
struct evtchn_fifo_vcpu;
struct grant_table;
struct pirq_table;
struct pv_domain;
struct pv_vcpu;
struct sched_domain;
struct sched_vcpu;

/* Why a vCPU may not run, besides pause_count: bits of vcpu.pause_flags (atomic). */
enum vcpu_pause_flag {
	VPF_BLOCKED,     /* SCHEDOP_block/poll: until an event */
	VPF_DOWN,        /* not brought up, or VCPUOP_down */
	VPF_BLOCKED_POLL /* in SCHEDOP_poll (VPF_BLOCKED is set too) */
};

struct vcpu {
	u32 id;
	struct domain *domain;
	u32 cpu;                     /* where it runs or ran last; lock: its run queue's */
	u64 pause_flags;             /* enum vcpu_pause_flag; atomic bits */
	u32 pause_count;             /* atomic; by the hypervisor and domctl */
	bool is_initialised;         /* has a register state; lock: domain.lock */
	bool is_running;             /* its state is in a CPU; written by that CPU at switches */
	struct sched_vcpu *sched;    /* core/sched.c */

	struct vcpu_info *info;      /* in shared_info, or registered, or the domain's dummy page;
	                              * hypervisor address. Never NULL after creation. */
	struct page_info *info_page; /* type-referenced page behind a registered one, else NULL */

	struct vcpu_runstate_info runstate; /* lock: run queue's */
	u64 runstate_guest;          /* guest virtual address of its copy, 0 = none */
	u64 time_info_guest;         /* secondary pvclock copy, 0 = none */
	bool guest_copies_stale;     /* one of the two could not be written (guest user mode is loaded):
	                              * call vcpu_update_guest_time() when the kernel's tables are */
	ns_t last_run;               /* when it was last put on a CPU */

	struct timer periodic_timer, singleshot_timer, poll_timer;
	ns_t periodic_period;        /* ns, 0 = none; ticks only while the vCPU runs */
	ns_t periodic_last;          /* when it ticked last */

	u32 virq_port[NR_VIRQS];     /* 0 = unbound; lock: evtchn */
	u32 poll_port;               /* the one polled port, 0 none, ~0 several */
	struct evtchn_fifo_vcpu *fifo;

	cpumask_t hard_affinity, soft_affinity; /* lock: run queue's */
	cpumask_t saved_affinity;    /* hard affinity before SCHEDOP_pin_override */
	bool affinity_broken;

	struct multicall_state mc;
	cpumask_t dirty_cpus;        /* CPUs whose TLB may hold this vCPU's translations; atomic bits */
	struct cpu_user_regs regs;   /* its registers while it does not run */
	void *fpu;                   /* XSAVE area, 64-byte aligned, x86/fpu.c sizes it */
	struct pv_vcpu *pv;          /* pv/pv.h; NULL for the idle vCPU */
	struct hvm_vcpu *hvm;
};

struct domain {
	domid_t id;
	u32 refcnt;                  /* atomic; the last put frees the structure */
	struct tasklet destroy_tasklet; /* frees the structure after the last put */
	struct list link;            /* in domain_list; lock: LOCK_DOMAIN_LIST; readers hold a ref */
	spinlock_t lock;             /* LOCK_DOMAIN */
	u8 handle[16];               /* UUID, by domctl */
	bool is_control;             /* dom0: may call everything */
	bool is_idle;
	bool is_special;             /* dom_xen, dom_io */
	bool created_done;           /* XEN_DOMCTL_createdomain finished; was unpaused once */
	u32 cdf;                     /* XEN_DOMCTL_CDF_* it was created with */
	u32 ssidref;

	enum { DOMDYING_alive, DOMDYING_dying, DOMDYING_dead } dying; /* lock: domain.lock */
	bool shutting_down, shut_down; /* atomic */
	u8 shutdown_code;
	u32 pause_count;             /* atomic; while above 0 no vCPU of it runs */
	u32 controller_pause_count;  /* by XEN_DOMCTL_pausedomain; lock: domain.lock */

	u32 max_vcpus;               /* size of vcpu[]; fixed when set */
	struct vcpu **vcpu;          /* entries may be NULL */

	struct shared_info *shared_info; /* hypervisor address, a page of its own */
	struct vcpu_info *dummy_vcpu_info; /* for vCPUs beyond 32 without a registered one */

	spinlock_t page_alloc_lock;  /* LOCK_PAGE_ALLOC */
	struct page_list page_list;  /* its frames */
	struct page_list xenpage_list; /* shared hypervisor pages */
	struct page_list leaving_list; /* dying: frames that are done with, save for who still uses them */
	u64 tot_pages, max_pages;    /* lock: page_alloc_lock */
	u64 xen_pages;               /* pages of the hypervisor's shared with it */
	u64 claimed_pages;           /* lock: LOCK_HEAP */
	u64 mapped_foreign;          /* statistics: frames of others it maps */

	spinlock_t evtchn_lock;      /* LOCK_EVTCHN; irq-safe */
	struct evtchn **evtchn_bucket; /* core/evtchn.c: ports in groups of a page */
	u32 valid_evtchns;           /* ports below have a struct */
	u32 max_evtchn_port;         /* inclusive limit by domctl */
	u32 active_evtchns, xen_evtchns;
	struct evtchn_fifo *fifo;    /* NULL = 2-level */
	u64 poll_mask[BITMAP_WORDS(8192)]; /* vCPUs in SCHEDOP_poll; atomic bits */

	struct grant_table *grant;   /* core/grant.c */
	struct pirq_table *pirqs;    /* pv/physdev.c */
	struct sched_domain *sched;  /* core/sched.c: weight, cap */

	u64 vm_assist;               /* VMASST bits; atomic */
	u64 iomem_start, iomem_end;  /* not used by dom0: it may map all non-RAM but the hypervisor's */
	struct e820_entry *e820;     /* XENMEM_set_memory_map, NULL = none; lock: domain.lock */
	u32 nr_e820;
	u32 suspend_port;            /* XEN_DOMCTL_subscribe */
	s64 time_offset_s;           /* XEN_DOMCTL_settimeoffset */
	cpumask_t dirty_cpus;        /* CPUs whose TLB may hold its translations; atomic bits */
	u64 node_affinity;

	struct timer watchdog[2];    /* SCHEDOP_watchdog */
	u32 watchdog_inuse;          /* bit per watchdog; lock: domain.lock */

	char console_line[128];      /* a guest's partial console_io line; lock: LOCK_CONSOLE */
	u32 console_len;
	u32 log_tokens;              /* rate limit of guest_log(); atomic */

	struct pv_domain *pv;        /* pv/pv.h; NULL for idle and special domains */
	struct hvm_domain *hvm;
};

extern struct domain *control_domain; /* dom0; NULL before it is built */
extern struct domain *idle_domain;    /* vcpu[cpu] is that CPU's idle vCPU */

static inline bool is_idle_vcpu(const struct vcpu *v)
{
	return v->domain->is_idle;
}

/* ---- life cycle ---- */

/* A new domain with no vCPU, paused once for its creator (controller_pause_count 1). NULL on error
 * with *err = -XEN_Exxx. @id DOMID_INVALID picks a free one. */
struct domain *domain_create(domid_t id, const struct xen_domctl_createdomain *cfg,
                             bool control, int *err);
struct vcpu *vcpu_create(struct domain *d, u32 id); /* NULL = no memory */
/* Marks it dying and frees what it holds; -XEN_ERESTART = call again. Global DOM_EXC at the end. */
int domain_kill(struct domain *d);
void domain_shutdown(struct domain *d, u8 reason); /* SHUTDOWN_*; dom0's acts on the machine */
void domain_resume(struct domain *d);
/* The current vCPU's guest did what it may not: logs it and shuts its domain down as crashed. */
void domain_crash(struct domain *d, const char *why);

struct domain *domain_get_by_id(domid_t id);  /* takes a reference; NULL if none (special ids too) */
/* As hypercalls take it: DOMID_SELF, own id, others for dom0 only. NULL = no such or not allowed. */
struct domain *domain_get_for_caller(domid_t id);
bool get_domain(struct domain *d);            /* fails when it is being freed */
void put_domain(struct domain *d);
/* Walks all domains in order of id; each step holds a reference: d = NULL starts, NULL ends. */
struct domain *domain_next(struct domain *d);

/* Writes shared_info's wall clock (version protocol) from wallclock_get() and its time offset. */
void domain_update_wallclock(struct domain *d);

/* ---- pausing ---- */
void vcpu_pause(struct vcpu *v);        /* returns when it does not run; not on itself */
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
void domain_pause(struct domain *d);    /* all vCPUs; a vCPU of @d may not call it */
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
int domain_pause_by_controller(struct domain *d);
int domain_unpause_by_controller(struct domain *d);

/* ---- used by vcpu_op (core/vcpu_op.c) ---- */
int vcpu_map_info(struct vcpu *v, mfn_t frame, u32 offset);
void vcpu_unmap_info(struct vcpu *v);

static inline struct vcpu *domain_vcpu(struct domain *d, u64 id)
{
	return id < d->max_vcpus ? READ_ONCE(d->vcpu[id]) : NULL;
}

#define for_each_vcpu(d, v)                                                                \
	for (u32 _i = 0; _i < (d)->max_vcpus; _i++)                                        \
		if (((v) = READ_ONCE((d)->vcpu[_i])) != NULL)
