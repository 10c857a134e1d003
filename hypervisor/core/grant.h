/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Grant tables, version 1. Entry rules: logic/grant.c. core/grant.c */
#pragma once
#include "core/domain.h"

int grant_domain_init(struct domain *d, u32 max_frames, u32 max_maptrack);
/* Releases the maps this dying domain holds of others; -XEN_ERESTART = call again. */
int grant_domain_release_maps(struct domain *d);
void grant_domain_free(struct domain *d);
/* XENMEM_acquire_resource: MFN of shared grant frame @idx, growing the table. 0 or -errno. */
int grant_frame_mfn(struct domain *d, u32 idx, mfn_t *out);
u32 grant_max_frames(struct domain *d);
void grant_dump(struct domain *d);

/* pv/mm.c: installs or removes one mapping for the current (PV) guest. Flags are GNTMAP_*;
 * @host_addr a virtual address, or with contains_pte the machine address of a PTE.
 * 0 or GNTST_*. @replace_va: new virtual address's PTE to take instead (unmap_and_replace), 0 = none. */
int pv_grant_map(u64 host_addr, mfn_t frame, u32 flags, bool readonly);
int pv_grant_unmap(u64 host_addr, mfn_t frame, u32 flags, u64 replace_va);
