/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/acpi.h"
#include <string.h>

#define TABLE_MAX (16u << 20)

static u16 get16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}

static u32 get32(const u8 *p)
{
	return get16(p) | (u32)get16(p + 2) << 16;
}

static u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

static u8 sum(const u8 *p, size_t n)
{
	u8 s = 0;

	while (n--)
		s = (u8)(s + *p++);
	return s;
}

bool acpi_rsdp_parse(const u8 *p, size_t n, struct acpi_rsdp *out)
{
	u32 len;

	if (n < 20 || memcmp(p, "RSD PTR ", 8) != 0 || sum(p, 20) != 0)
		return false;
	*out = (struct acpi_rsdp){.rsdt = get32(p + 16)};
	if (p[15] < 2 || n < 36)
		return out->rsdt != 0;
	len = get32(p + 20);
	if (len >= 36 && len <= n && sum(p, len) == 0)
		out->xsdt = get64(p + 24);
	return out->rsdt || out->xsdt;
}

u32 acpi_table_length(const u8 *p)
{
	u32 len = get32(p + 4);

	return len >= ACPI_HEADER_BYTES && len <= TABLE_MAX ? len : 0;
}

bool acpi_table_ok(const u8 *p, size_t n, const char *sig)
{
	u32 len;

	if (n < ACPI_HEADER_BYTES || memcmp(p, sig, 4) != 0)
		return false;
	len = acpi_table_length(p);
	return len && len <= n && sum(p, len) == 0;
}

static u32 root_entry_size(const u8 *p)
{
	return p[0] == 'X' ? 8 : 4;
}

u32 acpi_root_count(const u8 *p)
{
	return (acpi_table_length(p) - ACPI_HEADER_BYTES) / root_entry_size(p);
}

u64 acpi_root_entry(const u8 *p, u32 i)
{
	u32 size = root_entry_size(p);
	const u8 *e = p + ACPI_HEADER_BYTES + (size_t)i * size;

	return size == 8 ? get64(e) : get32(e);
}

/* ---- MADT ---- */

static void madt_add_cpu(struct acpi_madt *m, u32 apic_id, u32 acpi_id, u32 flags)
{
	if (!(flags & 1)) /* not enabled; "online capable" needs firmware's help */
		return;
	for (u32 i = 0; i < m->nr_cpus; i++)
		if (m->cpus[i].apic_id == apic_id)
			return;
	if (m->nr_cpus >= ACPI_MAX_CPUS) {
		m->cpus_dropped++;
		return;
	}
	m->cpus[m->nr_cpus++] = (struct acpi_cpu){apic_id, acpi_id};
}

/* Polarity in bits 0-1, trigger in bits 2-3; 0 = as the bus has it. */
static bool inti_active_low(u16 flags)
{
	return (flags & 3) == 3;
}

static bool inti_level(u16 flags)
{
	return (flags >> 2 & 3) == 3;
}

static void madt_add_override(struct acpi_madt *m, const u8 *e)
{
	u16 flags = get16(e + 8);

	if (e[2] != 0 || e[3] > 15 || m->nr_overrides >= ACPI_MAX_OVERRIDES)
		return;
	m->overrides[m->nr_overrides++] =
	        (struct acpi_override){e[3], get32(e + 4), inti_active_low(flags), inti_level(flags)};
}

static void madt_add_nmi(struct acpi_madt *m, u32 acpi_id, u16 flags, u8 lint)
{
	if (m->nr_nmis < ACPI_MAX_NMIS && lint < 2)
		m->nmis[m->nr_nmis++] = (struct acpi_nmi){acpi_id, lint, inti_active_low(flags),
		                                          inti_level(flags)};
}

/* One entry of @len bytes (its own length field, already checked against the table). */
static void madt_entry(struct acpi_madt *m, const u8 *e, u32 len)
{
	switch (e[0]) {
	case 0: /* local APIC */
		if (len >= 8 && e[3] != 0xff)
			madt_add_cpu(m, e[3], e[2], get32(e + 4));
		break;
	case 1: /* I/O APIC */
		if (len >= 12 && m->nr_ioapics < ACPI_MAX_IOAPICS)
			m->ioapics[m->nr_ioapics++] =
			        (struct acpi_ioapic){e[2], get32(e + 4), get32(e + 8)};
		break;
	case 2: /* interrupt source override */
		if (len >= 10)
			madt_add_override(m, e);
		break;
	case 4: /* local APIC NMI */
		if (len >= 6)
			madt_add_nmi(m, e[2] == 0xff ? ~0u : e[2], get16(e + 3), e[5]);
		break;
	case 5: /* local APIC address override */
		if (len >= 12)
			m->lapic_address = get64(e + 4);
		break;
	case 9: /* local x2APIC */
		if (len >= 16 && get32(e + 4) != 0xffffffff)
			madt_add_cpu(m, get32(e + 4), get32(e + 12), get32(e + 8));
		break;
	case 10: /* local x2APIC NMI */
		if (len >= 9)
			madt_add_nmi(m, get32(e + 4), get16(e + 2), e[8]);
		break;
	}
}

bool acpi_madt_parse(const u8 *p, struct acpi_madt *out)
{
	u32 len = acpi_table_length(p);

	if (len < 44)
		return false;
	memset(out, 0, sizeof(*out));
	out->lapic_address = get32(p + 36);
	out->has_pic = get32(p + 40) & 1;
	for (u32 at = 44; at + 2 <= len;) {
		u32 n = p[at + 1];

		if (n < 2 || n > len - at)
			return false;
		madt_entry(out, p + at, n);
		at += n;
	}
	return true;
}

