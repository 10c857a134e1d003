/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Static ACPI tables (logic/acpi.c).
 *
 * Argument: tables are built field by field as ACPI 6.4 has them; each parser must find them again,
 * with x2APIC entries and with interrupt overrides. Then every byte is damaged with the checksum made
 * good, on a heap block of exactly the table's length, so that the sanitizers see one byte too many.
 */
#include <stdlib.h>
#include <string.h>
#include "logic/acpi.h"
#include "must.h"
#include "run_suite.h"

static u8 t[1024];
static u32 len;

static void le(u32 at, u64 v, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		t[at + i] = (u8)(v >> 8 * i);
}

static void begin(const char *sig, u32 fixed)
{
	memset(t, 0, sizeof(t));
	memcpy(t, sig, 4);
	len = fixed;
}

/* An entry of type and length byte; returns where it is. */
static u32 entry(u8 type, u8 n)
{
	u32 at = len;

	t[at] = type;
	t[at + 1] = n;
	len += n;
	return at;
}

static void fix_checksum(u8 *p, u32 n, u32 at)
{
	u8 s = 0;

	p[at] = 0;
	for (u32 i = 0; i < n; i++)
		s = (u8)(s + p[i]);
	p[at] = (u8)-s;
}

static void end(void)
{
	le(4, len, 4);
	fix_checksum(t, len, 9);
}

/* ---- RSDP and root tables ---- */

START_TEST(rsdp_old_and_new)
{
	struct acpi_rsdp r;

	memset(t, 0, sizeof(t));
	memcpy(t, "RSD PTR ", 8);
	le(16, 0x7ffe1234, 4);
	fix_checksum(t, 20, 8);
	ck_assert(acpi_rsdp_parse(t, 20, &r));
	ck_assert(r.rsdt == 0x7ffe1234 && r.xsdt == 0);
	ck_assert(!acpi_rsdp_parse(t, 19, &r));

	t[15] = 2;
	le(20, 36, 4);
	le(24, 0x1122334455, 8);
	fix_checksum(t, 20, 8);
	fix_checksum(t, 36, 32);
	ck_assert(acpi_rsdp_parse(t, 36, &r));
	ck_assert(r.xsdt == 0x1122334455);
	ck_assert(acpi_rsdp_parse(t, 20, &r)); /* no more at hand: the old part counts */
	ck_assert(r.rsdt == 0x7ffe1234 && r.xsdt == 0);
	t[30]++; /* the extended sum is wrong: the old pointer still holds */
	ck_assert(acpi_rsdp_parse(t, 36, &r));
	ck_assert(r.xsdt == 0 && r.rsdt == 0x7ffe1234);
	t[3]++;
	ck_assert(!acpi_rsdp_parse(t, 36, &r));
}
END_TEST

START_TEST(root_tables)
{
	begin("XSDT", 36);
	le(36, 0x1000, 8);
	le(44, 0x200000000, 8);
	len = 52;
	end();
	ck_assert(acpi_table_ok(t, len, "XSDT"));
	ck_assert(!acpi_table_ok(t, len - 1, "XSDT"));
	ck_assert(!acpi_table_ok(t, len, "RSDT"));
	ck_assert_uint_eq(acpi_root_count(t), 2);
	ck_assert_uint_eq(acpi_root_entry(t, 1), 0x200000000);
	begin("RSDT", 36);
	le(36, 0x1000, 4);
	le(40, 0xfffff000, 4);
	len = 44;
	end();
	ck_assert_uint_eq(acpi_root_count(t), 2);
	ck_assert_uint_eq(acpi_root_entry(t, 1), 0xfffff000);
	t[40]++;
	ck_assert(!acpi_table_ok(t, len, "RSDT"));
	le(4, 35, 4);
	ck_assert_uint_eq(acpi_table_length(t), 0);
	le(4, 0xffffffff, 4);
	ck_assert_uint_eq(acpi_table_length(t), 0);
}
END_TEST

/* ---- MADT ---- */

static void madt_cpu(u8 acpi_id, u8 apic_id, u32 flags)
{
	u32 at = entry(0, 8);

	t[at + 2] = acpi_id;
	t[at + 3] = apic_id;
	le(at + 4, flags, 4);
}

static void madt_x2apic(u32 acpi_id, u32 apic_id, u32 flags)
{
	u32 at = entry(9, 16);

	le(at + 4, apic_id, 4);
	le(at + 8, flags, 4);
	le(at + 12, acpi_id, 4);
}

static void madt_override(u8 irq, u32 gsi, u16 flags)
{
	u32 at = entry(2, 10);

	t[at + 3] = irq;
	le(at + 4, gsi, 4);
	le(at + 8, flags, 2);
}

