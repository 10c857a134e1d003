/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program keel, with the real host. */
#include "tui/cli/command.h"

int main(int argc, char **argv)
{
	return keel_main(argc, argv);
}
