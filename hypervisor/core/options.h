/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The boot options as given (logic/options.h); x86/setup.c fills them in. */
#pragma once
#include "logic/options.h"

extern struct options options; /* read-only after boot */