static void make_madt(void)
{
	u32 at;

	begin("APIC", 44);
	le(36, 0xfee00000, 4);
	le(40, 1, 4);
	madt_cpu(0, 0, 1);
	madt_cpu(1, 2, 1);
	madt_cpu(2, 4, 0);      /* not enabled */
	madt_cpu(3, 0xff, 1);   /* no such APIC */
	madt_x2apic(1, 2, 1);   /* the same CPU again */
	madt_x2apic(300, 0x1234, 1);
	madt_x2apic(301, ~0u, 1);
	at = entry(1, 12);
	t[at + 2] = 5;
	le(at + 4, 0xfec00000, 4);
	le(at + 8, 24, 4);
	madt_override(0, 2, 0);
	madt_override(9, 9, 0xf); /* active low, level */
	madt_override(77, 9, 0);  /* no ISA line */
	at = entry(4, 6);
	t[at + 2] = 0xff;
	t[at + 5] = 1;
	at = entry(5, 12);
	le(at + 4, 0x1fee00000, 8);
	at = entry(10, 12);
	le(at + 2, 5, 2);
	le(at + 4, 300, 4);
	entry(200, 7); /* unknown: skipped */
	end();
}

static struct acpi_madt madt;

START_TEST(madt_entries)
{
	make_madt();
	ck_assert(acpi_madt_parse(t, &madt));
	ck_assert_uint_eq(madt.lapic_address, 0x1fee00000);
	ck_assert(madt.has_pic);
	ck_assert_uint_eq(madt.nr_cpus, 3);
	ck_assert(madt.cpus[1].apic_id == 2 && madt.cpus[1].acpi_id == 1);
	ck_assert(madt.cpus[2].apic_id == 0x1234 && madt.cpus[2].acpi_id == 300);
	ck_assert_uint_eq(madt.nr_ioapics, 1);
	ck_assert(madt.ioapics[0].id == 5 && madt.ioapics[0].address == 0xfec00000 &&
	          madt.ioapics[0].gsi_base == 24);
	ck_assert_uint_eq(madt.nr_overrides, 2);
	ck_assert(madt.overrides[0].isa_irq == 0 && madt.overrides[0].gsi == 2 &&
	          !madt.overrides[0].level && !madt.overrides[0].active_low);
	ck_assert(madt.overrides[1].level && madt.overrides[1].active_low);
	ck_assert_uint_eq(madt.nr_nmis, 2);
	ck_assert(madt.nmis[0].acpi_id == ~0u && madt.nmis[0].lint == 1);
	ck_assert(madt.nmis[1].acpi_id == 300 && madt.nmis[1].lint == 0);
}
END_TEST

START_TEST(more_cpus_than_fit)
{
	static u8 big[44 + 300 * 16];

	make_madt();
	memcpy(big, t, 44);
	for (u32 i = 0; i < 300; i++) {
		u8 *e = big + 44 + i * 16;

		e[0] = 9;
		e[1] = 16;
		e[4] = (u8)i;
		e[5] = (u8)(i >> 8);
		e[8] = 1;
	}
	for (u32 i = 0; i < 4; i++)
		big[4 + i] = (u8)(sizeof(big) >> 8 * i);
	ck_assert(acpi_madt_parse(big, &madt));
	ck_assert_uint_eq(madt.nr_cpus, ACPI_MAX_CPUS);
	ck_assert_uint_eq(madt.cpus_dropped, 300 - ACPI_MAX_CPUS);
}
END_TEST

START_TEST(entries_without_length_do_not_hang)
{
	make_madt();
	t[44 + 1] = 0;
	end();
	ck_assert(!acpi_madt_parse(t, &madt));
	make_madt();
	t[44 + 1] = 255;
	end();
	ck_assert(!acpi_madt_parse(t, &madt));
}
END_TEST

/* ---- the others ---- */

static void make_mcfg(void)
{
	begin("MCFG", 44 + 32);
	le(44, 0xb0000000, 8);
	t[44 + 11] = 255;
	le(60, 0xb0000000, 8);
	t[60 + 10] = 9; /* ends before it begins */
	t[60 + 11] = 8;
	end();
}

static void make_fadt(u32 bytes)
{
	begin("FACP", bytes);
	t[8] = 3;
	le(36, 0x7ffe0000, 4);
	le(46, 9, 2);
	le(48, 0xb2, 4);
	t[52] = 2;
	le(56, 0x600, 4);
	le(64, 0x604, 4);
	le(76, 0x608, 4);
	t[88] = 4;
	t[89] = 2;
	le(109, 2, 2);
	le(112, 1 << 10 | 1 << 8, 4);
	if (bytes >= 244) {
		t[116] = 1;
		t[117] = 8;
		le(120, 0xcf9, 8);
		t[128] = 0xf;
		t[172] = 1;
		t[173] = 16;
		le(176, 0x1604, 8);
	}
	end();
}

static void make_hpet(u64 address)
{
	begin("HPET", 56);
	le(44, address, 8);
	end();
}

