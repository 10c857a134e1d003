/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client may ask: one function a request, one table of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

#define HISTORY_PART  32768u
#define HISTORY_MARKS 256u
#define HISTORY_ROOM  131072u /* bytes queued before the next part is made */

bool is_operator(const struct client *c)
{
	return c->kind == CLIENT_PTY || acl_allows(&c->d->conf.operators, &c->peer);
}

bool may_view(const struct session *s, const struct client *c)
{
	return is_operator(c) || acl_allows(&s->conf.view, &c->peer) ||
	       acl_allows(&s->conf.write, &c->peer);
}

bool may_write(const struct session *s, const struct client *c)
{
	if (!strcmp(s->rec.h->uuid, HYPERVISOR_UUID))
		return false; /* it does not listen */
	return is_operator(c) || acl_allows(&s->conf.write, &c->peer);
}

/*
 * The session meant by the request, if the client may view it; otherwise the
 * answer is sent.  Who may not view a guest is not told whether it exists.
 */
static struct session *target(struct client *c, uint16_t tag, const char *name,
			      const char *console)
{
	unsigned e;
	struct session *s = session_find(c->d, name, console, &e);

	if (s && !may_view(s, c)) {
		audit(c->d, "denied", s, c, "view");
		client_error(c, tag, KCON_E_DENIED,
			     "'%s': no such guest, or the access list does not permit it",
			     name);
		return NULL;
	}
	if (s)
		return s;
	if (e == KCON_E_AMBIGUOUS && is_operator(c))
		client_error(c, tag, KCON_E_AMBIGUOUS,
			     "'%s' begins several guests' names", name);
	else if (is_operator(c))
		client_error(c, tag, KCON_E_UNKNOWN, "no guest '%s'%s%s", name,
			     *console ? " with console " : "", console);
	else
		client_error(c, tag, KCON_E_DENIED,
			     "'%s': no such guest, or the access list does not permit it",
			     name);
	return NULL;
}

static bool on_list(struct client *c, const struct kcon_frame *f)
{
	uint8_t buf[1024];
	struct kcon_list_item item;
	struct session *s;
	struct kcon_w w;

	if (f->len)
		return false;
	TAILQ_FOREACH(s, &c->d->sessions, all)
	{
		if (!may_view(s, c))
			continue;
		client_item(s, &item);
		kcon_w_init(&w, buf, sizeof(buf));
		kcon_put_list_item(&w, f->tag, &item);
		if (!client_send(c, &w))
			return true;
	}
	client_ok(c, f->tag);
	return true;
}

static void send_attached(struct client *c, uint16_t tag)
{
	struct kcon_attached a = {
		.id = c->id,
		.role = c->role,
		.state = c->s->state,
		.cols = c->s->rec.h->cols,
		.rows = c->s->rec.h->rows,
		.offset = c->s->shown,
	};
	uint8_t buf[1024];
	struct kcon_w w;

	snprintf(a.name, sizeof(a.name), "%s", c->s->rec.h->name);
	snprintf(a.uuid, sizeof(a.uuid), "%s", c->s->rec.h->uuid);
	snprintf(a.console, sizeof(a.console), "%s", c->s->rec.h->console);
	kcon_w_init(&w, buf, sizeof(buf));
	kcon_put_attached(&w, tag, &a);
	if (client_send(c, &w))
		client_ok(c, tag);
}

static void refuse_role(struct client *c, uint16_t tag, const struct session *s, int e)
{
	if (e == KCON_E_BUSY && s->writer)
		client_error(c, tag, KCON_E_BUSY, "%s: %s (uid %u) is writing; %s",
			     s->rec.h->name, s->writer->user, s->writer->peer.uid,
			     s->writer->role == KCON_EXCLUSIVE
				     ? "exclusively"
				     : "attach as a viewer, or take the role");
	else
		client_error(c, tag, (uint16_t)e,
			     "%s: the access list does not permit you to write",
			     s->rec.h->name);
}