/* ---- the others ---- */

bool acpi_mcfg_parse(const u8 *p, struct acpi_mcfg *out)
{
	u32 len = acpi_table_length(p);

	memset(out, 0, sizeof(*out));
	for (u32 at = 44; at + 16 <= len && out->n < ACPI_MAX_MCFG; at += 16) {
		const u8 *e = p + at;

		if (e[10] > e[11] || (get64(e) & (PAGE_SIZE - 1)))
			continue;
		out->e[out->n].address = get64(e);
		out->e[out->n].segment = get16(e + 8);
		out->e[out->n].start_bus = e[10];
		out->e[out->n].end_bus = e[11];
		out->n++;
	}
	return out->n != 0;
}

static struct acpi_register generic_address(const u8 *e)
{
	return (struct acpi_register){.space = e[0], .bits = e[1], .address = get64(e + 4)};
}

/* The extended register if the table has one, else the old port number. */
static struct acpi_register fadt_register(const u8 *p, u32 len, u32 old, u32 ext, u8 bits)
{
	struct acpi_register r = {.space = 1, .bits = bits, .address = get32(p + old)};

	if (ext + 12 <= len && get64(p + ext + 4))
		r = generic_address(p + ext);
	return r;
}

bool acpi_fadt_parse(const u8 *p, struct acpi_fadt *out)
{
	u32 len = acpi_table_length(p);
	u32 flags;
	struct acpi_register timer;

	memset(out, 0, sizeof(*out));
	if (len < 116)
		return false;
	flags = get32(p + 112);
	out->present = true;
	out->facs = get32(p + 36);
	if (len >= 140 && get64(p + 132))
		out->facs = get64(p + 132);
	out->sci_irq = get16(p + 46);
	out->smi_cmd = get32(p + 48);
	out->acpi_enable = p[52];
	out->pm1a_evt = fadt_register(p, len, 56, 148, (u8)(p[88] * 8));
	out->pm1b_evt = fadt_register(p, len, 60, 160, (u8)(p[88] * 8));
	out->pm1a_cnt = fadt_register(p, len, 64, 172, (u8)(p[89] * 8));
	out->pm1b_cnt = fadt_register(p, len, 68, 184, (u8)(p[89] * 8));
	timer = fadt_register(p, len, 76, 208, 32);
	if (timer.space == 1 && timer.address && timer.address < 0x10000)
		out->pm_timer_port = (u32)timer.address;
	out->pm_timer_32 = flags & BIT(8);
	if (len >= 129 && (flags & BIT(10))) {
		out->reset = generic_address(p + 116);
		out->reset_value = p[128];
		out->reset_supported = out->reset.address != 0;
	}
	out->no_8042 = p[8] >= 2 && !(get16(p + 109) & 2);
	out->no_vga = get16(p + 109) & 4;
	return true;
}

bool acpi_hpet_parse(const u8 *p, struct acpi_hpet *out)
{
	struct acpi_register r;

	memset(out, 0, sizeof(*out));
	if (acpi_table_length(p) < 56)
		return false;
	r = generic_address(p + 40);
	if (r.space != 0 || !r.address || (r.address & 7))
		return false;
	out->present = true;
	out->address = r.address;
	return true;
}

static void srat_cpu(struct acpi_srat *s, u32 apic_id, u32 domain, u32 flags)
{
	if (!(flags & 1) || s->nr_cpus >= ACPI_MAX_CPUS)
		return;
	s->cpus[s->nr_cpus].apic_id = apic_id;
	s->cpus[s->nr_cpus].domain = domain;
	s->nr_cpus++;
}

static void srat_memory(struct acpi_srat *s, const u8 *e)
{
	u64 base = get64(e + 8), size = get64(e + 16);

	if (!(get32(e + 28) & 1) || !size || base + size < base || s->nr_memory >= ACPI_MAX_NODES)
		return;
	s->memory[s->nr_memory].start = base;
	s->memory[s->nr_memory].end = base + size;
	s->memory[s->nr_memory].domain = get32(e + 2);
	s->nr_memory++;
}

bool acpi_srat_parse(const u8 *p, struct acpi_srat *out)
{
	u32 len = acpi_table_length(p);

	memset(out, 0, sizeof(*out));
	for (u32 at = 48; at + 2 <= len;) {
		const u8 *e = p + at;
		u32 n = e[1];

		if (n < 2 || n > len - at)
			return false;
		if (e[0] == 0 && n >= 16)
			srat_cpu(out, e[3],
			         e[2] | (u32)e[9] << 8 | (u32)e[10] << 16 | (u32)e[11] << 24,
			         get32(e + 4));
		else if (e[0] == 1 && n >= 40)
			srat_memory(out, e);
		else if (e[0] == 2 && n >= 24)
			srat_cpu(out, get32(e + 8), get32(e + 4), get32(e + 12));
		at += n;
	}
	return true;
}

bool acpi_dmar_parse(const u8 *p, struct acpi_dmar *out)
{
	u32 len = acpi_table_length(p);

	memset(out, 0, sizeof(*out));
	for (u32 at = 48; at + 4 <= len;) {
		u32 type = get16(p + at), n = get16(p + at + 2);

		if (n < 4 || n > len - at)
			return false;
		if (type == 0 && n >= 16 && out->n < ARRAY_SIZE(out->base))
			out->base[out->n++] = get64(p + at + 8);
		at += n;
	}
	return true;
}
