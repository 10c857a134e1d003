/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real host: connection, list of domains, vCPUs, machine. */
#include "lib/host-xl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/size.h"
#include "lib/xs.h"

/* Listings after which a domain's name is read again: renames are rare. */
#define NAME_MAX_AGE 10
/* The console ring is at most a few MiB; what is more is cut. */
#define MAX_LOG (4u << 20)

static void log_message(xentoollog_logger *logger, xentoollog_level level, int errnoval,
			const char *context, const char *fmt, va_list ap)
{
	struct xl_host *host = (struct xl_host *)logger;
	char line[sizeof(host->message)];

	(void)context;
	if (level < XTL_ERROR || host->message[0])
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	keel_printable(host->message, sizeof(host->message), line);
	if (errnoval > 0) {
		size_t len = strlen(host->message);

		snprintf(host->message + len, sizeof(host->message) - len, ": %s",
			 strerror(errnoval));
	}
}

static void log_destroy(xentoollog_logger *logger)
{
	(void)logger; /* part of struct xl_host */
}

void xl_begin(struct xl_host *host)
{
	host->message[0] = '\0';
}

/* "libxl: libxl_domain.c:123:function: Domain 3:what" -> "what". */
static const char *strip_origin(const char *message)
{
	const char *p = strstr(message, "Domain ");

	if (p && (p = strchr(p, ':')))
		return p + 1;
	p = strstr(message, ".c:");
	if (p && (p = strchr(p + 3, ':')) && (p = strchr(p + 1, ':')))
		return p[1] == ' ' ? p + 2 : p + 1;
	return message;
}

int xl_fail(struct xl_host *host, int rc, struct keel_error *err, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (rc == ERROR_DOMAIN_NOTFOUND)
		return keel_fail(err, KEEL_ESTATE, "%s: the domain is gone", what);
	if (rc == ERROR_NOPARAVIRT)
		return keel_fail(err, KEEL_ESTATE, "%s: the guest has no driver for it",
				 what);
	if (host->message[0])
		return keel_fail(err, KEEL_EFAIL, "%s: %s", what,
				 strip_origin(host->message));
	return keel_fail(err, KEEL_EFAIL, "%s: libxl error %d", what, rc);
}

static int xl_wait(void *ctx, int limit_ms, struct keel_error *err)
{
	struct xl_host *host = ctx;
	int rc;

	if (!host->watching) {
		if (!xs_watch(host->xs, "@introduceDomain", "keel") ||
		    !xs_watch(host->xs, "@releaseDomain", "keel"))
			return keel_fail_errno(err, KEEL_EHOST, errno,
					       "cannot watch xenstore");
		host->watching = true;
	}
	rc = keel_xs_wait(host->xs, limit_ms);
	if (rc < 0)
		return keel_fail(err, KEEL_EHOST, "the connection to xenstored is gone");
	return rc;
}

/* "4" + "17" + ".7" of a Xen, or the name that the hypervisor gives itself. */
static void hypervisor_name(const libxl_version_info *version, char *buf, size_t size)
{
	char type[16] = "xen", extra[32];
	FILE *f = fopen("/sys/hypervisor/compilation/compiled_by", "re");
	bool keel = strstr(version->xen_version_extra, "keel") != NULL;

	if (f) {
		char line[64];

		if (fgets(line, sizeof(line), f) && strcasestr(line, "keel"))
			keel = true;
		fclose(f);
	}
	snprintf(type, sizeof(type), "%s", keel ? "Keel" : "Xen");
	keel_printable(extra, sizeof(extra), version->xen_version_extra);
	snprintf(buf, size, "%s %d.%d%s", type, version->xen_version_major,
		 version->xen_version_minor, extra);
}

static void fill_machine(struct xl_host *host, const libxl_physinfo *phys,
			 struct keel_host_info *info)
{
	const libxl_version_info *version = libxl_get_version_info(host->xl);
	struct utsname uts;

