/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of a version 1 grant entry. PURE: the entry is memory that its guest writes at any time. */
#pragma once
#include "logic/abi.h"

/* The hypervisor's own record of who uses a grant now. Lock: the granter's grant_table.lock.
 * While users > 0 the frame carries one general reference, while writers > 0 one PT_WRITABLE too. */
struct grant_active {
	u32 readers;   /* uses that only read */
	u32 writers;   /* uses that may write */
	u64 frame;     /* MFN fixed when the first use began; valid while users > 0 */
	domid_t domid; /* who uses it; valid while users > 0 */
};

static inline bool grant_in_use(const struct grant_active *a)
{
	return a->readers + a->writers != 0;
}

/* More uses than this of one entry are refused, so that the counts cannot overflow. */
#define GRANT_MAX_USES 0xffffu

/*
 * Asks the entry for one more use by @domid. On success GTF_reading (and GTF_writing) are set in it
 * with one atomic step that also saw the permission, and *frame is the frame to use: the one in use
 * already, else what the entry names. @active is only read; the caller counts with grant_count().
 * GNTST_okay, GNTST_general_error (not granted to @domid, read-only, reserved flags, too many uses:
 * stock answers alike to all), GNTST_eagain (the guest keeps changing the entry).
 */
s16 grant_claim(struct grant_entry_v1 *entry, const struct grant_active *active, domid_t domid,
                bool write, u64 *frame);

void grant_count(struct grant_active *active, domid_t domid, bool write, u64 frame);

/* Ends one use and clears what the entry no longer is. The use must have been counted. */
void grant_uncount(struct grant_entry_v1 *entry, struct grant_active *active, bool write);

/* Clears the flags that a claim set although nothing is counted (the frame could not be had). */
void grant_unclaim(struct grant_entry_v1 *entry, const struct grant_active *active);

/* Offsets and length of a copy within one frame each: true if they fit. */
bool grant_copy_fits(const struct gnttab_copy *op);
