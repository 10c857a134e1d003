/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Static ACPI tables, as bytes. PURE: the glue maps them. Nothing in them is trusted: every length
 * is checked against the bytes at hand. Source: ACPI 6.4, chapter 5. */
#pragma once
#include "logic/types.h"

#define ACPI_MAX_CPUS      256
#define ACPI_MAX_IOAPICS   16
#define ACPI_MAX_OVERRIDES 16
#define ACPI_MAX_NMIS      64
#define ACPI_MAX_MCFG      16
#define ACPI_MAX_NODES     64

struct acpi_rsdp {
	u64 rsdt, xsdt; /* machine addresses, 0 = none */
};
/* @p: at least 20 bytes; @n: bytes readable. False unless signature and checksums are right. */
bool acpi_rsdp_parse(const u8 *p, size_t n, struct acpi_rsdp *out);

#define ACPI_HEADER_BYTES 36
/* Length of the table whose header is @p (36 bytes at least), 0 if absurd. */
u32 acpi_table_length(const u8 *p);
/* Is @p a whole table of signature @sig (4 characters) with a right checksum, in @n bytes? */
bool acpi_table_ok(const u8 *p, size_t n, const char *sig);
/* Number of pointers in an RSDT ("RSDT") or XSDT, and the @i-th one. */
u32 acpi_root_count(const u8 *p);
u64 acpi_root_entry(const u8 *p, u32 i);

struct acpi_cpu {
	u32 apic_id, acpi_id;
};

struct acpi_ioapic {
	u32 id, address, gsi_base;
};

struct acpi_override {
	u8 isa_irq;
	u32 gsi;
	bool active_low, level; /* "conforms to the bus" is resolved: ISA is edge, active high */
};

struct acpi_nmi {
	u32 acpi_id; /* ~0 = all */
	u8 lint;
	bool active_low, level;
};

struct acpi_madt {
	u64 lapic_address;
	bool has_pic;
	u32 nr_cpus, nr_ioapics, nr_overrides, nr_nmis;
	u32 cpus_dropped; /* enabled ones beyond ACPI_MAX_CPUS */
	struct acpi_cpu cpus[ACPI_MAX_CPUS];
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	struct acpi_override overrides[ACPI_MAX_OVERRIDES];
	struct acpi_nmi nmis[ACPI_MAX_NMIS];
};
/* The table functions want a table that acpi_table_ok() accepted; false = it makes no sense. */
bool acpi_madt_parse(const u8 *p, struct acpi_madt *out);

struct acpi_mcfg {
	u32 n;
	struct {
		u64 address;
		u16 segment;
		u8 start_bus, end_bus;
	} e[ACPI_MAX_MCFG];
};
bool acpi_mcfg_parse(const u8 *p, struct acpi_mcfg *out);

/* A register in port or memory space. */
struct acpi_register {
	u8 space; /* 0 = memory, 1 = ports, 2 = PCI configuration */
	u8 bits;
	u64 address; /* 0 = absent */
};

struct acpi_fadt {
	bool present;
	u32 pm_timer_port;  /* 0 = none */
	bool pm_timer_32;
	u16 sci_irq;
	u32 smi_cmd;
	u8 acpi_enable;
	bool reset_supported;
	struct acpi_register reset;
	u8 reset_value;
	struct acpi_register pm1a_cnt, pm1b_cnt, pm1a_evt, pm1b_evt;
	u64 facs;
	bool no_vga, no_8042;
};
bool acpi_fadt_parse(const u8 *p, struct acpi_fadt *out);

struct acpi_hpet {
	bool present;
	u64 address;
};
bool acpi_hpet_parse(const u8 *p, struct acpi_hpet *out);

struct acpi_srat {
	u32 nr_cpus, nr_memory;
	struct {
		u32 apic_id, domain;
	} cpus[ACPI_MAX_CPUS];
	struct {
		u64 start, end;
		u32 domain;
	} memory[ACPI_MAX_NODES];
};
bool acpi_srat_parse(const u8 *p, struct acpi_srat *out);

struct acpi_dmar {
	u32 n; /* register blocks of IOMMUs */
	u64 base[16];
};
bool acpi_dmar_parse(const u8 *p, struct acpi_dmar *out);
