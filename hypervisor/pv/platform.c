/* SPDX-License-Identifier: GPL-3.0-or-later */
/* platform_op: what dom0's kernel tells and asks about the machine below it. */
#include "core/log.h"
#include "core/sched.h"
#include "pv/pv.h"
#include "x86/boot.h"
#include "x86/x86.h"
#include <string.h>

/* ---- time ---- */

static long set_time(u64 sec, u64 nsec, u64 system)
{
	struct domain *d = NULL;

	if (nsec >= 1000000000UL || (s64)system < 0)
		return -XEN_EINVAL;
	wallclock_set(sec, (u32)nsec, (ns_t)system);
	while ((d = domain_next(d)) != NULL)
		domain_update_wallclock(d);
	return 0;
}

static long settime32(struct xen_platform_op *op, bool *copyback)
{
	const struct xenpf_settime32 *t = &op->u.settime32;

	return set_time(t->secs, t->nsecs, t->system_time);
}

static long settime64(struct xen_platform_op *op, bool *copyback)
{
	const struct xenpf_settime64 *t = &op->u.settime64;

	return t->mbz ? -XEN_EINVAL : set_time(t->secs, t->nsecs, t->system_time);
}

/* ---- firmware ---- */

struct efi_table_header {
	u64 signature;
	u32 revision, size, crc, reserved;
};

/* EFI system table (UEFI 2.9, 4.3) as far as it is asked for. */
struct efi_system_table {
	struct efi_table_header hdr;
	u64 vendor;
	u32 firmware_revision, pad;
	u64 handles[6], runtime, boot;
	u64 entries, config;
};

static bool read_machine(maddr_t at, void *out, size_t n)
{
	void *p = ioremap(at, n, MAP_WB);

	if (!p)
		return false;
	memcpy(out, p, n);
	iounmap(p, n);
	return true;
}

#define EFI_VENDOR_MAX 128 /* UCS-2 characters of the vendor's name that are looked at */

/* Copies the vendor's name, cut to the caller's buffer, always terminated. */
static long efi_vendor(union xenpf_efi_info *info, const struct efi_system_table *st)
{
	u16 name[EFI_VENDOR_MAX];
	u64 room = MIN((u64)info->vendor.bufsz / 2, (u64)EFI_VENDOR_MAX);

	info->vendor.revision = st->firmware_revision;
	if (handle_is_null(info->vendor.name) || room == 0)
		return 0;
	if (!read_machine(st->vendor, name, sizeof(name)))
		return -XEN_EFAULT;
	for (u64 i = 0; i < room; i++) {
		if (i == room - 1)
			name[i] = 0;
		if (copy_to_guest_va((u64)info->vendor.name.p + i * 2, &name[i], 2))
			return -XEN_EFAULT;
		if (name[i] == 0)
			break;
	}
	return 0;
}

static long efi_info(struct xenpf_firmware_info *fw)
{
	union xenpf_efi_info *info = &fw->u.efi_info;
	maddr_t at = boot_efi_system_table();
	struct efi_system_table st;

	if (!at)
		return -XEN_ENOSYS;
	if (!read_machine(at, &st, sizeof(st)))
		return -XEN_EFAULT;
	switch (fw->index) {
	case XEN_FW_EFI_VERSION:
		info->version = st.hdr.revision;
		return 0;
	case XEN_FW_EFI_RT_VERSION:
		info->version = 0; /* runtime services are not called */
		return -XEN_EINVAL;
	case XEN_FW_EFI_CONFIG_TABLE:
		info->cfg.addr = st.config;
		info->cfg.nent = (u32)st.entries;
		return 0;
	case XEN_FW_EFI_VENDOR:
		return efi_vendor(info, &st);
	default:
		return -XEN_EINVAL;
	}
}

/* BIOS facts (disks, EDID) are collected in real mode, which Keel's boot never enters. */
static long firmware_info(struct xen_platform_op *op, bool *copyback)
{
	struct xenpf_firmware_info *fw = &op->u.firmware_info;
	long rc;

	switch (fw->type) {
	case XEN_FW_EFI_INFO:
		rc = efi_info(fw);
		break;
	case XEN_FW_KBD_SHIFT_FLAGS:
		if (fw->index)
			return -XEN_ESRCH;
		fw->u.kbd_shift_flags = 0;
		rc = 0;
		break;
	case XEN_FW_DISK_INFO:
	case XEN_FW_DISK_MBR_SIGNATURE:
	case XEN_FW_VBEDDC_INFO:
		return -XEN_ESRCH;
	default:
		return -XEN_EINVAL;
	}
	*copyback = rc == 0;
	return rc;
}

/* ---- ACPI sleep ---- */

#define PM1_SLP_EN  BIT(13)
#define PM1_SLP_TYP 0x1c00U
#define PM1_SCI_EN  BIT(0)

static void write_pm1(const struct acpi_register *r, u16 val)
{
	if (r->address && r->space == 1)
		outw((u16)r->address, val);
}

/* dom0 ran _PTS and _Sx and hands over the values; only power-off can be done, nothing here survives
 * a suspended machine. */
