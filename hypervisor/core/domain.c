/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domains: creation, pausing, shutdown and the staged end of them.
 *
 * A domain lives while somebody holds a reference: the creation reference goes at the end of
 * domain_kill(), every frame it still owns and every look-up holds one. The last put may happen with
 * any lock held, so the structure is freed by a tasklet. */
#include "core/domain.h"
#include "core/event.h"
#include "core/grant.h"
#include "core/init.h"
#include "core/options.h"
#include "core/sched.h"
#include "core/sched_op.h"
#include "string.h"

#define MAX_GRANT_FRAMES    4096
#define MAX_MAPTRACK_FRAMES 65536
#define MAX_VCPUS           8192 /* bits of domain.poll_mask */
#define FIRST_GUEST_ID      1

struct domain *control_domain, *idle_domain, *dom_xen, *dom_io;

static struct list domain_list = LIST_INIT(domain_list); /* in order of id */
static spinlock_t list_lock = SPINLOCK(LOCK_DOMAIN_LIST, "domain list");
static domid_t id_rover = FIRST_GUEST_ID; /* lock: list_lock */

/* ---- references ---- */

bool get_domain(struct domain *d)
{
	u32 old = READ_ONCE(d->refcnt);

	do {
		if (old == 0)
			return false;
	} while (!__atomic_compare_exchange_n(&d->refcnt, &old, old + 1, false, __ATOMIC_ACQ_REL,
	                                      __ATOMIC_RELAXED));
	return true;
}

void put_domain(struct domain *d)
{
	if (__atomic_sub_fetch(&d->refcnt, 1, __ATOMIC_ACQ_REL) == 0)
		tasklet_schedule(&d->destroy_tasklet);
}

struct domain *domain_get_by_id(domid_t id)
{
	struct domain *d, *found = NULL;

	spin_lock(&list_lock);
	list_for_each(d, &domain_list, link) {
		if (d->id == id) {
			if (get_domain(d))
				found = d;
			break;
		}
	}
	spin_unlock(&list_lock);
	return found;
}

struct domain *domain_get_for_caller(domid_t id)
{
	struct domain *self = current->domain;

	if (id == DOMID_SELF || id == self->id)
		return get_domain(self) ? self : NULL;
	return self->is_control ? domain_get_by_id(id) : NULL;
}

struct domain *domain_next(struct domain *d)
{
	struct domain *pos, *next = NULL;

	spin_lock(&list_lock);
	list_for_each(pos, &domain_list, link) {
		if (d && pos->id <= d->id)
			continue;
		if (get_domain(pos)) {
			next = pos;
			break;
		}
	}
	spin_unlock(&list_lock);
	if (d)
		put_domain(d);
	return next;
}

/* ---- creation and freeing ---- */

/* The structures lie in whole pages of the direct map: page_info.owner is a frame number. */
static u32 domain_order(void)
{
	u32 order = 0;

	while ((PAGE_SIZE << order) < sizeof(struct domain))
		order++;
	return order;
}

static void vcpu_free(struct vcpu *v)
{
	timer_kill(&v->periodic_timer);
	timer_kill(&v->singleshot_timer);
	timer_kill(&v->poll_timer);
	if (!v->domain->is_idle) {
		evtchn_vcpu_destroy(v);
		arch_vcpu_destroy(v);
	}
	sched_vcpu_destroy(v);
	xfree(v);
}

static void domain_free(struct domain *d)
{
	for (u32 i = 0; i < ARRAY_SIZE(d->watchdog); i++)
		timer_kill(&d->watchdog[i]);
	sched_domain_destroy(d); /* its timer looks at the vCPUs */
	for (u32 i = 0; i < d->max_vcpus; i++)
		if (d->vcpu && d->vcpu[i])
			vcpu_free(d->vcpu[i]);
	grant_domain_free(d);
	evtchn_domain_free(d);
	arch_domain_destroy(d);
	free_xen_page(d->dummy_vcpu_info);
	xfree(d->e820);
	xfree(d->vcpu);
	free_xen_pages(d, domain_order());
}

static void domain_destroy(void *arg)
{
	struct domain *d = arg;

	spin_lock(&list_lock);
	list_del(&d->link);
	spin_unlock(&list_lock);
	domain_free(d);
}

static struct domain *domain_alloc(domid_t id, u32 max_vcpus)
{
	struct domain *d = alloc_xen_pages(domain_order());

