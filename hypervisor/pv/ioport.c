/* SPDX-License-Identifier: GPL-3.0-or-later */
/* I/O ports of PV guests: who may use which, and PCI configuration through CF8/CFC, which is shared
 * between the hypervisor and dom0 and therefore virtual. */
#include "pv/pv.h"
#include "x86/boot.h"
#include "x86/pci.h"
#include "x86/x86.h"

/* ---- the guest's own protection: virtual IOPL and the bitmap its kernel registered ---- */

static bool iopl_allows(const struct vcpu *v)
{
	return v->pv->iopl >= (v->pv->kernel_mode ? 1U << 12 : 3U << 12);
}

/* Two bytes of the bitmap at @va, as the CPU reads its TSS; the second only if it is needed. */
static bool read_bitmap(u64 va, bool second, u8 b[2])
{
	b[1] = 0xff;
	return copy_from_guest_va(b, va, 1) == 0 &&
	       (!second || copy_from_guest_va(&b[1], va + 1, 1) == 0);
}

/* The bitmap is the guest kernel's, which its user page tables do not map. */
static bool bitmap_allows(struct vcpu *v, u32 port, u32 bytes)
{
	u8 b[2];
	u32 need = (1U << bytes) - 1;
	bool user = !v->pv->kernel_mode, ok;

	if (v->pv->iobitmap == 0 || port + bytes > v->pv->iobitmap_ports)
		return false;
	if (user)
		pv_toggle_mode(v);
	ok = read_bitmap(v->pv->iobitmap + port / 8, port % 8 + bytes > 8, b);
	if (user)
		pv_toggle_mode(v);
	return ok && !(((u32)b[0] | (u32)b[1] << 8) >> (port % 8) & need);
}

bool pv_guest_io_allowed(struct vcpu *v, u32 port, u32 bytes)
{
	return port + bytes <= 0x10000 && (iopl_allows(v) || bitmap_allows(v, port, bytes));
}

/* ---- what the domain may touch of the machine ---- */

/* Dom0's ports are all but these; hyp_owns_port() adds the UART in use. */
static bool hypervisor_port(u32 port)
{
	switch (port) {
	case 0x20:
	case 0x21:
	case 0xa0:
	case 0xa1:          /* PICs */
	case 0x4d0:
	case 0x4d1:         /* their edge/level registers */
	case 0x40 ... 0x43: /* PIT */
		return true;
	default:
		return hyp_owns_port((u16)port);
	}
}

bool pv_ioport_permitted(struct domain *d, u32 first, u32 n)
{
	for (u32 p = first; p < first + n; p++) {
		if (p > 0xffff || hypervisor_port(p))
			return false;
		if (!d->is_control && !bit_test(d->pv->ioport_allowed, p))
			return false;
	}
	return true;
}

/* ---- PCI configuration ---- */

static bool is_cf8(u32 port, u32 bytes)
{
	return port == 0xcf8 && bytes == 4;
}

static bool is_cfc(u32 port)
{
	return (port & ~3U) == 0xcfc;
}

/* Register offset that the latched address and the data port name; AMD's extended bits included. */
static u32 config_reg(u64 cf8, u32 port)
{
	return (cf8 & 0xfc) | (cf8 >> 24 & 0xf) << 8 | (port & 3);
}

/* Accesses that straddle the data port's end, or find no latched address, go nowhere. */
static bool config_access_ok(struct vcpu *v, u32 port, u32 bytes)
{
	return v->domain->is_control && (v->domain->pv->pci_cf8 & BIT(31)) &&
	       (port & 3) + bytes <= 4 && (port & (bytes - 1)) == 0;
}

static u32 config_read(struct vcpu *v, u32 port, u32 bytes)
{
	u64 cf8 = v->domain->pv->pci_cf8;

	if (!config_access_ok(v, port, bytes))
		return ~0U;
	return pci_read(0, (u16)(cf8 >> 8), config_reg(cf8, port), bytes);
}

static void config_write(struct vcpu *v, u32 port, u32 bytes, u32 val)
{
	u64 cf8 = v->domain->pv->pci_cf8;

	if (config_access_ok(v, port, bytes))
		pci_write(0, (u16)(cf8 >> 8), config_reg(cf8, port), bytes, val);
}

/* ---- access ---- */

static u32 real_read(u32 port, u32 bytes)
{
	switch (bytes) {
	case 1: return inb((u16)port);
	case 2: return inw((u16)port);
	default: return inl((u16)port);
	}
}

static void real_write(u32 port, u32 bytes, u32 val)
{
	switch (bytes) {
	case 1: outb((u16)port, (u8)val); break;
	case 2: outw((u16)port, (u16)val); break;
	default: outl((u16)port, val); break;
	}
}

/* A wide access is done as bytes where only part of it is permitted; the rest reads as ones. */
static u32 partial_read(struct vcpu *v, u32 port, u32 bytes)
{
	u32 val = 0;

	for (u32 i = 0; i < bytes; i++) {
		bool ok = pv_ioport_permitted(v->domain, port + i, 1);
		val |= (ok ? real_read(port + i, 1) : 0xffU) << (8 * i);
	}
	return val;
}

/* Value read from @port by the current vCPU (pv_guest_io_allowed() said yes); all ones if it is
 * nobody's. */
u32 pv_io_read(struct vcpu *v, u32 port, u32 bytes)
{
	if (is_cf8(port, bytes))
		return v->domain->is_control ? (u32)v->domain->pv->pci_cf8 : ~0U;
	if (is_cfc(port))
		return config_read(v, port, bytes);
	if (pv_ioport_permitted(v->domain, port, bytes))
		return real_read(port, bytes);
	return partial_read(v, port, bytes);
}

void pv_io_write(struct vcpu *v, u32 port, u32 bytes, u32 val)
{
	if (is_cf8(port, bytes)) {
		if (v->domain->is_control)
			v->domain->pv->pci_cf8 = val;
		return;
	}
	if (is_cfc(port)) {
		config_write(v, port, bytes, val);
		return;
	}
	if (pv_ioport_permitted(v->domain, port, bytes)) {
		real_write(port, bytes, val);
		return;
	}
	for (u32 i = 0; i < bytes; i++)
		if (pv_ioport_permitted(v->domain, port + i, 1))
			real_write(port + i, 1, val >> (8 * i));
}
