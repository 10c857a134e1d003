/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FIFO event channels: the guest's pages, and which queue an event goes to.
 *
 * A queue (vCPU and priority) has its own lock, inside an evtchn_lock. An event that is still LINKED
 * stays on the queue it is on, even if its vCPU or priority changed; the one that finds it not
 * LINKED moves it. Pages of the event array are only ever added while ports are open, so a word once
 * seen stays valid. */
#include "core/domain.h"
#include "core/evtchn.h"
#include "core/heap.h"
#include "core/sched_op.h"
#include "string.h"

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define MAX_PAGES      (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)

struct evtchn_fifo {
	u32 pages;                      /* published after the entry below */
	u32 *array[MAX_PAGES];
	struct page_info *page[MAX_PAGES];
};

struct evtchn_fifo_vcpu {
	struct evtchn_fifo_control_block *block; /* the guest's, or `early`; queue locks */
	struct page_info *page;                  /* behind the guest's */
	struct evtchn_fifo_vcpu *next;           /* while they are being freed */
	struct evtchn_fifo_control_block early;  /* until the guest gives one */
	struct {
		spinlock_t lock;
		struct fifo_queue q;
	} queue[EVTCHN_FIFO_MAX_QUEUES];
};

static u32 *fifo_word(struct domain *d, u32 port)
{
	struct evtchn_fifo *f = READ_ONCE(d->fifo);
	u32 page = port / WORDS_PER_PAGE;

	if (!f || page >= __atomic_load_n(&f->pages, __ATOMIC_ACQUIRE))
		return NULL;
	return f->array[page] + port % WORDS_PER_PAGE;
}

/* ---- queues, as logic/evtchn_fifo.c asks for them ---- */

static struct evtchn_fifo_vcpu *queue_owner(struct domain *d, u32 queue)
{
	struct vcpu *v = domain_vcpu(d, queue / EVTCHN_FIFO_MAX_QUEUES);

	return v ? v->fifo : NULL;
}

static struct fifo_queue *queue_lock(void *d, u32 queue)
{
	struct evtchn_fifo_vcpu *fv = queue_owner(d, queue);

	if (!fv)
		return NULL;
	spin_lock(&fv->queue[queue % EVTCHN_FIFO_MAX_QUEUES].lock);
	return &fv->queue[queue % EVTCHN_FIFO_MAX_QUEUES].q;
}

static void queue_unlock(void *d, u32 queue)
{
	spin_unlock(&queue_owner(d, queue)->queue[queue % EVTCHN_FIFO_MAX_QUEUES].lock);
}

static u32 *queue_word(void *d, u32 port)
{
	return fifo_word(d, port);
}

static u32 *queue_head(void *d, u32 queue)
{
	return &queue_owner(d, queue)->block->head[queue % EVTCHN_FIFO_MAX_QUEUES];
}

static void queue_ready(void *ctx, u32 queue)
{
	struct domain *d = ctx;
	u32 bit = 1u << queue % EVTCHN_FIFO_MAX_QUEUES;
	u32 *ready = &queue_owner(d, queue)->block->ready;

	if (!(__atomic_fetch_or(ready, bit, __ATOMIC_SEQ_CST) & bit))
		evtchn_upcall(domain_vcpu(d, queue / EVTCHN_FIFO_MAX_QUEUES));
}

static const struct fifo_ops queue_ops = {
        .lock = queue_lock,
        .unlock = queue_unlock,
        .word = queue_word,
        .head = queue_head,
        .ready = queue_ready,
};

static void link_event(struct domain *d, struct evtchn *chn, u32 *word)
{
	u32 want = READ_ONCE(chn->notify_vcpu) * EVTCHN_FIFO_MAX_QUEUES + READ_ONCE(chn->priority);

	fifo_link(&queue_ops, d, chn->port, word, &chn->fifo_last, want);
}

void evtchn_fifo_set_pending(struct domain *d, struct evtchn *chn)
{
	u32 *word = fifo_word(d, chn->port);
	u32 old;

	if (!word) {
		/* expand_array publishes the page, then looks at this flag; we the other way. */
		WRITE_ONCE(chn->fifo_pended, true);
		smp_mb();
		word = fifo_word(d, chn->port);
		if (!word)
			return;
	}
	old = fifo_set(word, FIFO_PENDING);
	if (!(old & (FIFO_MASKED | FIFO_LINKED)))
		link_event(d, chn, word);
	if (!(old & FIFO_PENDING))
		sched_op_wake_pollers(d, chn->port);
}

