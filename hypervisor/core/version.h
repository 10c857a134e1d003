/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "logic/types.h"

/* The image's build id (the linker's .note.gnu.build-id); NULL if it was linked without. */
const void *version_build_id(u32 *size);
