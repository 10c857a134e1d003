/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tui/model.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* A console counts as talking for so long after its last output. */
#define TALKING_MS	   3000
#define CONSOLE_TIMEOUT_MS 300
/* Rounds between attempts to reach keel-consoled when it is away. */
#define CONSOLE_RETRY 5

/* Counters of the last round, to make rates from; kept by name and domain. */
struct past {
	char name[KEEL_NAME_MAX + 1];
	uint32_t domid;
	uint64_t cpu_ns, disk, net;
	double cpu_spark[SPARK], disk_spark[SPARK], net_spark[SPARK];
};

struct model {
	pthread_t thread;
	pthread_mutex_t lock; /* guards the five fields that follow */
	pthread_cond_t wake;
	struct want want;
	struct snapshot *ready;
	bool refresh, stop;
	int event; /* an eventfd, readable when ready was set */
	unsigned interval_ms;

	/* Of the reader thread only. */
	struct keel_host host;
	bool open;
	struct kcon *console;
	unsigned console_wait;
	struct past *past;
	size_t past_count;
	int64_t past_ns;
	char vcpu_name[KEEL_NAME_MAX + 1]; /* whose vCPU times are below */
	uint64_t *vcpu_ns;
	size_t vcpu_count;
	int64_t vcpu_at;
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void picture_free(struct picture *picture)
{
	if (picture->has_screen)
		kcon_screen_free(&picture->screen);
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	free(s->rows);
	free(s->details.vcpus);
	free(s->details.disks);
	free(s->details.nics);
	picture_free(&s->details.picture);
	for (size_t i = 0; i < s->wall_count; i++)
		picture_free(&s->wall[i]);
	free(s->wall);
	free(s->checks);
	free(s);
}

const struct row *snapshot_row(const struct snapshot *snapshot, const char *name)
{
	for (size_t i = 0; snapshot && i < snapshot->count; i++)
		if (strcmp(snapshot->rows[i].g.name, name) == 0)
			return &snapshot->rows[i];
	return NULL;
}

static void push(double *spark, double value)
{
	memmove(spark, spark + 1, (SPARK - 1) * sizeof(*spark));
	spark[SPARK - 1] = value;
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
	/* A counter that went back is a device that was made anew. */
	return now < before || seconds <= 0 ? 0 : (double)(now - before) / seconds;
}

static const struct past *find_past(const struct model *m, const struct keel_guest *g)
{
	for (size_t i = 0; i < m->past_count; i++)
		if (m->past[i].domid == g->domid && strcmp(m->past[i].name, g->name) == 0)
			return &m->past[i];
	return NULL;
}

static void fill_row(const struct model *m, const struct keel_guest *g, double seconds,
		     struct row *row, struct past *next)
{
	const struct past *past = find_past(m, g);

