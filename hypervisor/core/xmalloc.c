/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small objects: pages cut into pieces of one size, with a header at the page's start. An object that
 * begins at a page's start is therefore always one of whole pages. */
#include "core/domain.h"
#include "core/heap.h"
#include "core/log.h"
#include "logic/list.h"
#include "string.h"

#define SLAB_MAGIC 0x51ab51abU
#define BIG_MAGIC  0xb1900000U /* page_info.shadow of whole-page objects, with the order */

struct slab {
	struct list link; /* in partial[], or empty list when full */
	void *free;       /* chain through the free pieces' first word */
	u32 magic;
	u16 class, used;
} __aligned(64);

static const u16 class_size[] = {16,  32,  48,  64,  96,   128,  192,
                                 256, 384, 512, 768, 1008, 1344, 2016};
#define CLASSES ARRAY_SIZE(class_size)

static struct list partial[CLASSES];
static spinlock_t xmalloc_lock = SPINLOCK(LOCK_XMALLOC, "xmalloc");

static u32 order_of(size_t n)
{
	u32 order = 0;

	while ((PAGE_SIZE << order) < n)
		order++;
	return order;
}

static void *alloc_big(size_t n)
{
	u32 order;
	void *p;

	if (n > PAGE_SIZE << HEAP_MAX_ORDER)
		return NULL;
	order = order_of(n);
	p = alloc_xen_pages(order);
	if (p)
		virt_to_page(p)->shadow = BIG_MAGIC | order;
	return p;
}

static struct slab *slab_create(u32 class)
{
	struct slab *s = alloc_xen_page();
	char *end = (char *)s + PAGE_SIZE;

	if (!s)
		return NULL;
	list_init(&s->link);
	s->magic = SLAB_MAGIC;
	s->class = (u16)class;
	for (char *p = (char *)(s + 1); p + class_size[class] <= end; p += class_size[class]) {
		*(void **)p = s->free;
		s->free = p;
	}
	return s;
}

static struct list *partial_list(u32 class)
{
	if (!partial[class].next)
		list_init(&partial[class]);
	return &partial[class];
}

void *xzalloc_bytes(size_t n)
{
	struct slab *s = NULL, *fresh = NULL;
	u32 class = 0;
	u64 flags;
	void *p;

	while (class < CLASSES && class_size[class] < n)
		class++;
	if (class == CLASSES)
		return alloc_big(n);

	flags = spin_lock_irqsave(&xmalloc_lock);
	if (list_empty(partial_list(class))) {
		/* The heap's lock is outside of this one. */
		spin_unlock_irqrestore(&xmalloc_lock, flags);
		fresh = slab_create(class);
		if (!fresh)
			return NULL;
		flags = spin_lock_irqsave(&xmalloc_lock);
		list_add(partial_list(class), &fresh->link);
	}
	s = list_first(partial_list(class), struct slab, link);
	p = s->free;
	s->free = *(void **)p;
	s->used++;
	if (!s->free)
		list_del(&s->link);
	spin_unlock_irqrestore(&xmalloc_lock, flags);
	memset(p, 0, class_size[class]);
	return p;
}

void *xzalloc_array_bytes(size_t elem, size_t n)
{
	size_t bytes;

	if (__builtin_mul_overflow(elem, n, &bytes))
		return NULL;
	return xzalloc_bytes(bytes);
}

static void free_big(void *p)
{
	struct page_info *pg = virt_to_page(p);
	u32 order = pg->shadow & 0xff;

	ASSERT((pg->shadow & ~0xffu) == BIG_MAGIC);
	pg->shadow = 0;
	free_xen_pages(p, order);
}

void xfree(void *p)
{
	struct slab *s = (void *)((u64)p & PAGE_MASK);
	bool drop = false;
	u64 flags;

	if (!p)
		return;
	if ((void *)s == p) {
		free_big(p);
		return;
	}
	ASSERT(s->magic == SLAB_MAGIC);
	flags = spin_lock_irqsave(&xmalloc_lock);
	if (!s->free)
		list_add(partial_list(s->class), &s->link);
	*(void **)p = s->free;
	s->free = p;
	if (--s->used == 0) {
		list_del(&s->link);
		s->magic = 0;
		drop = true;
	}
	spin_unlock_irqrestore(&xmalloc_lock, flags);
	if (drop)
		free_xen_page(s);
}