	info->cpus = phys->nr_cpus;
	info->nodes = phys->nr_nodes;
	info->cores_per_socket = phys->cores_per_socket;
	info->threads_per_core = phys->threads_per_core;
	info->cpu_khz = phys->cpu_khz;
	info->memory_kib = phys->total_pages * 4;
	info->free_kib = phys->free_pages * 4;
	info->hvm = phys->cap_hvm;
	info->hap = phys->cap_hap;
	info->pv = phys->cap_pv;
	if (version) {
		hypervisor_name(version, info->hypervisor, sizeof(info->hypervisor));
		keel_printable(info->capabilities, sizeof(info->capabilities),
			       version->capabilities);
		keel_printable(info->command_line, sizeof(info->command_line),
			       version->commandline);
	}
	if (uname(&uts) == 0) {
		keel_printable(info->hostname, sizeof(info->hostname), uts.nodename);
		snprintf(info->kernel, sizeof(info->kernel), "%s %s", uts.sysname,
			 uts.release);
	}
}

static int xl_info(void *ctx, struct keel_host_info *info, struct keel_error *err)
{
	struct xl_host *host = ctx;
	libxl_physinfo phys;
	int rc;

	memset(info, 0, sizeof(*info));
	xl_begin(host);
	libxl_physinfo_init(&phys);
	rc = libxl_get_physinfo(host->xl, &phys);
	if (rc)
		xl_fail(host, rc, err, "cannot ask the hypervisor about the machine");
	else
		fill_machine(host, &phys, info);
	libxl_physinfo_dispose(&phys);
	return rc ? -1 : 0;
}

static void read_known(struct xl_host *host, struct known *known)
{
	char limit[24];
	uint32_t start;

	known->age = 0;
	known->limit_kib = 0;
	if (keel_xs_read(host->xs, limit, sizeof(limit),
			 "/local/domain/%u/memory/static-max", known->domid) &&
	    !keel_parse_uint(limit, 1, UINT64_MAX, &known->limit_kib))
		known->limit_kib = 0;
	if (!keel_xs_read(host->xs, known->name, sizeof(known->name),
			  "/local/domain/%u/name", known->domid) ||
	    !known->name[0]) {
		snprintf(known->name, sizeof(known->name), "domain %u", known->domid);
		known->age = NAME_MAX_AGE; /* it may get one at any moment */
	}
	if (known->started || known->domid == 0)
		return;
	xl_begin(host);
	start = libxl_vm_get_start_time(host->xl, known->domid);
	known->started = start == UINT32_MAX ? 0 : (time_t)start;
}

/* What is known of a domain, read when it is new or old; NULL when memory is short. */
static struct known *know(struct xl_host *host, const libxl_dominfo *dom)
{
	struct known *known, *grown;

	for (known = host->known; known < host->known + host->known_count; known++)
		if (known->domid == dom->domid &&
		    libxl_uuid_compare(&known->uuid, &dom->uuid) == 0) {
			if (known->age++ >= NAME_MAX_AGE)
				read_known(host, known);
			known->seen = true;
			return known;
		}
	grown = reallocarray(host->known, host->known_count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	host->known = grown;
	known = &grown[host->known_count++];
	memset(known, 0, sizeof(*known));
	known->domid = dom->domid;
	known->uuid = dom->uuid;
	known->seen = true;
	read_known(host, known);
	return known;
}

/* Forgets what was not in the last listing. */
static void forget_unseen(struct xl_host *host)
{
	size_t kept = 0;

	for (size_t i = 0; i < host->known_count; i++) {
		if (!host->known[i].seen)
			continue;
		host->known[kept] = host->known[i];
		host->known[kept++].seen = false;
	}
	host->known_count = kept;
}

static enum keel_state state_of(const libxl_dominfo *dom)
{
	if (dom->dying)
		return KEEL_STATE_DYING;
	if (dom->shutdown)
		switch (dom->shutdown_reason) {
		case LIBXL_SHUTDOWN_REASON_REBOOT:
		case LIBXL_SHUTDOWN_REASON_SOFT_RESET:
			return KEEL_STATE_REBOOTING;
		case LIBXL_SHUTDOWN_REASON_SUSPEND:
			return KEEL_STATE_SUSPENDED;
		case LIBXL_SHUTDOWN_REASON_CRASH:
		case LIBXL_SHUTDOWN_REASON_WATCHDOG:
			return KEEL_STATE_CRASHED;
		default:
			return KEEL_STATE_SHUTDOWN;
		}
	/* The vCPUs come last: a domain without any is still being built. */
	if (dom->paused)
		return dom->vcpu_online ? KEEL_STATE_PAUSED : KEEL_STATE_STARTING;
	return dom->running ? KEEL_STATE_RUNNING : KEEL_STATE_IDLE;
}

static enum keel_guest_type type_of(const libxl_dominfo *dom)
{
	switch (dom->domain_type) {
	case LIBXL_DOMAIN_TYPE_PV:
		return KEEL_GUEST_PV;
	case LIBXL_DOMAIN_TYPE_PVH:
		return KEEL_GUEST_PVH;
	case LIBXL_DOMAIN_TYPE_HVM:
		return KEEL_GUEST_HVM;
	default:
		return KEEL_GUEST_UNKNOWN;
	}
}

static void fill_guest(const libxl_dominfo *dom, const struct known *known,
		       struct keel_guest *guest)
{
	memset(guest, 0, sizeof(*guest));
	snprintf(guest->name, sizeof(guest->name), "%s", known->name);
	snprintf(guest->uuid, sizeof(guest->uuid), LIBXL_UUID_FMT,
		 LIBXL_UUID_BYTES(dom->uuid));
	guest->domid = dom->domid;
	guest->state = state_of(dom);
	guest->type = type_of(dom);
	guest->vcpus_online = dom->vcpu_online;
	guest->vcpus_max = dom->vcpu_max_id + 1;
	guest->memory_kib = dom->current_memkb + dom->outstanding_memkb;
	/*
	 * What the guest may grow to.  The hypervisor's own figure follows the balloon
	 * target, so it tells no more than that.
	 */
	guest->max_memory_kib = known->limit_kib ? known->limit_kib : dom->max_memkb;
	if (guest->max_memory_kib < guest->memory_kib)
		guest->max_memory_kib = guest->memory_kib;
	guest->cpu_ns = dom->cpu_time;
	guest->started = known->started;
}

static int xl_list(void *ctx, struct keel_guest **guests, size_t *count,
		   struct keel_error *err)
{
	struct xl_host *host = ctx;
	libxl_dominfo *doms;
	int n = 0, rc = 0;

