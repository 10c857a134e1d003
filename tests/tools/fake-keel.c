/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keel, on the tests' own host. */
#include "tui/cli/command.h"

int main(int argc, char **argv)
{
	return keel_main(argc, argv);
}