	if (!d)
		return NULL;
	d->id = id;
	d->refcnt = 1;
	list_init(&d->link);
	spin_lock_init(&d->lock, LOCK_DOMAIN, "domain");
	spin_lock_init(&d->page_alloc_lock, LOCK_PAGE_ALLOC, "page alloc");
	spin_lock_init(&d->evtchn_lock, LOCK_EVTCHN, "event channels");
	page_list_init(&d->page_list);
	page_list_init(&d->xenpage_list);
	page_list_init(&d->leaving_list);
	tasklet_init(&d->destroy_tasklet, domain_destroy, d);
	d->max_vcpus = max_vcpus;
	d->vcpu = max_vcpus ? xzalloc_array(struct vcpu *, max_vcpus) : NULL;
	d->dummy_vcpu_info = alloc_xen_page();
	if ((max_vcpus && !d->vcpu) || !d->dummy_vcpu_info) {
		free_xen_page(d->dummy_vcpu_info);
		xfree(d->vcpu);
		free_xen_pages(d, domain_order());
		return NULL;
	}
	return d;
}

/* Lock: list_lock. The first entry above @id, where @id belongs; NULL if @id is taken. */
static struct list *list_place(domid_t id)
{
	struct domain *pos;

	list_for_each(pos, &domain_list, link) {
		if (pos->id == id)
			return NULL;
		if (pos->id > id)
			return &pos->link;
	}
	return &domain_list;
}

static bool list_insert_free_id(struct domain *d)
{
	for (u32 tries = 0; tries < DOMID_FIRST_RESERVED; tries++) {
		domid_t id = id_rover;
		struct list *at = list_place(id);

		id_rover = id + 1u < DOMID_FIRST_RESERVED ? (domid_t)(id + 1) : FIRST_GUEST_ID;
		if (at) {
			d->id = id;
			list_insert_before(at, &d->link);
			return true;
		}
	}
	return false;
}

static int list_insert(struct domain *d, domid_t id)
{
	struct list *at;
	int rc = 0;

	spin_lock(&list_lock);
	if (id == DOMID_INVALID) {
		rc = list_insert_free_id(d) ? 0 : -XEN_ENOMEM;
	} else if ((at = list_place(id)) != NULL) {
		list_insert_before(at, &d->link);
	} else {
		rc = -XEN_EEXIST;
	}
	spin_unlock(&list_lock);
	return rc;
}

static int check_config(domid_t id, const struct xen_domctl_createdomain *cfg, bool control)
{
	if (id != DOMID_INVALID && (id >= DOMID_FIRST_RESERVED || (id == 0 && !control)))
		return -XEN_EINVAL;
	if (cfg->flags & ~(u32)(XEN_DOMCTL_CDF_MAX * 2 - 1))
		return -XEN_EINVAL;
	if (cfg->max_vcpus == 0 || cfg->max_vcpus > MAX_VCPUS)
		return -XEN_EINVAL;
	if (cfg->max_grant_frames > MAX_GRANT_FRAMES ||
	    cfg->max_maptrack_frames > MAX_MAPTRACK_FRAMES)
		return -XEN_EINVAL;
	return 0;
}

static int domain_fill(struct domain *d, const struct xen_domctl_createdomain *cfg)
{
	int rc;

	rc = sched_domain_create(d);
	if (!rc)
		rc = arch_domain_create(d, cfg->flags);
	if (!rc)
		rc = evtchn_domain_init(d);
	if (!rc)
		rc = grant_domain_init(d, cfg->max_grant_frames, cfg->max_maptrack_frames);
	if (!rc)
		domain_update_wallclock(d);
	return rc;
}

struct domain *domain_create(domid_t id, const struct xen_domctl_createdomain *cfg,
                             bool control, int *err)
{
	struct domain *d;

	*err = check_config(id, cfg, control);
	if (*err)
		return NULL;
	*err = -XEN_ENOMEM;
	d = domain_alloc(id, cfg->max_vcpus);
	if (!d)
		return NULL;
	d->cdf = cfg->flags;
	d->ssidref = cfg->ssidref;
	d->is_control = control;
	d->max_evtchn_port = MIN(cfg->max_evtchn_port, (u32)EVTCHN_FIFO_NR_CHANNELS - 1);
	memcpy(d->handle, cfg->handle, sizeof(d->handle));
	d->pause_count = d->controller_pause_count = 1;
	sched_op_domain_init(d);
	*err = domain_fill(d, cfg);
	/* Visible to others only when whole. */
	if (!*err)
		*err = list_insert(d, id);
	if (*err) {
		domain_free(d);
		return NULL;
	}
	if (control)
		control_domain = d;
	return d;
}

struct vcpu *vcpu_create(struct domain *d, u32 id)
{
	u32 cpu = d->is_idle ? id : 0;
	struct vcpu *v;