void evtchn_fifo_clear_pending(struct domain *d, u32 port)
{
	u32 *word = fifo_word(d, port);

	if (word)
		fifo_clear(word, FIFO_PENDING);
}

void evtchn_fifo_unmask(struct domain *d, struct evtchn *chn)
{
	u32 *word = fifo_word(d, chn->port);

	if (!word)
		return;
	fifo_clear(word, FIFO_MASKED);
	if (READ_ONCE(*word) & FIFO_PENDING)
		evtchn_fifo_set_pending(d, chn);
}

bool evtchn_fifo_is_pending(struct domain *d, u32 port)
{
	u32 *word = fifo_word(d, port);

	return word && (READ_ONCE(*word) & FIFO_PENDING);
}

bool evtchn_fifo_is_masked(struct domain *d, u32 port)
{
	u32 *word = fifo_word(d, port);

	return !word || (READ_ONCE(*word) & FIFO_MASKED);
}

/* ---- set-up ---- */

static struct evtchn_fifo_vcpu *fifo_vcpu_alloc(void)
{
	struct evtchn_fifo_vcpu *fv = xzalloc(struct evtchn_fifo_vcpu);

	if (!fv)
		return NULL;
	fv->block = &fv->early;
	for (u32 i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
		spin_lock_init(&fv->queue[i].lock, LOCK_EVTCHN_QUEUE, "event queue");
	return fv;
}

int evtchn_fifo_vcpu_init(struct vcpu *v)
{
	struct evtchn_fifo_vcpu *fv;

	if (!v->domain->fifo || v->fifo)
		return 0;
	fv = fifo_vcpu_alloc();
	if (!fv)
		return -XEN_ENOMEM;
	smp_wmb();
	v->fifo = fv;
	return 0;
}

/* The ports that are open move over with what is pending on them. Lock: evtchn. */
static void convert_ports(struct domain *d)
{
	for (u32 port = 1; port < d->valid_evtchns; port++) {
		struct evtchn *chn = evtchn_get(d, port);

		chn->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
		chn->fifo_last = chn->notify_vcpu * EVTCHN_FIFO_MAX_QUEUES + chn->priority;
		if (port < EVTCHN_2L_NR_CHANNELS &&
		    bit_test(d->shared_info->evtchn_pending, port))
			chn->fifo_pended = true;
	}
}

/* Gives every vCPU its queues; then the domain is a FIFO one. */
static int switch_to_fifo(struct domain *d)
{
	struct evtchn_fifo *f = xzalloc(struct evtchn_fifo);
	struct vcpu *v;
	u64 flags;

	if (!f)
		return -XEN_ENOMEM;
	for_each_vcpu(d, v) {
		struct evtchn_fifo_vcpu *fv, *none = NULL;

		if (v->fifo)
			continue;
		fv = fifo_vcpu_alloc();
		if (!fv) {
			xfree(f); /* the queues so far serve the next try */
			return -XEN_ENOMEM;
		}
		if (!__atomic_compare_exchange_n(&v->fifo, &none, fv, false, __ATOMIC_ACQ_REL,
		                                 __ATOMIC_ACQUIRE))
			xfree(fv);
	}
	flags = spin_lock_irqsave(&d->evtchn_lock);
	if (!d->fifo) {
		convert_ports(d);
		smp_wmb();
		WRITE_ONCE(d->fifo, f);
		f = NULL;
	}
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	xfree(f);
	return 0;
}

/* Lock: evtchn. Puts the guest's block in the place of the early one with what that holds. */
static void install_block(struct evtchn_fifo_vcpu *fv, struct page_info *page,
                          struct evtchn_fifo_control_block *block)
{
	for (u32 i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++) {
		spin_lock(&fv->queue[i].lock);
		block->head[i] = fv->early.head[i];
		spin_unlock(&fv->queue[i].lock);
	}
	block->ready = 0;
	fv->page = page;
	smp_wmb();
	WRITE_ONCE(fv->block, block);
	smp_mb();
	/* Queues that became ready before: their heads again, should one have moved. */
	for (u32 i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++) {
		spin_lock(&fv->queue[i].lock);
		if (fv->early.ready & 1u << i) {
			block->head[i] = fv->early.head[i];
			__atomic_fetch_or(&block->ready, 1u << i, __ATOMIC_SEQ_CST);
		}
		spin_unlock(&fv->queue[i].lock);
	}
}

long evtchn_fifo_init_control(struct domain *d, struct evtchn_init_control *op)
{
	struct vcpu *v = domain_vcpu(d, op->vcpu);
	struct page_info *pg;
	bool done = false;
	u64 flags;
	int rc;

	if (!v)
		return -XEN_ENOENT;
	if (op->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || op->offset % 8)
		return -XEN_EINVAL;
	if (!mfn_valid(MFN(op->control_gfn)))
		return -XEN_EINVAL;
	pg = mfn_to_page(MFN(op->control_gfn));
	if (!get_page_and_type(pg, d, PT_WRITABLE))
		return -XEN_EINVAL;
	rc = switch_to_fifo(d);
	if (rc) {
		put_page_and_type(pg);
		return rc;
	}
	flags = spin_lock_irqsave(&d->evtchn_lock);
	if (d->fifo && v->fifo && !v->fifo->page && !d->dying) {
		install_block(v->fifo, pg, (void *)((char *)page_to_virt(pg) + op->offset));
		done = true;
		if (READ_ONCE(v->fifo->block->ready))
			evtchn_upcall(v);
	}
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	if (!done) {
		put_page_and_type(pg);
		return -XEN_EINVAL;
	}
	op->link_bits = EVTCHN_FIFO_LINK_BITS;
	return 0;
}

/* Lock: evtchn. Events that came before their words existed. */
static void replay_pended(struct domain *d, u32 page)
{
	u32 first = page * (u32)WORDS_PER_PAGE, end = first + (u32)WORDS_PER_PAGE;

	for (u32 port = MAX(first, 1u); port < end && port < d->valid_evtchns; port++) {
		struct evtchn *chn = evtchn_get(d, port);

		if (!__atomic_exchange_n(&chn->fifo_pended, false, __ATOMIC_SEQ_CST))
			continue;
		if (chn->state != EVTCHNSTAT_closed)
			evtchn_fifo_set_pending(d, chn);
	}
}

long evtchn_fifo_expand_array(struct domain *d, const struct evtchn_expand_array *op)
{
	struct page_info *pg;
	u64 flags;
	long rc = 0;
	u32 n;

	if (!READ_ONCE(d->fifo))
		return -XEN_ENOSYS;
	if (!mfn_valid(MFN(op->array_gfn)))
		return -XEN_EINVAL;
	pg = mfn_to_page(MFN(op->array_gfn));
	if (!get_page_and_type(pg, d, PT_WRITABLE))
		return -XEN_EINVAL;
	flags = spin_lock_irqsave(&d->evtchn_lock);
	if (!d->fifo || d->dying) {
		rc = -XEN_EINVAL;
	} else if ((n = d->fifo->pages) >= MAX_PAGES) {
		rc = -XEN_ENOSPC;
	} else {
		d->fifo->array[n] = page_to_virt(pg);
		d->fifo->page[n] = pg;
		__atomic_store_n(&d->fifo->pages, n + 1, __ATOMIC_SEQ_CST);
		smp_mb();
		replay_pended(d, n);
	}
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	if (rc)
		put_page_and_type(pg);
	return rc;
}

void evtchn_fifo_destroy(struct domain *d)
{
	struct evtchn_fifo_vcpu *queues = NULL;
	struct evtchn_fifo *f;
	struct vcpu *v;
	u64 flags;

	/* All at once: another vCPU may be asking for FIFO again. */
	flags = spin_lock_irqsave(&d->evtchn_lock);
	f = d->fifo;
	d->fifo = NULL;
	if (f) {
		for_each_vcpu(d, v) {
			struct evtchn_fifo_vcpu *fv =
			        __atomic_exchange_n(&v->fifo, NULL, __ATOMIC_ACQ_REL);

			if (!fv)
				continue;
			fv->next = queues;
			queues = fv;
		}
	}
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	if (!f)
		return;
	for (u32 i = 0; i < f->pages; i++)
		put_page_and_type(f->page[i]);
	xfree(f);
	while (queues) {
		struct evtchn_fifo_vcpu *fv = queues;

		queues = fv->next;
		if (fv->page)
			put_page_and_type(fv->page);
		xfree(fv);
	}
}
