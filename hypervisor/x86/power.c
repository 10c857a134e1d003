/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine's end: reboot, power-off, halt. */
#include "core/log.h"
#include "x86/boot.h"
#include "x86/smp.h"
#include "x86/x86.h"

static void quiet(void)
{
	machine_console_flush();
	local_irq_disable();
	smp_stop_others();
}

void machine_halt(void)
{
	for (;;)
		__asm__ volatile("cli\n\thlt" ::: "memory");
}

static void acpi_reset(void)
{
	const struct acpi_register *r = &acpi_fadt.reset;

	if (!acpi_fadt.reset_supported)
		return;
	if (r->space == 1 && r->address <= 0xffff) {
		outb((u16)r->address, acpi_fadt.reset_value);
	} else if (r->space == 0) {
		volatile u8 *p = ioremap(r->address, 1, MAP_UC);

		if (p)
			*p = acpi_fadt.reset_value;
	} else if (r->space == 2) { /* a register of bus 0: device, function, offset */
		u32 bdf = (u32)(r->address >> 32 & 31) << 3 | (u32)(r->address >> 16 & 7);

		outl(0xcf8, 0x80000000u | bdf << 8 | ((u32)r->address & 0xfc));
		outb((u16)(0xcfc + (r->address & 3)), acpi_fadt.reset_value);
	}
}

void machine_reboot(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed none = {0, 0};

	quiet();
	acpi_reset();
	udelay(100000);
	if (!acpi_fadt.no_8042) {
		for (u32 i = 0; i < 10000 && (inb(0x64) & 2); i++)
			udelay(10);
		outb(0x64, 0xfe);
		udelay(100000);
	}
	outb(0xcf9, 2);
	outb(0xcf9, 6);
	udelay(100000);
	/* no way but a triple fault */
	__asm__ volatile("lidt %0\n\tint3" ::"m"(none));
	machine_halt();
}

/* How to sleep is said in AML, which is dom0's: it powers off by XENPF_enter_acpi_sleep. When it did
 * not, this is all that is left. */
void machine_poweroff(void)
{
	printk("The machine may be switched off now.\n");
	quiet();
	machine_halt();
}
