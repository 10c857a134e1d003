/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds the firmware's static tables and keeps what logic/acpi.c reads from them. */
#include "core/log.h"
#include "core/options.h"
#include "x86/boot.h"
#include "x86/x86.h"
#include <string.h>

struct acpi_fadt acpi_fadt;
struct acpi_madt acpi_madt;
struct acpi_mcfg acpi_mcfg;
struct acpi_hpet acpi_hpet;
struct acpi_srat acpi_srat;
static struct acpi_dmar dmar;
static maddr_t rsdp_address;

maddr_t boot_rsdp(void)
{
	return rsdp_address;
}

maddr_t boot_efi_system_table(void)
{
	return boot_info.efi_system_table;
}

/* Where the RSDP is in the BIOS areas, or 0. */
static maddr_t scan_bios_area(maddr_t start, u32 bytes)
{
	u8 *p = ioremap(start, bytes, MAP_WB);
	maddr_t found = 0;

	for (u32 i = 0; p && !found && i + 36 <= bytes; i += 16) {
		struct acpi_rsdp r;

		if (acpi_rsdp_parse(p + i, 36, &r))
			found = start + i;
	}
	if (p)
		iounmap(p, bytes);
	return found;
}

static maddr_t find_bios_rsdp(void)
{
	u16 *bda = ioremap(0x40e, 2, MAP_WB);
	maddr_t ebda = 0, found = 0;

	if (bda) {
		ebda = (maddr_t)*bda << 4;
		iounmap(bda, 2);
	}
	if (ebda >= 0x400 && ebda < 0xa0000)
		found = scan_bios_area(ebda, 1024);
	return found ? found : scan_bios_area(0xe0000, 0x20000);
}

/* The EFI system table's configuration tables (UEFI 2.9, sections 4.3 and 4.6). */
static maddr_t find_efi_rsdp(void)
{
	static const u8 acpi20[16] = {0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
	                              0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81};
	struct {
		u8 guid[16];
		u64 table;
	} *conf;
	const u8 *st;
	u64 n, addr;
	maddr_t found = 0;

	st = boot_info.efi_system_table ? ioremap(boot_info.efi_system_table, 120, MAP_WB) : NULL;
	if (!st)
		return 0;
	memcpy(&n, st + 104, 8);
	memcpy(&addr, st + 112, 8);
	iounmap((void *)st, 120);
	conf = n && n < 1000 ? ioremap(addr, n * sizeof(*conf), MAP_WB) : NULL;
	for (u64 i = 0; conf && i < n; i++)
		if (memcmp(conf[i].guid, acpi20, 16) == 0)
			found = conf[i].table;
	if (conf)
		iounmap(conf, n * sizeof(*conf));
	return found;
}

/* Maps a whole table; *size gets what to unmap. NULL if it is not a good one of signature @sig
 * (NULL = any). */
static u8 *map_table(maddr_t addr, const char *sig, u32 *size)
{
	u8 *p = addr ? ioremap(addr, ACPI_HEADER_BYTES, MAP_WB) : NULL;
	u32 len;

	if (!p)
		return NULL;
	len = !sig || memcmp(p, sig, 4) == 0 ? acpi_table_length(p) : 0;
	iounmap(p, ACPI_HEADER_BYTES);
	if (!len)
		return NULL;
	p = ioremap(addr, len, MAP_WB);
	if (p && sig && !acpi_table_ok(p, len, sig)) {
		log_warn("ACPI: table %s is damaged\n", sig);
		iounmap(p, len);
		return NULL;
	}
	*size = len;
	return p;
}

static void take_table(maddr_t addr)
{
	static const char *const sigs[] = {"APIC", "FACP", "MCFG", "HPET", "SRAT", "DMAR"};
	u8 *p = NULL;
	u32 i, size = 0;
	bool ok = true;

	for (i = 0; !p && i < ARRAY_SIZE(sigs); i++)
		p = map_table(addr, sigs[i], &size);
	if (!p)
		return;
	switch (i - 1) {
	case 0:
		ok = acpi_madt_parse(p, &acpi_madt);
		break;
	case 1:
		ok = acpi_fadt_parse(p, &acpi_fadt);
		break;
	case 2:
		ok = acpi_mcfg_parse(p, &acpi_mcfg);
		break;
	case 3:
		ok = acpi_hpet_parse(p, &acpi_hpet);
		break;
	case 4:
		ok = acpi_srat_parse(p, &acpi_srat);
		break;
	case 5:
		ok = acpi_dmar_parse(p, &dmar);
		break;
	}
	if (!ok)
		log_warn("ACPI: table %s makes no sense\n", sigs[i - 1]);
	iounmap(p, size);
}

static bool read_rsdp(struct acpi_rsdp *rsdp)
{
	const u8 *p;
	bool ok = false;

	rsdp_address = boot_info.efi_system_table ? find_efi_rsdp() : find_bios_rsdp();
	p = rsdp_address ? ioremap(rsdp_address, 36, MAP_WB) : NULL;
	if (p) {
		ok = acpi_rsdp_parse(p, 36, rsdp);
		iounmap((void *)p, 36);
	}
	if (!ok)
		ok = acpi_rsdp_parse(boot_info.rsdp, boot_info.rsdp_len, rsdp);
	return ok;
}

void acpi_tables_init(void)
{
	struct acpi_rsdp rsdp;
	u8 *root = NULL;
	u32 size = 0;

	if (!read_rsdp(&rsdp))
		panic("no ACPI tables");
	if (rsdp.xsdt)
		root = map_table(rsdp.xsdt, "XSDT", &size);
	if (!root && rsdp.rsdt)
		root = map_table(rsdp.rsdt, "RSDT", &size);
	if (!root)
		panic("ACPI: no usable root table");
	for (u32 i = 0; i < acpi_root_count(root); i++)
		take_table(acpi_root_entry(root, i));
	iounmap(root, size);
	if (!acpi_madt.nr_cpus || !acpi_madt.nr_ioapics)
		panic("ACPI: no MADT, or no CPU or I/O APIC in it");
	log_info("ACPI: %u CPUs, %u I/O APICs, %u MMCFG ranges%s%s\n", acpi_madt.nr_cpus,
	         acpi_madt.nr_ioapics, acpi_mcfg.n, acpi_hpet.present ? ", HPET" : "",
	         dmar.n ? ", IOMMU (not used)" : "");
	if (acpi_madt.cpus_dropped)
		log_warn("%u CPUs beyond %u are not used\n", acpi_madt.cpus_dropped, ACPI_MAX_CPUS);
}

bool dmar_owns(maddr_t a)
{
	for (u32 i = 0; i < dmar.n; i++)
		if (a >> PAGE_SHIFT == dmar.base[i] >> PAGE_SHIFT)
			return true;
	return false;
}