static bool on_attach(struct client *c, const struct kcon_frame *f)
{
	struct kcon_attach a;
	struct session *s;
	int e;

	if (!kcon_get_attach(f, &a))
		return false;
	s = target(c, f->tag, a.name, a.console);
	if (!s)
		return true;
	if (a.flags & KCON_ATTACH_RAW && !is_operator(c)) {
		client_error(c, f->tag, KCON_E_DENIED,
			     "unfiltered output is for operators");
		return true;
	}
	role_detach(c);
	e = role_attach(c, s, a.role, a.flags & KCON_ATTACH_FORCE);
	if (e) {
		refuse_role(c, f->tag, s, e);
		return true;
	}
	c->raw = a.flags & KCON_ATTACH_RAW;
	c->raw_pos = s->rec.head;
	feed_prepare(c);
	send_attached(c, f->tag);
	if (!c->raw)
		feed_attach(c, !(a.flags & KCON_ATTACH_NOREPAINT), a.resume,
			    a.flags & KCON_ATTACH_RESUME);
	clients_changed(s);
	return true;
}

static bool on_detach(struct client *c, const struct kcon_frame *f)
{
	if (f->len)
		return false;
	if (c->s)
		audit(c->d, "detach", c->s, c, "asked for");
	role_detach(c);
	client_ok(c, f->tag);
	return true;
}

static bool on_input(struct client *c, const struct kcon_frame *f)
{
	if (!c->s)
		client_error(c, f->tag, KCON_E_STATE, "not attached");
	else if (c->s->writer != c)
		client_error(c, f->tag, KCON_E_BUSY,
			     "you are a viewer; take the writer role");
	else if (c->s->state != KCON_RUNNING)
		client_error(c, f->tag, KCON_E_STATE, "the guest is %s",
			     kcon_state_name(c->s->state));
	else
		flow_input(c->s, f->payload, f->len);
	return true;
}

static bool on_verb(struct client *c, const struct kcon_frame *f)
{
	struct kcon_verb v;

	if (!kcon_get_verb(f, &v))
		return false;
	role_verb(c, f->tag, &v);
	return true;
}

static bool send_who(struct client *c, uint16_t tag, const struct session *s)
{
	uint8_t buf[1024];
	struct client *o;
	struct kcon_w w;

	TAILQ_FOREACH(o, &s->clients, of_session)
	{
		struct kcon_who_item i = {
			.id = o->id,
			.uid = o->peer.uid,
			.pid = o->peer.pid,
			.role = o->role,
			.lagging = o->lagging,
			.kind = o->kind,
			.since_ms = o->since_ms,
			.queued = o->out.len,
		};

		snprintf(i.name, sizeof(i.name), "%s", s->rec.h->name);
		snprintf(i.console, sizeof(i.console), "%s", s->rec.h->console);
		snprintf(i.user, sizeof(i.user), "%s", o->user);
		kcon_w_init(&w, buf, sizeof(buf));
		kcon_put_who_item(&w, tag, &i);
		if (!client_send(c, &w))
			return false;
	}
	return true;
}

static bool on_who(struct client *c, const struct kcon_frame *f)
{
	char name[KCON_NAME_MAX], console[KCON_CONSOLE_MAX];
	struct session *s;

	if (!kcon_get_target(f, name, console))
		return false;
	if (*name) {
		s = target(c, f->tag, name, console);
		if (s && send_who(c, f->tag, s))
			client_ok(c, f->tag);
		return true;
	}
	TAILQ_FOREACH(s, &c->d->sessions, all)
	{
		if (may_view(s, c) && !send_who(c, f->tag, s))
			return true;
	}
	client_ok(c, f->tag);
	return true;
}

static bool on_snapshot(struct client *c, const struct kcon_frame *f)
{
	char name[KCON_NAME_MAX], console[KCON_CONSOLE_MAX];
	struct session *s;

	if (!kcon_get_target(f, name, console))
		return false;
	s = target(c, f->tag, name, console);
	if (s && c->snap_tag)
		client_error(c, f->tag, KCON_E_STATE, "another snapshot is under way");
	else if (s)
		feed_snapshot(c, s, f->tag);
	return true;
}

/* ---- history, in parts as the client takes them ---- */

