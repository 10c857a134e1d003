/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/grant.h"

/* A guest that changes its entry this often during one claim is playing. */
#define CLAIM_TRIES 8

/* flags and domid are claimed as one word, so that neither can change under the other. */
static u32 *claim_word(struct grant_entry_v1 *entry)
{
	_Static_assert(offsetof(struct grant_entry_v1, flags) == 0, "flags come first");
	_Static_assert(offsetof(struct grant_entry_v1, domid) == 2, "then domid");
	return __builtin_assume_aligned((void *)entry, 4);
}

static s16 check_word(u32 word, domid_t domid, bool write)
{
	u16 flags = (u16)word;

	if ((flags & GTF_type_mask) != GTF_permit_access || (u16)(word >> 16) != domid)
		return GNTST_general_error;
	if (flags & (GTF_PWT | GTF_PCD | GTF_PAT | GTF_sub_page))
		return GNTST_general_error;
	if (write && (flags & GTF_readonly))
		return GNTST_general_error;
	return GNTST_okay;
}

s16 grant_claim(struct grant_entry_v1 *entry, const struct grant_active *active, domid_t domid,
                bool write, u64 *frame)
{
	u32 *word = claim_word(entry);
	u32 want = GTF_reading | (write ? GTF_writing : 0);
	u32 old = __atomic_load_n(word, __ATOMIC_RELAXED);

	if (active->readers + active->writers >= GRANT_MAX_USES)
		return GNTST_general_error;
	if (grant_in_use(active) && active->domid != domid)
		return GNTST_general_error;

	for (int tries = 0; tries < CLAIM_TRIES; tries++) {
		s16 status = check_word(old, domid, write);

		if (status != GNTST_okay)
			return status;
		if (__atomic_compare_exchange_n(word, &old, old | want, false, __ATOMIC_SEQ_CST,
		                                __ATOMIC_RELAXED)) {
			*frame = grant_in_use(active)
			                 ? active->frame
			                 : __atomic_load_n(&entry->frame, __ATOMIC_RELAXED);
			return GNTST_okay;
		}
	}
	return GNTST_eagain;
}

void grant_count(struct grant_active *active, domid_t domid, bool write, u64 frame)
{
	if (!grant_in_use(active)) {
		active->domid = domid;
		active->frame = frame;
	}
	if (write)
		active->writers++;
	else
		active->readers++;
}

void grant_unclaim(struct grant_entry_v1 *entry, const struct grant_active *active)
{
	u16 clear = 0;

	if (active->writers == 0)
		clear |= GTF_writing;
	if (!grant_in_use(active))
		clear |= GTF_reading;
	if (clear)
		__atomic_fetch_and(&entry->flags, (u16)~clear, __ATOMIC_SEQ_CST);
}

void grant_uncount(struct grant_entry_v1 *entry, struct grant_active *active, bool write)
{
	if (write)
		active->writers--;
	else
		active->readers--;
	grant_unclaim(entry, active);
}

bool grant_copy_fits(const struct gnttab_copy *op)
{
	return (u32)op->source.offset + op->len <= PAGE_SIZE &&
	       (u32)op->dest.offset + op->len <= PAGE_SIZE;
}
