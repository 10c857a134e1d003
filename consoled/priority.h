/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How this process and its helpers share processors with each other and with other
 * work: short work that somebody waits for goes before bulk work.
 */
#ifndef KEEL_PRIORITY_H
#define KEEL_PRIORITY_H

enum priority {
	PRIORITY_DAEMON, /* moves keystrokes and echoes, and floods in between */
	PRIORITY_SCREEN, /* the last step of an echo: before the daemon's next flood */
	PRIORITY_LOG,	 /* bulk: may wait for anybody */
};

/*
 * For the calling process, and what it executes.  Without the right to raise a
 * priority (CAP_SYS_NICE) the rest of it is set all the same; nothing depends on it.
 */
void priority_set(enum priority p);

#endif