static bool history_part(struct client *c)
{
	static uint8_t out[KCON_MAX_FRAME], data[HISTORY_PART];
	struct rec_mark marks[HISTORY_MARKS];
	struct transfer *t = &c->history;
	size_t want =
		t->end - t->pos < HISTORY_PART ? (size_t)(t->end - t->pos) : HISTORY_PART;
	size_t n = rec_read(&t->s->rec, &t->pos, data, want), m, nm;
	bool more = t->pos + n < t->end;
	struct kcon_w w;

	nm = rec_marks(&t->s->rec, t->pos, t->pos + n, marks, HISTORY_MARKS);
	kcon_w_init(&w, out, sizeof(out));
	m = kcon_w_begin(&w, KCON_HISTORY_DATA, more ? KCON_F_MORE : 0, t->tag);
	kcon_w_u64(&w, t->pos);
	kcon_w_u64(&w, t->s->rec.head);
	kcon_w_u32(&w, (uint32_t)nm);
	for (size_t i = 0; i < nm; i++) {
		kcon_w_u64(&w, marks[i].offset);
		kcon_w_u64(&w, marks[i].ms);
	}
	kcon_w_bytes(&w, data, n);
	kcon_w_end(&w, m);
	t->pos += n;
	return client_send(c, &w) && more;
}

void history_pump(struct client *c)
{
	while (c->history.active && c->out.len < HISTORY_ROOM) {
		if (history_part(c))
			continue;
		c->history.active = false;
		client_ok(c, c->history.tag);
	}
}

static bool on_history(struct client *c, const struct kcon_frame *f)
{
	struct kcon_history_req h;
	struct session *s;
	uint64_t old, head;

	if (!kcon_get_history_req(f, &h))
		return false;
	s = target(c, f->tag, h.name, h.console);
	if (!s)
		return true;
	old = rec_oldest(&s->rec);
	head = s->rec.head;
	if (h.tail)
		h.from = h.max && h.max < head - old ? head - h.max : old;
	if (h.from < old)
		h.from = old;
	if (h.from > head)
		h.from = head;
	if (h.max && !h.tail && h.max < head - h.from)
		head = h.from + h.max;
	c->history = (struct transfer){s, h.from, head, f->tag, true};
	history_pump(c);
	return true;
}

static bool on_resize(struct client *c, const struct kcon_frame *f)
{
	struct kcon_r r;
	unsigned cols, rows;

	kcon_r_init(&r, f->payload, f->len);
	cols = kcon_r_u16(&r);
	rows = kcon_r_u16(&r);
	if (!kcon_r_done(&r))
		return false;
	if (cols < 20 || rows < 5 || cols > KCON_COLS_MAX || rows > KCON_ROWS_MAX) {
		client_error(c, f->tag, KCON_E_PROTO, "a screen is from 20x5 to %dx%d",
			     KCON_COLS_MAX, KCON_ROWS_MAX);
	} else if (!c->s || c->s->writer != c) {
		client_error(c, f->tag, KCON_E_STATE, "only the writer sets the size");
	} else {
		c->s->rec.h->cols = (uint16_t)cols;
		c->s->rec.h->rows = (uint16_t)rows;
		feed_resize(c->s);
		client_ok(c, f->tag);
	}
	return true;
}

static bool on_repaint(struct client *c, const struct kcon_frame *f)
{
	if (f->len)
		return false;
	if (!c->s || c->raw) {
		client_error(c, f->tag, KCON_E_STATE, "not attached");
		return true;
	}
	client_ok(c, f->tag);
	feed_repaint(c);
	return true;
}

static bool on_subscribe(struct client *c, const struct kcon_frame *f)
{
	c->subscribed = true;
	client_ok(c, f->tag);
	return f->len == 0;
}

static bool on_ping(struct client *c, const struct kcon_frame *f)
{
	client_ok(c, f->tag);
	return true;
}

static bool (*const handlers[])(struct client *, const struct kcon_frame *) = {
	[KCON_LIST] = on_list,		 [KCON_ATTACH] = on_attach,
	[KCON_DETACH] = on_detach,	 [KCON_INPUT] = on_input,
	[KCON_VERB] = on_verb,		 [KCON_WHO] = on_who,
	[KCON_SNAPSHOT] = on_snapshot,	 [KCON_HISTORY] = on_history,
	[KCON_RESIZE] = on_resize,	 [KCON_REPAINT_REQ] = on_repaint,
	[KCON_SUBSCRIBE] = on_subscribe, [KCON_PING] = on_ping,
};

void request_handle(struct client *c, const struct kcon_frame *f)
{
	if (f->type < sizeof(handlers) / sizeof(handlers[0]) && handlers[f->type]) {
		if (!handlers[f->type](c, f))
			client_error(c, f->tag, KCON_E_PROTO, "malformed request %u",
				     f->type);
		return;
	}
	client_error(c, f->tag, KCON_E_PROTO, "unknown request %u", f->type);
}
