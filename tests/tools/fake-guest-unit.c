/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keel-guest-unit, on the tests' own host. */
#include "tui/unit/guest-unit.h"

int main(int argc, char **argv)
{
	return keel_guest_unit_main(argc, argv);
}