static long enter_sleep(struct xen_platform_op *op, bool *copyback)
{
	const struct xenpf_enter_acpi_sleep *s = &op->u.enter_acpi_sleep;
	u16 a = s->val_a, b = s->val_b;

	if ((s->flags & ~(u32)XENPF_ACPI_SLEEP_EXTENDED) || s->sleep_state == 0 || s->sleep_state > 5)
		return -XEN_EINVAL;
	if ((s->flags & XENPF_ACPI_SLEEP_EXTENDED) || !acpi_fadt.present || s->sleep_state != 5)
		return -XEN_EOPNOTSUPP;
	if (b && ((a ^ b) & PM1_SLP_EN)) /* the two registers are to do the same */
		return -XEN_EINVAL;
	log_info("ACPI power-off, asked for by dom0\n");
	machine_console_flush();
	local_irq_disable();
	write_pm1(&acpi_fadt.pm1a_cnt, (u16)((a & (PM1_SLP_TYP | PM1_SCI_EN)) | PM1_SLP_EN));
	write_pm1(&acpi_fadt.pm1b_cnt, (u16)((b & (PM1_SLP_TYP | PM1_SCI_EN)) | PM1_SLP_EN));
	udelay(1000000);
	machine_poweroff(); /* the registers did nothing: every other way */
}

/* ---- CPUs ---- */

static u32 max_present(void)
{
	return nr_cpus ? nr_cpus - 1 : 0;
}

static long get_cpu_info(struct xen_platform_op *op, bool *copyback)
{
	struct xenpf_pcpuinfo *i = &op->u.pcpu_info;
	u32 cpu = i->xen_cpuid;

	i->max_present = max_present();
	i->flags = XEN_PCPU_FLAGS_INVALID;
	i->apic_id = i->acpi_id = ~0U;
	if (cpu < nr_cpus) {
		i->flags = cpumask_test(&cpu_online_map, cpu) ? XEN_PCPU_FLAGS_ONLINE : 0;
		i->apic_id = cpu_apic_id(cpu);
		i->acpi_id = cpu_acpi_id(cpu);
	}
	*copyback = true;
	return 0;
}

static long get_cpu_version(struct xen_platform_op *op, bool *copyback)
{
	struct xenpf_pcpu_version *i = &op->u.pcpu_version;
	u32 r[4];

	i->max_present = max_present();
	memset(i->vendor_id, 0, sizeof(i->vendor_id));
	i->family = i->model = i->stepping = 0;
	if (i->xen_cpuid < nr_cpus && cpumask_test(&cpu_online_map, i->xen_cpuid)) {
		cpuid(0, 0, r);
		memcpy(i->vendor_id, &r[1], 4);
		memcpy(i->vendor_id + 4, &r[3], 4);
		memcpy(i->vendor_id + 8, &r[2], 4);
		i->family = cpu_features.family;
		i->model = cpu_features.model;
		i->stepping = cpu_features.stepping;
	}
	*copyback = true;
	return 0;
}

static u64 idle_time(u32 cpu)
{
	struct vcpu *v = domain_vcpu(idle_domain, cpu);

	return v ? vcpu_cpu_time(v) : 0;
}

static long get_idle_time(struct xen_platform_op *op, bool *copyback)
{
	struct xenpf_getidletime *g = &op->u.getidletime;
	u32 n = MIN(g->cpumap_nr_cpus, (u32)MAX_CPUS);
	u8 byte = 0;

	g->now = (u64)system_time();
	for (u32 cpu = 0; cpu < n; cpu++) {
		u64 t = 0;
		bool asked;

		if (cpu % 8 == 0 && !handle_read(&byte, g->cpumap_bitmap, cpu / 8))
			return -XEN_EFAULT;
		asked = byte >> (cpu % 8) & 1;
		if (cpu < nr_cpus)
			t = idle_time(cpu);
		else
			byte &= (u8)~(1U << (cpu % 8));
		if (asked && !handle_write(g->idletime, cpu, &t))
			return -XEN_EFAULT;
		if ((cpu % 8 == 7 || cpu == n - 1) &&
		    !handle_write(g->cpumap_bitmap, cpu / 8, &byte))
			return -XEN_EFAULT;
	}
	*copyback = true;
	return 0;
}

/* All CPUs are online from boot; none is taken away. */
static long cpu_online(struct xen_platform_op *op, bool *copyback)
{
	u32 cpu = op->u.cpu_ol.cpuid;

	if (cpu >= nr_cpus)
		return -XEN_EINVAL;
	return cpumask_test(&cpu_online_map, cpu) ? 0 : -XEN_EOPNOTSUPP;
}

static long refuse(struct xen_platform_op *op, bool *copyback)
{
	return -XEN_EOPNOTSUPP;
}

static long core_parking(struct xen_platform_op *op, bool *copyback)
{
	struct xenpf_core_parking *p = &op->u.core_parking;

	if (p->type == XEN_CORE_PARKING_GET) {
		p->idle_nums = 0;
		*copyback = true;
		return 0;
	}
	return p->type == XEN_CORE_PARKING_SET && p->idle_nums == 0 ? 0 : -XEN_EINVAL;
}

