/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real host: what can be done to a domain. */
#include "lib/host-xl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/size.h"

int xl_pause(void *ctx, uint32_t domid, struct keel_error *err)
{
	struct xl_host *host = ctx;
	int rc;

	xl_begin(host);
	rc = libxl_domain_pause(host->xl, domid, NULL);
	return rc ? xl_fail(host, rc, err, "cannot pause domain %u", domid) : 0;
}

int xl_unpause(void *ctx, uint32_t domid, struct keel_error *err)
{
	struct xl_host *host = ctx;
	int rc;

	xl_begin(host);
	rc = libxl_domain_unpause(host->xl, domid, NULL);
	return rc ? xl_fail(host, rc, err, "cannot unpause domain %u", domid) : 0;
}

int xl_shutdown(void *ctx, uint32_t domid, struct keel_error *err)
{
	struct xl_host *host = ctx;
	int rc;

	xl_begin(host);
	rc = libxl_domain_shutdown(host->xl, domid, NULL);
	/* An HVM guest without paravirtual drivers still has a power button. */
	if (rc == ERROR_NOPARAVIRT)
		rc = libxl_send_trigger(host->xl, domid, LIBXL_TRIGGER_POWER, 0, NULL);
	return rc ? xl_fail(host, rc, err, "cannot shut down domain %u", domid) : 0;
}

int xl_reboot(void *ctx, uint32_t domid, struct keel_error *err)
{
	struct xl_host *host = ctx;
	int rc;

	xl_begin(host);
	rc = libxl_domain_reboot(host->xl, domid, NULL);
	if (rc == ERROR_NOPARAVIRT)
		rc = libxl_send_trigger(host->xl, domid, LIBXL_TRIGGER_RESET, 0, NULL);
	return rc ? xl_fail(host, rc, err, "cannot reboot domain %u", domid) : 0;
}

int xl_destroy(void *ctx, uint32_t domid, struct keel_error *err)
{
	struct xl_host *host = ctx;
	int rc;

	xl_begin(host);
	rc = libxl_domain_destroy(host->xl, domid, NULL);
	return rc ? xl_fail(host, rc, err, "cannot destroy domain %u", domid) : 0;
}

int xl_set_vcpus(void *ctx, uint32_t domid, unsigned count, struct keel_error *err)
{
	struct xl_host *host = ctx;
	libxl_dominfo info;
	libxl_bitmap map;
	int rc;

	xl_begin(host);
	libxl_dominfo_init(&info);
	libxl_bitmap_init(&map);
	rc = libxl_domain_info(host->xl, &info, domid);
	if (!rc && (count < 1 || count > info.vcpu_max_id + 1)) {
		keel_fail(err, KEEL_EUSAGE, "this guest can have 1 to %u vCPUs, not %u",
			  info.vcpu_max_id + 1, count);
		keel_hint(err, "the limit is maxvcpus= of its file, read at its start");
		libxl_dominfo_dispose(&info);
		return -1;
	}
	if (!rc)
		rc = libxl_cpu_bitmap_alloc(host->xl, &map, (int)info.vcpu_max_id + 1);
	if (!rc) {
		for (unsigned i = 0; i < count; i++)
			libxl_bitmap_set(&map, (int)i);
		rc = libxl_set_vcpuonline(host->xl, domid, &map, NULL);
	}
	libxl_bitmap_dispose(&map);
	libxl_dominfo_dispose(&info);
	return rc ? xl_fail(host, rc, err, "cannot set the vCPUs of domain %u", domid)
		  : 0;
}

int xl_set_memory(void *ctx, uint32_t domid, uint64_t kib, struct keel_error *err)
{
	struct xl_host *host = ctx;
	int rc;

	xl_begin(host);
	rc = libxl_set_memory_target(host->xl, domid, (int64_t)kib, 0, 1);
	return rc ? xl_fail(host, rc, err, "cannot set the memory of domain %u", domid)
		  : 0;
}

int xl_set_max_memory(void *ctx, uint32_t domid, uint64_t kib, struct keel_error *err)
{
	struct xl_host *host = ctx;
	int rc;

	xl_begin(host);
	rc = libxl_domain_setmaxmem(host->xl, domid, kib);
	return rc ? xl_fail(host, rc, err, "cannot set the memory limit of domain %u",
			    domid)
		  : 0;
}

/* Sets the bits of "0-3,7" or "all"; false when it is not such a list of CPUs < cpus. */
static bool parse_cpus(const char *text, libxl_bitmap *map, unsigned cpus)
{
	char copy[256], *save = NULL;

	if (strcmp(text, "all") == 0) {
		libxl_bitmap_set_any(map);
		return true;
	}
	if (strlen(text) >= sizeof(copy) || !*text)
		return false;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		char *dash = strchr(p, '-');
		uint64_t first, last;

		if (dash)
			*dash++ = '\0';
		if (!keel_parse_uint(p, 0, cpus - 1, &first) ||
		    !keel_parse_uint(dash ? dash : p, first, cpus - 1, &last))
			return false;
		for (; first <= last; first++)
			libxl_bitmap_set(map, (int)first);
	}
	return !libxl_bitmap_is_empty(map);
}

int xl_set_affinity(void *ctx, uint32_t domid, unsigned vcpu, const char *cpus,
		    struct keel_error *err)
{
	struct xl_host *host = ctx;
	libxl_dominfo info;
	libxl_bitmap map;
	int count, rc;

	xl_begin(host);
	libxl_dominfo_init(&info);
	libxl_bitmap_init(&map);
	count = libxl_get_online_cpus(host->xl);
	rc = count < 1 ? ERROR_FAIL : libxl_cpu_bitmap_alloc(host->xl, &map, 0);
	if (!rc && !parse_cpus(cpus, &map, (unsigned)count)) {
		libxl_bitmap_dispose(&map);
		keel_fail(err, KEEL_EUSAGE, "%s is not a list of CPUs 0 to %d", cpus,
			  count - 1);
		return keel_hint(err, "examples: 2    0-3    0,2-3    all");
	}
	if (!rc)
		rc = libxl_domain_info(host->xl, &info, domid);
	if (!rc && vcpu == KEEL_ALL_VCPUS)
		rc = libxl_set_vcpuaffinity_all(host->xl, domid, info.vcpu_max_id + 1,
						&map, NULL);
	else if (!rc)
		rc = libxl_set_vcpuaffinity(host->xl, domid, vcpu, &map, NULL);
	libxl_bitmap_dispose(&map);
	libxl_dominfo_dispose(&info);
	return rc ? xl_fail(host, rc, err, "cannot pin the vCPUs of domain %u", domid)
		  : 0;
}

int xl_rename(void *ctx, uint32_t domid, const char *name, struct keel_error *err)
{
	struct xl_host *host = ctx;
	int rc;

	xl_begin(host);
	rc = libxl_domain_rename(host->xl, domid, NULL, name);
	for (size_t i = 0; i < host->known_count; i++)
		if (host->known[i].domid == domid)
			host->known[i].age = UINT32_MAX - 1;
	return rc ? xl_fail(host, rc, err, "cannot rename domain %u", domid) : 0;
}

int xl_sysrq(void *ctx, uint32_t domid, char key, struct keel_error *err)
{
	struct xl_host *host = ctx;
	int rc;

	xl_begin(host);
	rc = libxl_send_sysrq(host->xl, domid, key);
	return rc ? xl_fail(host, rc, err, "cannot send SysRq to domain %u", domid) : 0;
}