	xl_begin(host);
	doms = libxl_list_domain(host->xl, &n);
	if (!doms)
		return xl_fail(host, ERROR_FAIL, err, "cannot list the domains");
	*guests = calloc((size_t)n + 1, sizeof(**guests));
	*count = (size_t)n;
	for (int i = 0; i < n && *guests; i++) {
		struct known *known = know(host, &doms[i]);

		if (!known) {
			free(*guests);
			*guests = NULL;
			break;
		}
		fill_guest(&doms[i], known, &(*guests)[i]);
	}
	libxl_dominfo_list_free(doms, n);
	if (!*guests)
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	forget_unseen(host);
	xl_add_io(*guests, *count);
	return rc;
}

/* "0-3,7", or "all" when every one of the cpus is in the map. */
static void format_cpumap(const libxl_bitmap *map, int cpus, char *buf, size_t size)
{
	size_t n = 0;
	int set = 0;

	buf[0] = '\0';
	for (int i = 0; i < cpus; i++)
		set += libxl_bitmap_test(map, i) != 0;
	if (set >= cpus) {
		snprintf(buf, size, "all");
		return;
	}
	for (int i = 0; i < cpus && n < size; i++) {
		int first = i;

		if (!libxl_bitmap_test(map, i))
			continue;
		while (i + 1 < cpus && libxl_bitmap_test(map, i + 1))
			i++;
		n += (size_t)snprintf(buf + n, size - n, first == i ? "%s%d" : "%s%d-%d",
				      n ? "," : "", first, i);
	}
}

static int xl_vcpus(void *ctx, uint32_t domid, struct keel_vcpu **vcpus, size_t *count,
		    struct keel_error *err)
{
	struct xl_host *host = ctx;
	int n = 0, cpus = 0;
	libxl_vcpuinfo *list;