static void make_srat(void)
{
	u32 at;

	begin("SRAT", 48);
	at = entry(0, 16);
	t[at + 2] = 1;
	t[at + 3] = 7;
	le(at + 4, 1, 4);
	at = entry(1, 40);
	le(at + 2, 1, 4);
	le(at + 8, 0x100000000, 8);
	le(at + 16, 0x40000000, 8);
	le(at + 28, 1, 4);
	at = entry(2, 24);
	le(at + 4, 2, 4);
	le(at + 8, 0x1234, 4);
	le(at + 12, 1, 4);
	at = entry(1, 40); /* wraps */
	le(at + 8, ~0ULL - 5, 8);
	le(at + 16, 100, 8);
	le(at + 28, 1, 4);
	end();
}

static void make_dmar(void)
{
	begin("DMAR", 48 + 16 + 8);
	le(50, 16, 2);
	le(56, 0xfed90000, 8);
	le(64, 1, 2);
	le(66, 8, 2);
	end();
}

START_TEST(small_tables)
{
	struct acpi_mcfg m;
	struct acpi_hpet h;
	struct acpi_srat s;
	struct acpi_dmar d;

	make_mcfg();
	ck_assert(acpi_mcfg_parse(t, &m));
	ck_assert(m.n == 1 && m.e[0].address == 0xb0000000 && m.e[0].end_bus == 255);
	make_hpet(0xfed00000);
	ck_assert(acpi_hpet_parse(t, &h) && h.present && h.address == 0xfed00000);
	make_hpet(0);
	ck_assert(!acpi_hpet_parse(t, &h) && !h.present);
	make_srat();
	ck_assert(acpi_srat_parse(t, &s));
	ck_assert(s.nr_cpus == 2 && s.cpus[0].apic_id == 7 && s.cpus[0].domain == 1);
	ck_assert(s.cpus[1].apic_id == 0x1234 && s.cpus[1].domain == 2);
	ck_assert(s.nr_memory == 1 && s.memory[0].end == 0x140000000 && s.memory[0].domain == 1);
	make_dmar();
	ck_assert(acpi_dmar_parse(t, &d));
	ck_assert(d.n == 1 && d.base[0] == 0xfed90000);
}
END_TEST

START_TEST(fadt_old_and_new)
{
	struct acpi_fadt f;

	make_fadt(116);
	ck_assert(acpi_fadt_parse(t, &f));
	ck_assert(f.present && f.pm_timer_port == 0x608 && f.pm_timer_32 && f.sci_irq == 9);
	ck_assert(f.pm1a_cnt.space == 1 && f.pm1a_cnt.address == 0x604 && f.pm1a_cnt.bits == 16);
	ck_assert(!f.pm1b_cnt.address && !f.reset_supported && !f.no_8042);
	make_fadt(244);
	ck_assert(acpi_fadt_parse(t, &f));
	ck_assert(f.pm1a_cnt.address == 0x1604);
	ck_assert(f.reset_supported && f.reset.space == 1 && f.reset.address == 0xcf9 &&
	          f.reset_value == 0xf);
	begin("FACP", 100);
	end();
	ck_assert(!acpi_fadt_parse(t, &f) && !f.present);
}
END_TEST

/* Every parser on every damaged byte of the table in t. */
static void damage_all(void)
{
	static const u8 values[] = {0, 1, 2, 0x7f, 0x80, 0xff};

	for (u32 at = 0; at < len; at++)
		for (size_t i = 0; i < sizeof(values); i++) {
			u8 *p = malloc(len);
			struct acpi_mcfg m;
			struct acpi_fadt f;
			struct acpi_hpet h;
			struct acpi_srat s;
			struct acpi_dmar d;

			MUST(p != NULL);
			memcpy(p, t, len);
			p[at] = values[i];
			fix_checksum(p, len, 9);
			if (acpi_table_ok(p, len, (const char *)p)) {
				acpi_madt_parse(p, &madt);
				acpi_mcfg_parse(p, &m);
				acpi_fadt_parse(p, &f);
				acpi_hpet_parse(p, &h);
				acpi_srat_parse(p, &s);
				acpi_dmar_parse(p, &d);
				for (u32 k = 0; k < acpi_root_count(p); k++)
					acpi_root_entry(p, k);
				MUST(madt.nr_cpus <= ACPI_MAX_CPUS);
				MUST(s.nr_cpus <= ACPI_MAX_CPUS && s.nr_memory <= ACPI_MAX_NODES);
			}
			free(p);
		}
}

START_TEST(damage_is_survived)
{
	make_madt();
	damage_all();
	make_mcfg();
	damage_all();
	make_fadt(116);
	damage_all();
	make_fadt(244);
	damage_all();
	make_hpet(0xfed00000);
	damage_all();
	make_srat();
	damage_all();
	make_dmar();
	damage_all();
	begin("RSDT", 36 + 8);
	end();
	damage_all();
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("acpi");

	tcase_add_test(c, rsdp_old_and_new);
	tcase_add_test(c, root_tables);
	tcase_add_test(c, madt_entries);
	tcase_add_test(c, more_cpus_than_fit);
	tcase_add_test(c, entries_without_length_do_not_hang);
	tcase_add_test(c, small_tables);
	tcase_add_test(c, fadt_old_and_new);
	tcase_add_test(c, damage_is_survived);
	return run_case("acpi", c);
}
