/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes where an ACPI table should be. The length and the checksum are made good, so that the
 * parsers see the rest; the block is exactly as long as the table says. */
#include <stdlib.h>
#include <string.h>
#include "logic/acpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_good(u8 *p, size_t size)
{
	u8 s = 0;

	for (u32 i = 0; i < 4; i++)
		p[4 + i] = (u8)(size >> 8 * i);
	p[9] = 0;
	for (size_t i = 0; i < size; i++)
		s = (u8)(s + p[i]);
	p[9] = (u8)-s;
}

static void parse_all(const u8 *p)
{
	static struct acpi_madt madt;
	static struct acpi_srat srat;
	struct acpi_mcfg mcfg;
	struct acpi_fadt fadt;
	struct acpi_hpet hpet;
	struct acpi_dmar dmar;

	acpi_madt_parse(p, &madt);
	acpi_mcfg_parse(p, &mcfg);
	acpi_fadt_parse(p, &fadt);
	acpi_hpet_parse(p, &hpet);
	acpi_srat_parse(p, &srat);
	acpi_dmar_parse(p, &dmar);
	if (madt.nr_cpus > ACPI_MAX_CPUS || srat.nr_memory > ACPI_MAX_NODES)
		abort();
	for (u32 i = 0; i < acpi_root_count(p); i++)
		acpi_root_entry(p, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acpi_rsdp rsdp;
	u8 *p;

	acpi_rsdp_parse(data, size, &rsdp);
	if (size < ACPI_HEADER_BYTES)
		return 0;
	p = malloc(size);
	if (!p)
		return 0;
	memcpy(p, data, size);
	make_good(p, size);
	if (acpi_table_ok(p, size, (const char *)p))
		parse_all(p);
	else
		abort();
	free(p);
	return 0;
}