/* C-states and frequencies are taken note of by nobody: idle CPUs halt, the firmware scales. */
static long set_pminfo(struct xen_platform_op *op, bool *copyback)
{
	switch (op->u.set_pminfo.type) {
	case XEN_PM_CX:
	case XEN_PM_PX:
	case XEN_PM_TX:
		return 0;
	case XEN_PM_PDC:
		return 0;
	default:
		return -XEN_EINVAL;
	}
}

static long platform_quirk(struct xen_platform_op *op, bool *copyback)
{
	switch (op->u.platform_quirk.quirk_id) {
	case QUIRK_NOIRQBALANCING:
	case QUIRK_IOAPIC_BAD_REGSEL:
	case QUIRK_IOAPIC_GOOD_REGSEL:
		return 0;
	default:
		return -XEN_EINVAL;
	}
}

/* ---- resources: the one MSR that tools may read here is the time-stamp counter ---- */

#define RESOURCE_ENTRIES_MAX 2U

static long resource_op(struct xen_platform_op *op, bool *copyback)
{
	struct xenpf_resource_op *r = &op->u.resource_op;
	u32 n = r->nr_entries, done = 0;

	if (n == 0)
		return 0;
	if (n > RESOURCE_ENTRIES_MAX)
		return -XEN_E2BIG;
	if (r->cpu >= nr_cpus || !cpumask_test(&cpu_online_map, r->cpu))
		return -XEN_ENODEV;
	for (u32 i = 0; i < n; i++) {
		struct xenpf_resource_entry e;
		bool ok;

		if (!handle_read(&e, r->entries, i))
			return -XEN_EFAULT;
		ok = e.u.cmd == XEN_RESOURCE_OP_MSR_READ && e.rsvd == 0 && e.idx == MSR_TSC;
		if (ok)
			e.val = (u64)system_time();
		e.u.ret = ok ? 0 : -XEN_EOPNOTSUPP;
		if (!handle_write(r->entries, i, &e))
			return -XEN_EFAULT;
		if (!ok)
			break;
		done++;
	}
	return done;
}

/* ---- the hypervisor's symbols, for /proc/xen/xensyms ---- */

static long get_symbol(struct xen_platform_op *op, bool *copyback)
{
	struct xenpf_symdata *s = &op->u.symdata;
	const char *name = "";
	u32 bytes;

	if (s->symnum > machine_symbols())
		return -XEN_ERANGE;
	s->type = 0;
	s->address = 0;
	if (s->symnum < machine_symbols()) { /* else the end: the number stays */
		name = machine_symbol(s->symnum++, &s->address);
		s->type = 't';
	}
	bytes = (u32)strlen(name) + 1;
	if (copy_to_guest_va((u64)s->name.p, name, MIN(s->namelen, bytes)))
		return -XEN_EFAULT;
	s->namelen = bytes;
	*copyback = true;
	return 0;
}

/* ---- dispatch ---- */

typedef long platform_fn(struct xen_platform_op *op, bool *copyback);

static platform_fn *const ops[] = {
	[XENPF_settime32] = settime32,
	[XENPF_settime64] = settime64,
	[XENPF_add_memtype] = refuse, /* memory types come by page attributes only */
	[XENPF_del_memtype] = refuse,
	[XENPF_read_memtype] = refuse,
	[XENPF_microcode_update] = refuse,
	[XENPF_platform_quirk] = platform_quirk,
	[XENPF_firmware_info] = firmware_info,
	[XENPF_enter_acpi_sleep] = enter_sleep,
	[XENPF_change_freq] = refuse,
	[XENPF_getidletime] = get_idle_time,
	[XENPF_set_processor_pminfo] = set_pminfo,
	[XENPF_get_cpuinfo] = get_cpu_info,
	[XENPF_get_cpu_version] = get_cpu_version,
	[XENPF_cpu_online] = cpu_online,
	[XENPF_cpu_offline] = refuse,
	[XENPF_cpu_hotadd] = refuse,
	[XENPF_mem_hotadd] = refuse,
	[XENPF_core_parking] = core_parking,
	[XENPF_resource_op] = resource_op,
	[XENPF_get_symbol] = get_symbol,
};

long hc_platform_op(const u64 a[6])
{
	struct xen_platform_op op;
	bool copyback = false;
	platform_fn *fn;
	long rc;

	if (!guest_read(&op, a[0]))
		return -XEN_EFAULT;
	if (op.interface_version != XENPF_INTERFACE_VERSION)
		return -XEN_EACCES;
	if (op.cmd >= ARRAY_SIZE(ops))
		return -XEN_ENOSYS;
	fn = ops[array_index(op.cmd, ARRAY_SIZE(ops))];
	if (!fn)
		return -XEN_ENOSYS; /* efi_runtime_call among them */
	rc = fn(&op, &copyback);
	return copyback && !guest_write(a[0], &op) ? -XEN_EFAULT : rc;
}
