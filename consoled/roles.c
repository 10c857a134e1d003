/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may write: at most one client of a session, kept in session.writer. */
#include <errno.h>
#include <string.h>

#include "daemon.h"

static void set_role(struct client *c, unsigned role)
{
	struct session *s = c->s;

	c->role = (uint8_t)role;
	if (role == KCON_VIEWER) {
		if (s->writer == c)
			s->writer = NULL;
	} else {
		s->writer = c;
	}
	client_role(c);
}

/* The present writer becomes a viewer and is told why. */
static void depose(struct session *s, const struct client *by, const char *how)
{
	struct client *old = s->writer;

	if (!old)
		return;
	set_role(old, KCON_VIEWER);
	client_notice(old, KCON_N_TAKEN, "%s (uid %u) %s the writer role", by->user,
		      by->peer.uid, how);
}

/*
 * Gives client c, which is in session c->s, the wanted role.  `take` may depose
 * an ordinary writer, `force` an exclusive one too.  0 or a KCON_E_* code.
 */
static int obtain(struct client *c, unsigned role, bool take, bool force)
{
	struct session *s = c->s;
	struct client *old = s->writer;

	if (!may_write(s, c)) {
		audit(s->d, "denied", s, c, "write");
		return KCON_E_DENIED;
	}
	if (old && old != c) {
		if (!take && !force)
			return KCON_E_BUSY;
		if (old->role == KCON_EXCLUSIVE && !force)
			return KCON_E_BUSY;
		depose(s, c, force ? "forced" : "took");
	}
	set_role(c, role);
	audit(s->d,
	      force		? "force"
	      : old && old != c ? "take"
				: "write",
	      s, c, "%s", kcon_role_name(role));
	return 0;
}

int role_attach(struct client *c, struct session *s, unsigned role, bool force)
{
	int e = 0;

	if (!may_view(s, c)) {
		audit(s->d, "denied", s, c, "view");
		return KCON_E_DENIED;
	}
	c->s = s;
	c->role = KCON_VIEWER;
	c->since_ms = utc_ms();
	TAILQ_INSERT_TAIL(&s->clients, c, of_session);
	if (role != KCON_VIEWER)
		e = obtain(c, role, force, force && is_operator(c));
	if (e) {
		role_detach(c);
		return e;
	}
	audit(s->d, "attach", s, c, "as %s", kcon_role_name(role));
	return 0;
}

void role_detach(struct client *c)
{
	struct session *s = c->s;

	if (!s)
		return;
	if (s->writer == c)
		s->writer = NULL;
	TAILQ_REMOVE(&s->clients, c, of_session);
	c->s = NULL;
	c->role = KCON_VIEWER;
	c->lagging = c->unpainted = c->replaying = c->raw = false;
	feed_detach(s);
	clients_changed(s);
}

static struct client *companion(const struct client *c, uint32_t id)
{
	struct client *o;

	TAILQ_FOREACH(o, &c->s->clients, of_session)
	{
		if (o->id == id)
			return o;
	}
	return NULL;
}

static int give(struct client *c, uint32_t id)
{
	struct client *to = companion(c, id);

	if (c->s->writer != c)
		return KCON_E_STATE;
	if (!to)
		return KCON_E_UNKNOWN;
	if (!may_write(c->s, to))
		return KCON_E_DENIED;
	set_role(c, KCON_VIEWER);
	set_role(to, KCON_WRITER);
	client_notice(to, KCON_N_GIVEN, "%s gave you the writer role", c->user);
	audit(c->d, "give", c->s, c, "to %s, client %u", to->user, id);
	return 0;
}

static int kick(struct client *c, uint32_t id)
{
	struct client *o = companion(c, id);

	if (!is_operator(c))
		return KCON_E_DENIED;
	if (!o)
		return KCON_E_UNKNOWN;
	audit(c->d, "kick", c->s, c, "%s, client %u", o->user, id);
	client_notice(o, KCON_N_KICKED, "%s detached you", c->user);
	if (o->kind == CLIENT_SOCKET) {
		role_detach(o);
		return 0;
	}
	/* Its opener is hung up by the pty's end; a new one takes its place. */
	pty_destroy(c->s);
	pty_make(c->s);
	return 0;
}

