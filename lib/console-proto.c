/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console protocol's codec; the layout is told in the header. */
#include "console-proto.h"

#include <string.h>

void kcon_w_init(struct kcon_w *w, void *buf, size_t cap)
{
	*w = (struct kcon_w){.buf = buf, .cap = cap};
}

void kcon_w_bytes(struct kcon_w *w, const void *p, size_t n)
{
	if (w->overflow || n > w->cap - w->len) {
		w->overflow = true;
		return;
	}
	if (n)
		memcpy(w->buf + w->len, p, n);
	w->len += n;
}

static void put_le(struct kcon_w *w, uint64_t v, unsigned n)
{
	uint8_t b[8];

	for (unsigned i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	kcon_w_bytes(w, b, n);
}

void kcon_w_u8(struct kcon_w *w, uint8_t v)
{
	put_le(w, v, 1);
}

void kcon_w_u16(struct kcon_w *w, uint16_t v)
{
	put_le(w, v, 2);
}

void kcon_w_u32(struct kcon_w *w, uint32_t v)
{
	put_le(w, v, 4);
}

void kcon_w_u64(struct kcon_w *w, uint64_t v)
{
	put_le(w, v, 8);
}

void kcon_w_str(struct kcon_w *w, const char *s)
{
	size_t n = strlen(s);

	if (n > UINT16_MAX) {
		w->overflow = true;
		return;
	}
	kcon_w_u16(w, (uint16_t)n);
	kcon_w_bytes(w, s, n);
}

size_t kcon_w_begin(struct kcon_w *w, uint8_t type, uint8_t flags, uint16_t tag)
{
	size_t mark = w->len;

	kcon_w_u32(w, 0);
	kcon_w_u8(w, type);
	kcon_w_u8(w, flags);
	kcon_w_u16(w, tag);
	return mark;
}

void kcon_w_end(struct kcon_w *w, size_t mark)
{
	size_t n;

	if (w->overflow)
		return;
	n = w->len - mark - KCON_HEADER;
	if (n > KCON_MAX_PAYLOAD) {
		w->overflow = true;
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		w->buf[mark + i] = (uint8_t)(n >> (8 * i));
}

void kcon_r_init(struct kcon_r *r, const void *p, size_t len)
{
	*r = (struct kcon_r){.p = p, .len = len};
}

static uint64_t get_le(struct kcon_r *r, unsigned n)
{
	uint64_t v = 0;

	if (r->bad || r->len - r->pos < n) {
		r->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)r->p[r->pos + i] << (8 * i);
	r->pos += n;
	return v;
}

uint8_t kcon_r_u8(struct kcon_r *r)
{
	return (uint8_t)get_le(r, 1);
}

uint16_t kcon_r_u16(struct kcon_r *r)
{
	return (uint16_t)get_le(r, 2);
}

uint32_t kcon_r_u32(struct kcon_r *r)
{
	return (uint32_t)get_le(r, 4);
}

uint64_t kcon_r_u64(struct kcon_r *r)
{
	return get_le(r, 8);
}

void kcon_r_str(struct kcon_r *r, char *out, size_t cap)
{
	size_t n = kcon_r_u16(r);

	out[0] = '\0';
	if (r->bad)
		return;
	if (n >= cap || r->len - r->pos < n || memchr(r->p + r->pos, 0, n)) {
		r->bad = true;
		return;
	}
	memcpy(out, r->p + r->pos, n);
	out[n] = '\0';
	r->pos += n;
}

const uint8_t *kcon_r_rest(struct kcon_r *r, size_t *n)
{
	const uint8_t *p = r->p + r->pos;

	*n = r->bad ? 0 : r->len - r->pos;
	r->pos = r->len;
	return p;
}

bool kcon_r_done(const struct kcon_r *r)
{
	return !r->bad && r->pos == r->len;
}

long kcon_decode(const void *buf, size_t len, struct kcon_frame *f)
{
	struct kcon_r r;

	if (len < KCON_HEADER)
		return 0;
	kcon_r_init(&r, buf, len);
	f->len = kcon_r_u32(&r);
	f->type = kcon_r_u8(&r);
	f->flags = kcon_r_u8(&r);
	f->tag = kcon_r_u16(&r);
	if (f->len > KCON_MAX_PAYLOAD)
		return -1;
	if (len - KCON_HEADER < f->len)
		return 0;
	f->payload = (const uint8_t *)buf + KCON_HEADER;
	return (long)(KCON_HEADER + f->len);
}

static bool finish(struct kcon_w *w, size_t mark)
{
	kcon_w_end(w, mark);
	return !w->overflow;
}

bool kcon_put_hello(struct kcon_w *w, const char *program)
{
	size_t m = kcon_w_begin(w, KCON_HELLO, 0, 0);

	kcon_w_bytes(w, KCON_MAGIC, 8);
	kcon_w_u16(w, KCON_VERSION);
	kcon_w_str(w, program);
	return finish(w, m);
}

bool kcon_put_empty(struct kcon_w *w, uint8_t type, uint16_t tag)
{
	return finish(w, kcon_w_begin(w, type, 0, tag));
}

bool kcon_put_error(struct kcon_w *w, uint16_t tag, uint16_t code, const char *text)
{
	size_t m = kcon_w_begin(w, KCON_ERROR, 0, tag);

	kcon_w_u16(w, code);
	kcon_w_str(w, text);
	return finish(w, m);
}

bool kcon_put_notice(struct kcon_w *w, uint8_t kind, const char *text)
{
	size_t m = kcon_w_begin(w, KCON_NOTICE, 0, 0);

	kcon_w_u8(w, kind);
	kcon_w_str(w, text);
	return finish(w, m);
}

bool kcon_put_target(struct kcon_w *w, uint8_t type, uint16_t tag, const char *name,
		     const char *console)
{
	size_t m = kcon_w_begin(w, type, 0, tag);

	kcon_w_str(w, name);
	kcon_w_str(w, console);
	return finish(w, m);
}

bool kcon_put_attach(struct kcon_w *w, uint16_t tag, const struct kcon_attach *a)
{
	size_t m = kcon_w_begin(w, KCON_ATTACH, 0, tag);

	kcon_w_str(w, a->name);
	kcon_w_str(w, a->console);
	kcon_w_u8(w, a->role);
	kcon_w_u8(w, a->flags);
	kcon_w_u64(w, a->resume);
	return finish(w, m);
}

bool kcon_put_attached(struct kcon_w *w, uint16_t tag, const struct kcon_attached *a)
{
	size_t m = kcon_w_begin(w, KCON_ATTACHED, 0, tag);

	kcon_w_str(w, a->name);
	kcon_w_str(w, a->uuid);
	kcon_w_str(w, a->console);
	kcon_w_u32(w, a->id);
	kcon_w_u8(w, a->role);
	kcon_w_u8(w, a->state);
	kcon_w_u16(w, a->cols);
	kcon_w_u16(w, a->rows);
	kcon_w_u64(w, a->offset);
	return finish(w, m);
}

bool kcon_put_verb(struct kcon_w *w, uint16_t tag, const struct kcon_verb *v)
{
	size_t m = kcon_w_begin(w, KCON_VERB, 0, tag);

	kcon_w_u8(w, v->op);
	kcon_w_u32(w, v->id);
	kcon_w_u32(w, v->arg);
	return finish(w, m);
}

bool kcon_put_list_item(struct kcon_w *w, uint16_t tag, const struct kcon_list_item *i)
{
	size_t m = kcon_w_begin(w, KCON_LIST_ITEM, 0, tag);

	kcon_w_str(w, i->name);
	kcon_w_str(w, i->uuid);
	kcon_w_str(w, i->console);
	kcon_w_str(w, i->writer);
	kcon_w_u32(w, i->domid);
	kcon_w_u8(w, i->state);
	kcon_w_u8(w, i->flags);
	kcon_w_u16(w, i->viewers);
	kcon_w_u64(w, i->bytes);
	kcon_w_u64(w, i->dropped);
	kcon_w_u64(w, i->last_ms);
	return finish(w, m);
}

bool kcon_put_who_item(struct kcon_w *w, uint16_t tag, const struct kcon_who_item *i)
{
	size_t m = kcon_w_begin(w, KCON_WHO_ITEM, 0, tag);

	kcon_w_str(w, i->name);
	kcon_w_str(w, i->console);
	kcon_w_str(w, i->user);
	kcon_w_u32(w, i->id);
	kcon_w_u32(w, i->uid);
	kcon_w_u32(w, i->pid);
	kcon_w_u8(w, i->role);
	kcon_w_u8(w, i->lagging);
	kcon_w_u8(w, i->kind);
	kcon_w_u64(w, i->since_ms);
	kcon_w_u64(w, i->queued);
	return finish(w, m);
}

bool kcon_put_history_req(struct kcon_w *w, uint16_t tag,
			  const struct kcon_history_req *h)
{
	size_t m = kcon_w_begin(w, KCON_HISTORY, 0, tag);

	kcon_w_str(w, h->name);
	kcon_w_str(w, h->console);
	kcon_w_u64(w, h->from);
	kcon_w_u32(w, h->max);
	kcon_w_u8(w, h->tail);
	return finish(w, m);
}

bool kcon_get_hello(const struct kcon_frame *f, uint16_t *version, char *program,
		    size_t cap)
{
	struct kcon_r r;

	if (f->len < 8 || memcmp(f->payload, KCON_MAGIC, 8) != 0)
		return false;
	kcon_r_init(&r, f->payload + 8, f->len - 8);
	*version = kcon_r_u16(&r);
	if (r.bad)
		return false;
	kcon_r_str(&r, program, cap);
	/* A later version may say more; only this version's must fit exactly. */
	return *version != KCON_VERSION || kcon_r_done(&r);
}

bool kcon_get_error(const struct kcon_frame *f, uint16_t *code, char *text, size_t cap)
{
	struct kcon_r r;

	kcon_r_init(&r, f->payload, f->len);
	*code = kcon_r_u16(&r);
	kcon_r_str(&r, text, cap);
	return kcon_r_done(&r);
}

bool kcon_get_target(const struct kcon_frame *f, char *name, char *console)
{
	struct kcon_r r;

	kcon_r_init(&r, f->payload, f->len);
	kcon_r_str(&r, name, KCON_NAME_MAX);
	kcon_r_str(&r, console, KCON_CONSOLE_MAX);
	return kcon_r_done(&r);
}

bool kcon_get_attach(const struct kcon_frame *f, struct kcon_attach *a)
{
	struct kcon_r r;

	kcon_r_init(&r, f->payload, f->len);
	kcon_r_str(&r, a->name, sizeof(a->name));
	kcon_r_str(&r, a->console, sizeof(a->console));
	a->role = kcon_r_u8(&r);
	a->flags = kcon_r_u8(&r);
	a->resume = kcon_r_u64(&r);
	return kcon_r_done(&r) && a->role <= KCON_EXCLUSIVE;
}

bool kcon_get_attached(const struct kcon_frame *f, struct kcon_attached *a)
{
	struct kcon_r r;

	kcon_r_init(&r, f->payload, f->len);
	kcon_r_str(&r, a->name, sizeof(a->name));
	kcon_r_str(&r, a->uuid, sizeof(a->uuid));
	kcon_r_str(&r, a->console, sizeof(a->console));
	a->id = kcon_r_u32(&r);
	a->role = kcon_r_u8(&r);
	a->state = kcon_r_u8(&r);
	a->cols = kcon_r_u16(&r);
	a->rows = kcon_r_u16(&r);
	a->offset = kcon_r_u64(&r);
	return kcon_r_done(&r);
}

bool kcon_get_verb(const struct kcon_frame *f, struct kcon_verb *v)
{
	struct kcon_r r;

	kcon_r_init(&r, f->payload, f->len);
	v->op = kcon_r_u8(&r);
	v->id = kcon_r_u32(&r);
	v->arg = kcon_r_u32(&r);
	return kcon_r_done(&r);
}

bool kcon_get_list_item(const struct kcon_frame *f, struct kcon_list_item *i)
{
	struct kcon_r r;

	kcon_r_init(&r, f->payload, f->len);
	kcon_r_str(&r, i->name, sizeof(i->name));
	kcon_r_str(&r, i->uuid, sizeof(i->uuid));
	kcon_r_str(&r, i->console, sizeof(i->console));
	kcon_r_str(&r, i->writer, sizeof(i->writer));
	i->domid = kcon_r_u32(&r);
	i->state = kcon_r_u8(&r);
	i->flags = kcon_r_u8(&r);
	i->viewers = kcon_r_u16(&r);
	i->bytes = kcon_r_u64(&r);
	i->dropped = kcon_r_u64(&r);
	i->last_ms = kcon_r_u64(&r);
	return kcon_r_done(&r);
}

bool kcon_get_who_item(const struct kcon_frame *f, struct kcon_who_item *i)
{
	struct kcon_r r;

	kcon_r_init(&r, f->payload, f->len);
	kcon_r_str(&r, i->name, sizeof(i->name));
	kcon_r_str(&r, i->console, sizeof(i->console));
	kcon_r_str(&r, i->user, sizeof(i->user));
	i->id = kcon_r_u32(&r);
	i->uid = kcon_r_u32(&r);
	i->pid = kcon_r_u32(&r);
	i->role = kcon_r_u8(&r);
	i->lagging = kcon_r_u8(&r);
	i->kind = kcon_r_u8(&r);
	i->since_ms = kcon_r_u64(&r);
	i->queued = kcon_r_u64(&r);
	return kcon_r_done(&r);
}

bool kcon_get_history_req(const struct kcon_frame *f, struct kcon_history_req *h)
{
	struct kcon_r r;

	kcon_r_init(&r, f->payload, f->len);
	kcon_r_str(&r, h->name, sizeof(h->name));
	kcon_r_str(&r, h->console, sizeof(h->console));
	h->from = kcon_r_u64(&r);
	h->max = kcon_r_u32(&r);
	h->tail = kcon_r_u8(&r);
	return kcon_r_done(&r);
}

void kcon_w_cell(struct kcon_w *w, const struct kcon_cell *c)
{
	kcon_w_u32(w, c->ch);
	kcon_w_u16(w, c->attr);
	kcon_w_bytes(w, c->fg, 3);
	kcon_w_bytes(w, c->bg, 3);
}

void kcon_r_cell(struct kcon_r *r, struct kcon_cell *c)
{
	c->ch = kcon_r_u32(r);
	c->attr = kcon_r_u16(r);
	for (unsigned i = 0; i < 3; i++)
		c->fg[i] = kcon_r_u8(r);
	for (unsigned i = 0; i < 3; i++)
		c->bg[i] = kcon_r_u8(r);
}

const char *kcon_role_name(unsigned role)
{
	static const char *const names[] = {"viewer", "writer", "exclusive"};

	return role <= KCON_EXCLUSIVE ? names[role] : "?";
}

const char *kcon_state_name(unsigned state)
{
	static const char *const names[] = {"running", "gone", "quarantined"};

	return state <= KCON_QUARANTINED ? names[state] : "?";
}

const char *kcon_error_name(unsigned code)
{
	static const char *const names[] = {
		"?",	"protocol", "version", "unknown-guest", "denied",
		"busy", "state",    "memory",  "ambiguous",	"unavailable",
	};

	return code < sizeof(names) / sizeof(names[0]) ? names[code] : "?";
}