	memset(row, 0, sizeof(*row));
	memset(next, 0, sizeof(*next));
	row->g = *g;
	memcpy(next->name, g->name, sizeof(next->name));
	next->domid = g->domid;
	next->cpu_ns = g->cpu_ns;
	next->disk = g->io.disk_read + g->io.disk_written;
	next->net = g->io.net_received + g->io.net_sent;
	if (past) {
		row->cpu = rate(g->cpu_ns, past->cpu_ns, seconds) / 1e7;
		row->disk = rate(next->disk, past->disk, seconds);
		row->net = rate(next->net, past->net, seconds);
		memcpy(next->cpu_spark, past->cpu_spark, sizeof(next->cpu_spark));
		memcpy(next->disk_spark, past->disk_spark, sizeof(next->disk_spark));
		memcpy(next->net_spark, past->net_spark, sizeof(next->net_spark));
	}
	push(next->cpu_spark, row->cpu);
	push(next->disk_spark, row->disk);
	push(next->net_spark, row->net);
	memcpy(row->cpu_spark, next->cpu_spark, sizeof(row->cpu_spark));
	memcpy(row->disk_spark, next->disk_spark, sizeof(row->disk_spark));
	memcpy(row->net_spark, next->net_spark, sizeof(row->net_spark));
}

static int read_guests(struct model *m, struct snapshot *s)
{
	struct keel_guest *guests;
	struct past *past;
	double seconds, cpu = 0;
	int64_t now;
	size_t count;

	if (keel_guests(&m->host, &guests, &count, &s->error))
		return -1;
	now = now_ns(CLOCK_MONOTONIC);
	seconds = m->past_ns ? (double)(now - m->past_ns) / 1e9 : 0;
	s->rows = calloc(count + 1, sizeof(*s->rows));
	past = calloc(count + 1, sizeof(*past));
	if (!s->rows || !past) {
		free(past);
		free(guests);
		return keel_fail(&s->error, KEEL_EFAIL, "not enough memory");
	}
	for (size_t i = 0; i < count; i++) {
		fill_row(m, &guests[i], seconds, &s->rows[i], &past[i]);
		cpu += s->rows[i].cpu;
	}
	s->count = count;
	s->cpu = s->info.cpus ? cpu / s->info.cpus : 0;
	free(guests);
	free(m->past);
	m->past = past;
	m->past_count = count;
	m->past_ns = now;
	return 0;
}

static void read_machine(struct snapshot *s)
{
	static const char *const places[] = {"/var/lib/keel", "/var/lib"};
	struct statvfs st;

	if (getloadavg(s->load, 3) != 3)
		memset(s->load, 0, sizeof(s->load));
	for (size_t i = 0; i < 2; i++)
		if (statvfs(places[i], &st) == 0) {
			s->storage_free = (uint64_t)st.f_bavail * st.f_frsize;
			s->storage_total = (uint64_t)st.f_blocks * st.f_frsize;
			return;
		}
}

static void fill_vcpus(struct model *m, struct details *d, const struct keel_vcpu *vcpus,
		       size_t count)
{
	int64_t now = now_ns(CLOCK_MONOTONIC);
	double seconds = (double)(now - m->vcpu_at) / 1e9;
	bool known = strcmp(m->vcpu_name, d->name) == 0 && m->vcpu_count == count;
	uint64_t *ns = calloc(count + 1, sizeof(*ns));

	d->vcpus = calloc(count + 1, sizeof(*d->vcpus));
	if (!d->vcpus || !ns) {
		free(ns);
		return;
	}
	d->vcpu_count = count;
	for (size_t i = 0; i < count; i++) {
		d->vcpus[i].v = vcpus[i];
		ns[i] = vcpus[i].cpu_ns;
		if (known)
			d->vcpus[i].cpu = rate(ns[i], m->vcpu_ns[i], seconds) / 1e7;
	}
	free(m->vcpu_ns);
	m->vcpu_ns = ns;
	m->vcpu_count = count;
	m->vcpu_at = now;
	memcpy(m->vcpu_name, d->name, sizeof(m->vcpu_name));
}

/* Connected to keel-consoled?  Tries again now and then when it is not. */
static bool console_ready(struct model *m)
{
	if (m->console)
		return true;
	if (m->console_wait && --m->console_wait)
		return false;
	m->console_wait = CONSOLE_RETRY;
	if (kcon_open(&m->console, NULL, "keel-tui", CONSOLE_TIMEOUT_MS) == 0)
		return true;
	kcon_close(m->console);
	m->console = NULL;
	return false;
}

static void console_lost(struct model *m)
{
	kcon_close(m->console);
	m->console = NULL;
	m->console_wait = CONSOLE_RETRY;
}

static void note_console(const struct kcon_list_item *item, void *arg)
{
	uint64_t now = (uint64_t)(now_ns(CLOCK_REALTIME) / 1000000);
	struct snapshot *s = arg;

	for (size_t i = 0; i < s->count; i++) {
		if (s->rows[i].g.domid != item->domid ||
		    s->rows[i].g.domid == KEEL_NO_DOMAIN)
			continue;
		s->rows[i].viewers += item->viewers;
		if (item->last_ms && item->last_ms + TALKING_MS > now)
			s->rows[i].talking = true;
	}
}

static void read_picture(struct model *m, const char *name, struct picture *picture)
{
	int rc;

	snprintf(picture->name, sizeof(picture->name), "%s", name);
	if (!console_ready(m)) {
		snprintf(picture->error, sizeof(picture->error),
			 "keel-consoled does not answer; keel check tells more");
		return;
	}
	rc = kcon_snapshot(m->console, name, "", &picture->screen);
	if (rc == 0) {
		picture->has_screen = true;
		return;
	}
	snprintf(picture->error, sizeof(picture->error), "%.120s",
		 kcon_strerror(m->console));
	if (rc > -KCON_CLIENT_ERR)
		console_lost(m);
}

static void read_wall(struct model *m, const struct want *want, struct snapshot *s)
{
	s->wall = calloc(want->wall_count, sizeof(*s->wall));
	for (size_t i = 0; s->wall && i < want->wall_count; i++)
		read_picture(m, want->wall[i], &s->wall[s->wall_count++]);
}

static void read_details(struct model *m, const struct want *want, struct snapshot *s)
{
	const struct row *row = snapshot_row(s, want->focus);
	struct details *d = &s->details;
	struct keel_vcpu *vcpus = NULL;
	struct keel_error err;
	size_t count = 0;

	if (!row)
		return;
	memcpy(d->name, row->g.name, sizeof(d->name));
	d->valid = true;
	/* The last screen of a guest that is gone is still worth a look. */
	if (want->screen) {
		read_picture(m, d->name, &d->picture);
		d->has_picture = true;
	}
	if (row->g.domid == KEEL_NO_DOMAIN)
		return;
	if (m->host.ops->vcpus(m->host.ctx, row->g.domid, &vcpus, &count, &err) == 0)
		fill_vcpus(m, d, vcpus, count);
	else
		snprintf(d->error, sizeof(d->error), "%.255s", err.text);
	free(vcpus);
	if (m->host.ops->disks(m->host.ctx, row->g.domid, &d->disks, &d->disk_count,
			       NULL))
		d->disks = NULL;
	if (m->host.ops->nics(m->host.ctx, row->g.domid, &d->nics, &d->nic_count, NULL))
		d->nics = NULL;
	if (!d->disks)
		d->disk_count = 0;
	if (!d->nics)
		d->nic_count = 0;
}

static struct snapshot *gather(struct model *m, const struct want *want)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (!m->open)
		m->open = keel_host_open(&m->host, &s->error) == 0;
	if (m->open &&
	    (m->host.ops->info(m->host.ctx, &s->info, &s->error) || read_guests(m, s))) {
		/* xenstored may have been restarted: begin anew next time. */
		keel_host_close(&m->host);
		m->open = false;
	} else if (m->open) {
		s->ok = true;
		read_machine(s);
		if (console_ready(m) && kcon_list(m->console, note_console, s) < 0)
			console_lost(m);
		if (want->focus[0])
			read_details(m, want, s);
		if (want->wall_count)
			read_wall(m, want, s);
	}
	if (want->checks &&
	    keel_checks_run(m->open ? &m->host : NULL, &s->checks, &s->check_count))
		s->checks = NULL;
	return s;
}