static int send_break(struct client *c)
{
	struct session *s = c->s;
	int e;

	if (s->writer != c)
		return KCON_E_STATE;
	/* A break sent into a pty ends there: the device model never hears of it. */
	if (s->tty_fd >= 0)
		return KCON_E_UNAVAILABLE;
	audit(c->d, "break", s, c, "break");
	/* A PV console has no break; Linux takes this for it on hvc: Ctrl-O. */
	e = s->state == KCON_RUNNING ? 0 : KCON_E_STATE;
	if (!e)
		flow_input(s, "\x0f", 1);
	return e;
}

static int send_sysrq(struct client *c, uint32_t key)
{
	struct session *s = c->s;

	if (s->writer != c || s->state != KCON_RUNNING)
		return KCON_E_STATE;
	if (key < 0x21 || key > 0x7e)
		return KCON_E_PROTO;
	audit(c->d, "sysrq", s, c, "key %c", (char)key);
	return c->d->ops->sysrq(c->d->backend, s->desc.domid, (char)key) < 0
		       ? KCON_E_STATE
		       : 0;
}

static int switch_log(struct client *c, uint32_t arg)
{
	struct session *s = c->s;

	if (s->writer != c)
		return KCON_E_STATE;
	s->rec.h->log_off = arg == 2 ? !s->rec.h->log_off : arg == 0;
	audit(c->d, "log", s, c, "%s", s->rec.h->log_off ? "off" : "on");
	logs_configure(s);
	client_notice(c, KCON_N_INFO, "logging is %s now",
		      s->rec.h->log_off ? "off" : "on");
	return 0;
}

static int release(struct client *c)
{
	if (c->s->writer != c)
		return KCON_E_STATE;
	set_role(c, KCON_VIEWER);
	audit(c->d, "release", c->s, c, "released");
	return 0;
}

static int attached_verb(struct client *c, const struct kcon_verb *v)
{
	switch (v->op) {
	case KCON_V_TAKE:
		return obtain(c, KCON_WRITER, true, false);
	case KCON_V_EXCLUSIVE:
		return obtain(c, KCON_EXCLUSIVE, true, false);
	case KCON_V_FORCE:
		return is_operator(c) ? obtain(c, KCON_WRITER, true, true)
				      : KCON_E_DENIED;
	case KCON_V_GIVE:
		return give(c, v->id);
	case KCON_V_RELEASE:
		return release(c);
	case KCON_V_KICK:
		return kick(c, v->id);
	case KCON_V_BREAK:
		return send_break(c);
	case KCON_V_SYSRQ:
		return send_sysrq(c, v->arg);
	case KCON_V_LOG:
		return switch_log(c, v->arg);
	case KCON_V_RELEASE_RING:
		if (!is_operator(c))
			return KCON_E_DENIED;
		audit(c->d, "release-ring", c->s, c, "quarantine lifted");
		session_unquarantine(c->s);
		return 0;
	default:
		return KCON_E_PROTO;
	}
}

static const char *why(int e)
{
	static const char *const text[] = {
		[KCON_E_PROTO] = "no such verb or argument",
		[KCON_E_UNKNOWN] = "no such client on this console",
		[KCON_E_DENIED] = "the access list does not permit this",
		[KCON_E_BUSY] = "somebody else has the writer role",
		[KCON_E_STATE] =
			"not possible now: only the writer of a running guest may",
		[KCON_E_UNAVAILABLE] =
			"the pty of an HVM guest's serial line carries no break; "
			"SysRq goes another way, if the guest has Xen's drivers",
	};

	return (size_t)e < sizeof(text) / sizeof(text[0]) && text[e] ? text[e] : "failed";
}

/* Verbs about the daemon as a whole. */
static int daemon_verb(struct client *c, const struct kcon_verb *v)
{
	if (!is_operator(c)) {
		audit(c->d, "denied", NULL, c, "verb %u", v->op);
		return KCON_E_DENIED;
	}
	audit(c->d, v->op == KCON_V_RELOAD ? "reload" : "upgrade", NULL, c, "asked for");
	if (v->op == KCON_V_RELOAD)
		daemon_reload(c->d);
	else
		c->d->upgrade_wanted = true;
	return 0;
}

void role_verb(struct client *c, uint16_t tag, const struct kcon_verb *v)
{
	int e;

	if (v->op == KCON_V_RELOAD || v->op == KCON_V_UPGRADE)
		e = daemon_verb(c, v);
	else if (!c->s)
		e = KCON_E_STATE;
	else
		e = attached_verb(c, v);
	if (e)
		client_error(c, tag, (uint16_t)e, "%s", why(e));
	else
		client_ok(c, tag);
	if (!e && c->s)
		clients_changed(c->s);
}