	if (id >= d->max_vcpus || d->vcpu[id])
		return NULL;
	v = xzalloc(struct vcpu);
	if (!v)
		return NULL;
	v->id = id;
	v->domain = d;
	v->cpu = cpu;
	v->hard_affinity = d->is_idle ? cpumask_of(cpu) : cpumask_all();
	v->soft_affinity = cpumask_all();
	v->info = d->shared_info && id < XEN_LEGACY_MAX_VCPUS ? &d->shared_info->vcpu_info[id]
	                                                      : d->dummy_vcpu_info;
	vcpu_timers_init(v);
	if (d->is_idle) {
		v->is_initialised = true;
	} else {
		v->info->evtchn_upcall_mask = 1;
		v->pause_flags = BIT(VPF_DOWN);
		if (sched_vcpu_create(v) || arch_vcpu_create(v) || evtchn_vcpu_init(v)) {
			vcpu_free(v);
			return NULL;
		}
	}
	smp_wmb();
	WRITE_ONCE(d->vcpu[id], v);
	return v;
}

static struct domain *special_domain(domid_t id)
{
	struct domain *d = domain_alloc(id, 0);

	if (!d)
		panic("no memory for domain %u", id);
	d->is_special = true;
	return d;
}

void domains_init(void)
{
	dom_xen = special_domain(DOMID_XEN);
	dom_io = special_domain(DOMID_IO);
	idle_domain = domain_alloc(DOMID_IDLE, nr_cpus);
	if (!idle_domain)
		panic("no memory for the idle domain");
	idle_domain->is_idle = true;
	for (u32 cpu = 0; cpu < nr_cpus; cpu++)
		if (!vcpu_create(idle_domain, cpu))
			panic("no memory for idle vCPU %u", cpu);
}

/* ---- pausing ---- */

void vcpu_pause_nosync(struct vcpu *v)
{
	__atomic_fetch_add(&v->pause_count, 1, __ATOMIC_SEQ_CST);
	vcpu_sleep_nosync(v);
}

void vcpu_pause(struct vcpu *v)
{
	ASSERT(v != current);
	__atomic_fetch_add(&v->pause_count, 1, __ATOMIC_SEQ_CST);
	vcpu_sleep_sync(v);
}

void vcpu_unpause(struct vcpu *v)
{
	if (__atomic_sub_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST) == 0)
		vcpu_wake(v);
}

void domain_pause_nosync(struct domain *d)
{
	struct vcpu *v;

	__atomic_fetch_add(&d->pause_count, 1, __ATOMIC_SEQ_CST);
	for_each_vcpu(d, v)
		vcpu_sleep_nosync(v);
}

void domain_pause(struct domain *d)
{
	struct vcpu *v;

	ASSERT(d != current->domain);
	domain_pause_nosync(d); /* all of them stop at once, then wait for each */
	for_each_vcpu(d, v)
		vcpu_sleep_sync(v);
}

void domain_unpause(struct domain *d)
{
	struct vcpu *v;

	if (__atomic_sub_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST) != 0)
		return;
	for_each_vcpu(d, v)
		vcpu_wake(v);
}

int domain_pause_by_controller(struct domain *d)
{
	bool ok;

	spin_lock(&d->lock);
	ok = d->controller_pause_count < 255;
	if (ok)
		d->controller_pause_count++;
	spin_unlock(&d->lock);
	if (!ok)
		return -XEN_EOVERFLOW;
	domain_pause(d);
	return 0;
}

int domain_unpause_by_controller(struct domain *d)
{
	bool ok;

	spin_lock(&d->lock);
	ok = d->controller_pause_count > 0;
	if (ok)
		d->controller_pause_count--;
	spin_unlock(&d->lock);
	if (!ok)
		return -XEN_EINVAL;
	d->created_done = true;
	domain_unpause(d);
	return 0;
}

/* ---- shutdown ---- */

static void __noreturn machine_shutdown(u8 reason)
{
	static const char *const name[] = {"power off", "reboot",   "suspend",
	                                   "crash",     "watchdog", "soft reset"};

	printk("The control domain asks for: %s\n",
	       reason < ARRAY_SIZE(name) ? name[reason] : "unknown");
	machine_console_flush();
	if (reason == SHUTDOWN_poweroff)
		machine_poweroff();
	if (reason == SHUTDOWN_crash && options.noreboot)
		machine_halt();
	machine_reboot();
}

/* Takes no lock of the domain's: a crash may come from anywhere. */
void domain_shutdown(struct domain *d, u8 reason)
{
	if (d->is_control)
		machine_shutdown(reason);
	/* A crash on the way down is what counts. */
	if (__atomic_exchange_n(&d->shutting_down, true, __ATOMIC_ACQ_REL)) {
		if (reason == SHUTDOWN_crash)
			WRITE_ONCE(d->shutdown_code, reason);
		return;
	}
	WRITE_ONCE(d->shutdown_code, reason);
	domain_pause_nosync(d);
	__atomic_store_n(&d->shut_down, true, __ATOMIC_RELEASE);
	if (d->suspend_port && reason == SHUTDOWN_suspend)
		evtchn_send_port(d, d->suspend_port);
	virq_send_control(VIRQ_DOM_EXC);
}