/* Waits for the next round's time, a request, or the end; false at the end. */
static bool wait_round(struct model *m, struct want *want)
{
	struct timespec until;
	bool go;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(m->interval_ms % 1000) * 1000000;
	until.tv_sec += m->interval_ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&m->lock);
	while (!m->stop && !m->refresh)
		if (pthread_cond_timedwait(&m->wake, &m->lock, &until) == ETIMEDOUT)
			break;
	m->refresh = false;
	*want = m->want;
	m->want.checks = false;
	go = !m->stop;
	pthread_mutex_unlock(&m->lock);
	return go;
}

static void publish(struct model *m, struct snapshot *s)
{
	struct snapshot *old;
	uint64_t one = 1;

	pthread_mutex_lock(&m->lock);
	old = m->ready;
	/* Checks are made once: do not lose them with a snapshot that nobody saw. */
	if (old && old->checks && !s->checks) {
		s->checks = old->checks;
		s->check_count = old->check_count;
		old->checks = NULL;
	}
	m->ready = s;
	pthread_mutex_unlock(&m->lock);
	snapshot_free(old);
	/* Can only fail when the counter is full, and then it is readable as well. */
	if (write(m->event, &one, sizeof(one)) < 0)
		return;
}

static void *reader(void *arg)
{
	struct model *m = arg;
	struct want want;
	struct snapshot *s;

	while (wait_round(m, &want)) {
		s = gather(m, &want);
		if (s)
			publish(m, s);
	}
	if (m->open)
		keel_host_close(&m->host);
	kcon_close(m->console);
	return NULL;
}

struct model *model_start(unsigned interval_ms)
{
	struct model *m = calloc(1, sizeof(*m));
	pthread_condattr_t attr;
	sigset_t all, old;
	int rc;

	if (!m)
		return NULL;
	m->interval_ms = interval_ms;
	m->refresh = true;
	m->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->wake, &attr);
	pthread_condattr_destroy(&attr);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = m->event < 0 ? EMFILE : pthread_create(&m->thread, NULL, reader, m);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc) {
		if (m->event >= 0)
			close(m->event);
		free(m);
		return NULL;
	}
	return m;
}

void model_stop(struct model *m)
{
	pthread_mutex_lock(&m->lock);
	m->stop = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
	pthread_join(m->thread, NULL);
	snapshot_free(m->ready);
	close(m->event);
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
	free(m->past);
	free(m->vcpu_ns);
	free(m);
}

int model_fd(const struct model *m)
{
	return m->event;
}

struct snapshot *model_take(struct model *m)
{
	struct snapshot *s;
	uint64_t count;

	if (read(m->event, &count, sizeof(count)) < 0)
		return NULL;
	pthread_mutex_lock(&m->lock);
	s = m->ready;
	m->ready = NULL;
	pthread_mutex_unlock(&m->lock);
	return s;
}

void model_want(struct model *m, const struct want *want)
{
	pthread_mutex_lock(&m->lock);
	m->want = *want;
	m->refresh = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
}

void model_refresh(struct model *m)
{
	pthread_mutex_lock(&m->lock);
	m->refresh = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
}