	xl_begin(host);
	list = libxl_list_vcpu(host->xl, domid, &n, &cpus);
	if (!list)
		return xl_fail(host, ERROR_FAIL, err, "cannot list the vCPUs");
	*vcpus = calloc((size_t)n + 1, sizeof(**vcpus));
	*count = (size_t)n;
	for (int i = 0; i < n && *vcpus; i++) {
		struct keel_vcpu *vcpu = &(*vcpus)[i];
		char asked[16];

		vcpu->id = list[i].vcpuid;
		vcpu->online = list[i].online;
		vcpu->running = list[i].running;
		vcpu->blocked = list[i].blocked;
		vcpu->cpu = list[i].online ? list[i].cpu : UINT32_MAX;
		vcpu->cpu_ns = list[i].vcpu_time;
		format_cpumap(&list[i].cpumap, cpus, vcpu->affinity,
			      sizeof(vcpu->affinity));
		vcpu->requested = vcpu->online;
		if (keel_xs_read(host->xs, asked, sizeof(asked),
				 "/local/domain/%u/cpu/%u/availability", domid, vcpu->id))
			vcpu->requested = strcmp(asked, "online") == 0;
	}
	libxl_vcpuinfo_list_free(list, n);
	if (!*vcpus)
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	return 0;
}

static int append(char **text, size_t *len, const char *line)
{
	size_t add = strlen(line);
	char *grown = realloc(*text, *len + add + 1);

	if (!grown)
		return -1;
	*text = grown;
	for (size_t i = 0; i < add; i++) {
		char c = line[i];

		grown[*len + i] = (c >= 0x20 && c < 0x7f) || c == '\n' ? c : '?';
		if (c == '\t')
			grown[*len + i] = ' ';
	}
	*len += add;
	grown[*len] = '\0';
	return 0;
}

static int xl_log(void *ctx, char **text, struct keel_error *err)
{
	struct xl_host *host = ctx;
	libxl_xen_console_reader *reader;
	size_t len = 0;
	char *line = NULL;
	int rc;

	xl_begin(host);
	*text = strdup("");
	reader = libxl_xen_console_read_start(host->xl, 0);
	if (!reader || !*text) {
		free(*text);
		return xl_fail(host, ERROR_FAIL, err, "cannot read the hypervisor's log");
	}
	while ((rc = libxl_xen_console_read_line(host->xl, reader, &line)) > 0)
		if (len > MAX_LOG || append(text, &len, line))
			break;
	libxl_xen_console_read_finish(host->xl, reader);
	if (rc < 0) {
		free(*text);
		return xl_fail(host, rc, err, "cannot read the hypervisor's log");
	}
	return 0;
}

static void xl_close(void *ctx)
{
	struct xl_host *host = ctx;

	sd_bus_flush_close_unref(host->bus);
	if (host->xs)
		xs_close(host->xs);
	if (host->xl)
		libxl_ctx_free(host->xl);
	free(host->known);
	free(host);
}

static const struct keel_host_ops xl_ops = {
	.info = xl_info,
	.list = xl_list,
	.vcpus = xl_vcpus,
	.disks = xl_disks,
	.nics = xl_nics,
	.pause = xl_pause,
	.unpause = xl_unpause,
	.shutdown = xl_shutdown,
	.reboot = xl_reboot,
	.destroy = xl_destroy,
	.set_vcpus = xl_set_vcpus,
	.set_memory = xl_set_memory,
	.set_max_memory = xl_set_max_memory,
	.set_affinity = xl_set_affinity,
	.rename = xl_rename,
	.sysrq = xl_sysrq,
	.log = xl_log,
	.wait = xl_wait,
	.units = xl_units,
	.unit_start = xl_unit_start,
	.unit_stop = xl_unit_stop,
	.unit_enable = xl_unit_enable,
	.unit_state = xl_unit_state,
	.close = xl_close,
};

static int no_host(struct keel_error *err)
{
	if (access("/proc/xen/privcmd", F_OK) && access("/dev/xen/privcmd", F_OK)) {
		keel_fail(err, KEEL_EHOST, "this system does not run on a hypervisor");
		return keel_hint(err, "boot it through Keel's (or Xen's) boot entry");
	}
	if (geteuid() != 0) {
		keel_fail(err, KEEL_EHOST, "only root can talk to the hypervisor");
		return keel_hint(err, "run it through sudo");
	}
	keel_fail(err, KEEL_EHOST, "cannot talk to the hypervisor or to xenstored");
	return keel_hint(err, "systemctl status xenstored.service tells about xenstored");
}

int keel_host_open(struct keel_host *host, struct keel_error *err)
{
	struct xl_host *xl = calloc(1, sizeof(*xl));

	host->ops = NULL;
	host->ctx = NULL;
	if (!xl)
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	xl->logger.vmessage = log_message;
	xl->logger.destroy = log_destroy;
	xl->xs = xs_open(0);
	if (!xl->xs || libxl_ctx_alloc(&xl->xl, LIBXL_VERSION, 0, &xl->logger)) {
		xl_close(xl);
		return no_host(err);
	}
	host->ops = &xl_ops;
	host->ctx = xl;
	return 0;
}