void domain_resume(struct domain *d)
{
	if (!__atomic_exchange_n(&d->shut_down, false, __ATOMIC_ACQ_REL))
		return;
	WRITE_ONCE(d->shutdown_code, 0);
	__atomic_store_n(&d->shutting_down, false, __ATOMIC_RELEASE);
	domain_unpause(d);
}

void domain_crash(struct domain *d, const char *why)
{
	guest_log(d, LOG_ERR, "crashed: %s\n", why);
	if (d == current->domain && d->pv)
		arch_dump_vcpu(current);
	domain_shutdown(d, SHUTDOWN_crash);
}

/* ---- the end ---- */

static void unmap_all_vcpu_info(struct domain *d)
{
	struct vcpu *v;

	for_each_vcpu(d, v) {
		v->runstate_guest = 0;
		v->time_info_guest = 0;
		vcpu_unmap_info(v);
	}
}

/* Serialized by LOCK_DOMCTL. Each stage may be entered again after -XEN_ERESTART. */
int domain_kill(struct domain *d)
{
	int rc;

	if (d == current->domain || d->is_control)
		return -XEN_EINVAL;
	if (d->dying == DOMDYING_dead)
		return 0;
	if (d->dying == DOMDYING_alive) {
		domain_pause(d);
		spin_lock(&d->lock);
		d->dying = DOMDYING_dying;
		spin_unlock(&d->lock);
		(void)heap_claim(d, 0);
	}
	evtchn_domain_destroy(d);
	unmap_all_vcpu_info(d);
	rc = grant_domain_release_maps(d);
	if (!rc)
		rc = arch_domain_relinquish(d);
	if (rc)
		return rc;
	spin_lock(&d->lock);
	d->dying = DOMDYING_dead;
	spin_unlock(&d->lock);
	virq_send_control(VIRQ_DOM_EXC);
	put_domain(d);
	return 0;
}

/* ---- what guests see in shared pages ---- */

void domain_update_wallclock(struct domain *d)
{
	struct shared_info *s = d->shared_info;
	u32 nsec, version;
	u64 sec;

	if (!s)
		return;
	wallclock_get(&sec, &nsec);
	sec += (u64)(s64)d->time_offset_s;
	version = (READ_ONCE(s->wc_version) + 1) | 1; /* odd: being written */
	WRITE_ONCE(s->wc_version, version);
	smp_wmb();
	s->wc_sec = (u32)sec;
	s->wc_sec_hi = (u32)(sec >> 32);
	s->wc_nsec = nsec;
	smp_wmb();
	WRITE_ONCE(s->wc_version, version + 1);
}


/* The bits that tell a 2-level guest to look at everything again; FIFO guests ignore them. */
static void mark_all_pending(struct vcpu_info *info)
{
	__atomic_store_n(&info->evtchn_pending_sel, ~0UL, __ATOMIC_RELAXED);
	__atomic_store_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
}

int vcpu_map_info(struct vcpu *v, mfn_t frame, u32 offset)
{
	struct domain *d = v->domain;
	struct vcpu_info *new;
	struct page_info *pg;
	u64 flags;

	if (offset > PAGE_SIZE - sizeof(struct vcpu_info) || offset % sizeof(u64))
		return -XEN_ENXIO;
	if (v != current && !(READ_ONCE(v->pause_flags) & BIT(VPF_DOWN)))
		return -XEN_EINVAL;
	if (!mfn_valid(frame))
		return -XEN_EINVAL;
	pg = mfn_to_page(frame);
	if (!get_page_and_type(pg, d, PT_WRITABLE))
		return -XEN_EINVAL;
	new = (void *)((char *)page_to_virt(pg) + offset);

	/* Senders use v->info with the event lock held. */
	flags = spin_lock_irqsave(&d->evtchn_lock);
	if (v->info_page || d->dying) {
		spin_unlock_irqrestore(&d->evtchn_lock, flags);
		put_page_and_type(pg);
		return -XEN_EINVAL;
	}
	if (v->info == d->dummy_vcpu_info) {
		memset(new, 0, sizeof(*new));
		new->evtchn_upcall_mask = 1;
	} else {
		memcpy(new, v->info, sizeof(*new));
	}
	v->info_page = pg;
	smp_wmb();
	WRITE_ONCE(v->info, new);
	mark_all_pending(new);
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	return 0;
}

void vcpu_unmap_info(struct vcpu *v)
{
	struct domain *d = v->domain;
	struct page_info *pg;
	u64 flags;

	flags = spin_lock_irqsave(&d->evtchn_lock);
	pg = v->info_page;
	v->info_page = NULL;
	if (pg)
		WRITE_ONCE(v->info, d->dummy_vcpu_info);
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	if (pg)
		put_page_and_type(pg);
}
