/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FPU state, switched eagerly with XSAVE (FXSAVE where there is none). PV guests get x87, SSE and AVX
 * at most. Source: Intel SDM volume 1, chapter 13. */
#include "core/domain.h"
#include "core/heap.h"
#include "core/log.h"
#include "pv/pv.h"
#include "x86/x86.h"
#include <string.h>

#define FXSAVE_BYTES   512
#define HEADER_BYTES   64
#define FX_FCW         0
#define FX_MXCSR       24
#define FX_MXCSR_MASK  28
#define MXCSR_DEFAULT  0x1f80
#define FCW_DEFAULT    0x037f
#define XCR0_PV        7ULL

struct xsave_header {
	u64 xstate_bv, xcomp_bv, zero[6];
};

static u32 area_size = FXSAVE_BYTES;
static u64 xcr0_max;
static u32 mxcsr_mask = 0xffbf;
static DEFINE_PERCPU(u64, xcr0_now);

u32 fpu_area_size(void)
{
	return area_size;
}

u64 fpu_xcr0_max(void)
{
	return xcr0_max;
}

static void read_mxcsr_mask(void)
{
	static u8 fx[FXSAVE_BYTES] __aligned(16);
	u32 m;

	__asm__ volatile("fxsave64 %0" : "=m"(fx));
	memcpy(&m, fx + FX_MXCSR_MASK, 4);
	if (m)
		mxcsr_mask = m;
}

void fpu_set_xcr0(u64 xcr0)
{
	if (xcr0_max && this_cpu(xcr0_now) != xcr0) {
		xsetbv(0, xcr0);
		this_cpu(xcr0_now) = xcr0;
	}
}

void fpu_init_this(void)
{
	u32 r[4];
	u32 mxcsr = MXCSR_DEFAULT;

	clts();
	if (cpu_features.xsave && !xcr0_max) {
		cpuid(0xd, 0, r);
		xcr0_max = ((u64)r[3] << 32 | r[0]) & XCR0_PV;
	}
	fpu_set_xcr0(xcr0_max);
	if (xcr0_max) {
		cpuid(0xd, 0, r);
		area_size = r[1];
	}
	__asm__ volatile("fninit\n\tldmxcsr %0" ::"m"(mxcsr));
	if (smp_cpu_id() == 0)
		read_mxcsr_mask();
}

static u32 area_order(void)
{
	u32 order = 0;

	while (PAGE_SIZE << order < area_size)
		order++;
	return order;
}

static void reset_area(u8 *area)
{
	u16 fcw = FCW_DEFAULT;
	u32 mxcsr = MXCSR_DEFAULT;

	memset(area, 0, area_size);
	memcpy(area + FX_FCW, &fcw, 2);
	memcpy(area + FX_MXCSR, &mxcsr, 4);
}

int fpu_vcpu_init(struct vcpu *v)
{
	v->fpu = alloc_xen_pages(area_order());
	if (!v->fpu)
		return -XEN_ENOMEM;
	reset_area(v->fpu);
	return 0;
}

void fpu_vcpu_destroy(struct vcpu *v)
{
	if (v->fpu)
		free_xen_pages(v->fpu, area_order());
	v->fpu = NULL;
}

void fpu_save(struct vcpu *v)
{
	u32 lo = (u32)xcr0_max, hi = (u32)(xcr0_max >> 32);

	clts();
	if (!xcr0_max) {
		__asm__ volatile("fxsave64 (%0)" ::"r"(v->fpu) : "memory");
		return;
	}
	/* All the state, whatever part the guest has enabled: it may enable the rest later. */
	fpu_set_xcr0(xcr0_max);
	__asm__ volatile("xsave64 (%0)" ::"r"(v->fpu), "a"(lo), "d"(hi) : "memory");
}

void fpu_restore(struct vcpu *v)
{
	u32 lo = (u32)xcr0_max, hi = (u32)(xcr0_max >> 32);
	u64 guest_xcr0 = v->pv && v->pv->xcr0 ? v->pv->xcr0 : xcr0_max;

	clts();
	if (!xcr0_max) {
		__asm__ volatile("fxrstor64 (%0)" ::"r"(v->fpu) : "memory");
		return;
	}
	fpu_set_xcr0(xcr0_max);
	/* AMD's FXRSTOR/XRSTOR leave the last x87 pointers alone unless an exception is pending:
	 * another guest's would show. */
	if (cpu_features.vendor == VENDOR_AMD) {
		u32 zero = 0;

		__asm__ volatile("fnclex\n\tffree %%st(7)\n\tfildl %0" ::"m"(zero));
	}
	__asm__ volatile("xrstor64 (%0)" ::"r"(v->fpu), "a"(lo), "d"(hi) : "memory");
	fpu_set_xcr0(guest_xcr0 & xcr0_max);
}

static bool mxcsr_ok(const u8 *fx)
{
	u32 v;

	memcpy(&v, fx + FX_MXCSR, 4);
	return !(v & ~mxcsr_mask);
}

int fpu_set_fxsave(struct vcpu *v, const void *fx)
{
	u8 *area = v->fpu;

	if (!mxcsr_ok(fx))
		return -XEN_EINVAL;
	reset_area(area);
	memcpy(area, fx, FXSAVE_BYTES);
	if (xcr0_max) {
		struct xsave_header *h = (void *)(area + FXSAVE_BYTES);

		h->xstate_bv = 3;
	}
	return 0;
}

int fpu_set_xsave(struct vcpu *v, const void *area, u32 size)
{
	struct xsave_header h;

	if (!xcr0_max || size < FXSAVE_BYTES + HEADER_BYTES || size > area_size)
		return -XEN_EINVAL;
	memcpy(&h, (const u8 *)area + FXSAVE_BYTES, sizeof(h));
	if ((h.xstate_bv & ~xcr0_max) || h.xcomp_bv || !mxcsr_ok(area))
		return -XEN_EINVAL;
	for (u32 i = 0; i < ARRAY_SIZE(h.zero); i++)
		if (h.zero[i])
			return -XEN_EINVAL;
	/* What the image is too short for must be in its first state. */
	if ((h.xstate_bv & 4) && size < area_size)
		return -XEN_EINVAL;
	reset_area(v->fpu);
	memcpy(v->fpu, area, size);
	return 0;
}
