/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The back ends of the installed daemon; the tests link a table of their own. */
#include "backend.h"

const struct backend_ops *const backends[] = {&backend_xen, NULL};
