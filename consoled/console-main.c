/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keel-console: command line and dispatch.  See keel-console(1). */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"

static const char usage[] =
	"usage: keel-console [options] GUEST[:CONSOLE]\n"
	"       keel-console --list [--json]\n"
	"\n"
	"attach:  --view, --write, --take, --force, --exclusive   role wanted\n"
	"         --escape KEY      escape key (default ^])\n"
	"         --record FILE     record to FILE (asciicast v2)\n"
	"         --raw             unfiltered output (operators)\n"
	"look:    --list, --who, --screen [--json]\n"
	"         --tail[=LINES] [--follow], --grep REGEX [--json]\n"
	"script:  --expect REGEX, --send TEXT (in order, repeatable),\n"
	"         --timeout SECONDS, --history (match earlier output too)\n"
	"replay:  --export FILE, --replay[=FILE], --speed FACTOR\n"
	"do:      --break, --sysrq KEY, --give ID, --kick ID, --log on|off,\n"
	"         --release-ring, --reload, --upgrade\n"
	"other:   --socket PATH, --help, --version\n";

enum {
	O_SOCKET = 256,
	O_VIEW,
	O_WRITE,
	O_TAKE,
	O_FORCE,
	O_EXCLUSIVE,
	O_ESCAPE,
	O_RECORD,
	O_RAW,
	O_NOREPAINT,
	O_LIST,
	O_WHO,
	O_SCREEN,
	O_TAIL,
	O_FOLLOW,
	O_GREP,
	O_EXPECT,
	O_SEND,
	O_TIMEOUT,
	O_HISTORY,
	O_EXPORT,
	O_REPLAY,
	O_SPEED,
	O_BREAK,
	O_SYSRQ,
	O_GIVE,
	O_KICK,
	O_LOG,
	O_RELEASE_RING,
	O_RELOAD,
	O_UPGRADE,
	O_JSON,
	O_HELP,
	O_VERSION,
};

static const struct option longs[] = {
	{"socket", 1, 0, O_SOCKET},
	{"view", 0, 0, O_VIEW},
	{"write", 0, 0, O_WRITE},
	{"take", 0, 0, O_TAKE},
	{"force", 0, 0, O_FORCE},
	{"exclusive", 0, 0, O_EXCLUSIVE},
	{"escape", 1, 0, O_ESCAPE},
	{"record", 1, 0, O_RECORD},
	{"raw", 0, 0, O_RAW},
	{"no-repaint", 0, 0, O_NOREPAINT},
	{"list", 0, 0, O_LIST},
	{"who", 0, 0, O_WHO},
	{"screen", 0, 0, O_SCREEN},
	{"tail", 2, 0, O_TAIL},
	{"follow", 0, 0, O_FOLLOW},
	{"grep", 1, 0, O_GREP},
	{"expect", 1, 0, O_EXPECT},
	{"send", 1, 0, O_SEND},
	{"timeout", 1, 0, O_TIMEOUT},
	{"history", 0, 0, O_HISTORY},
	{"export", 1, 0, O_EXPORT},
	{"replay", 2, 0, O_REPLAY},
	{"speed", 1, 0, O_SPEED},
	{"break", 0, 0, O_BREAK},
	{"sysrq", 1, 0, O_SYSRQ},
	{"give", 1, 0, O_GIVE},
	{"kick", 1, 0, O_KICK},
	{"log", 1, 0, O_LOG},
	{"release-ring", 0, 0, O_RELEASE_RING},
	{"reload", 0, 0, O_RELOAD},
	{"upgrade", 0, 0, O_UPGRADE},
	{"json", 0, 0, O_JSON},
	{"help", 0, 0, O_HELP},
	{"version", 0, 0, O_VERSION},
	{0, 0, 0, 0},
};

/* What is to be done; one of these a call. */
enum action {
	ACT_ATTACH,
	ACT_LIST,
	ACT_WHO,
	ACT_SCREEN,
	ACT_TAIL,
	ACT_GREP,
	ACT_EXPECT,
	ACT_EXPORT,
	ACT_REPLAY,
	ACT_VERB,
	ACT_HELP,
	ACT_VERSION,
};

struct parsed {
	struct options o;
	enum action action;
	bool several; /* two actions at once */
};

int complain(const struct kcon *k, int error)
{
	fprintf(stderr, "keel-console: %s\n", kcon_strerror(k));
	switch (-error - KCON_CLIENT_ERR) {
	case KCON_E_UNKNOWN:
	case KCON_E_AMBIGUOUS:
		return EXIT_UNKNOWN;
	case KCON_E_DENIED:
		return EXIT_DENIED;
	case KCON_E_BUSY:
		return EXIT_BUSY;
	case KCON_E_VERSION:
		return EXIT_VERSION;
	default:
		break;
	}
	return error == -ECONNRESET || error == -ENOENT || error == -ECONNREFUSED
		       ? EXIT_NO_DAEMON
		       : EXIT_FAILED;
}

static bool number(const char *text, double min, double max, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	return end != text && !*end && !errno && *out >= min && *out <= max;
}

static bool id_number(const char *text, uint32_t *out)
{
	double v;

	if (!number(text, 1, 4294967295.0, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static void act(struct parsed *p, enum action a)
{
	p->several |= p->action != ACT_ATTACH && p->action != a;
	p->action = a;
}

static void verb(struct parsed *p, uint8_t op)
{
	act(p, ACT_VERB);
	p->o.verb = op;
}

static bool add_step(struct parsed *p, bool send, const char *text)
{
	act(p, ACT_EXPECT);
	if (p->o.nsteps == STEPS_MAX)
		return false;
	p->o.steps[p->o.nsteps++] = (struct step){send, text};
	return true;
}

static bool option_of_role(struct parsed *p, int c)
{
	static const enum want_role roles[] = {WANT_VIEW, WANT_WRITE, WANT_TAKE,
					       WANT_FORCE, WANT_EXCLUSIVE};

	if (c < O_VIEW || c > O_EXCLUSIVE)
		return false;
	p->o.role = roles[c - O_VIEW];
	return true;
}

/* Options that do something to the console; false: a bad argument. */
static bool option_of_verb(struct parsed *p, int c, const char *arg)
{
	switch (c) {
	case O_BREAK:
		verb(p, KCON_V_BREAK);
		return true;
	case O_SYSRQ:
		verb(p, KCON_V_SYSRQ);
		p->o.verb_arg = (uint8_t)arg[0];
		return strlen(arg) == 1;
	case O_GIVE:
		verb(p, KCON_V_GIVE);
		return id_number(arg, &p->o.verb_id);
	case O_KICK:
		verb(p, KCON_V_KICK);
		return id_number(arg, &p->o.verb_id);
	case O_LOG:
		verb(p, KCON_V_LOG);
		p->o.verb_arg = !strcmp(arg, "on");
		return !strcmp(arg, "on") || !strcmp(arg, "off");
	case O_RELEASE_RING:
		verb(p, KCON_V_RELEASE_RING);
		return true;
	case O_RELOAD:
		verb(p, KCON_V_RELOAD);
		return true;
	default:
		verb(p, KCON_V_UPGRADE);
		return true;
	}
}

static bool option_of_look(struct parsed *p, int c, const char *arg)
{
	double v = 10;

	switch (c) {
	case O_TAIL:
		act(p, ACT_TAIL);
		if (arg && !number(arg, 0, 1e9, &v))
			return false;
		p->o.tail = (long)v;
		return true;
	case O_GREP:
		act(p, ACT_GREP);
		p->o.grep = arg;
		return true;
	case O_EXPECT:
	case O_SEND:
		return add_step(p, c == O_SEND, arg);
	case O_EXPORT:
		act(p, ACT_EXPORT);
		p->o.export = arg;
		return true;
	case O_REPLAY:
		act(p, ACT_REPLAY);
		p->o.replay = arg;
		return true;
	default:
		act(p, c == O_LIST ? ACT_LIST : c == O_WHO ? ACT_WHO : ACT_SCREEN);
		return true;
	}
}

static bool option(struct parsed *p, int c, const char *arg)
{
	if (option_of_role(p, c))
		return true;
	if (c >= O_BREAK && c <= O_UPGRADE)
		return option_of_verb(p, c, arg);
	switch (c) {
	case O_SOCKET:
		p->o.socket = arg;
		return true;
	case O_ESCAPE:
		p->o.prefix = escape_parse(arg);
		return p->o.prefix >= 0;
	case O_RECORD:
		p->o.record = arg;
		return true;
	case O_RAW:
		p->o.raw = true;
		return true;
	case O_NOREPAINT:
		p->o.norepaint = true;
		return true;
	case O_FOLLOW:
		p->o.follow = true;
		return true;
	case O_TIMEOUT:
		return number(arg, 0, 1e6, &p->o.timeout);
	case O_HISTORY:
		p->o.history = true;
		return true;
	case O_SPEED:
		return number(arg, 0, 1e6, &p->o.speed);
	case O_JSON:
		p->o.json = true;
		return true;
	case O_HELP:
		act(p, ACT_HELP);
		return true;
	case O_VERSION:
		act(p, ACT_VERSION);
		return true;
	default:
		return option_of_look(p, c, arg);
	}
}

/* GUEST or GUEST:CONSOLE. */
static bool take_guest(struct options *o, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);

	if (!n || n >= sizeof(o->guest))
		return false;
	memcpy(o->guest, text, n);
	if (!colon)
		return true;
	if (strlen(colon + 1) >= sizeof(o->console) || !colon[1])
		return false;
	strcpy(o->console, colon + 1);
	return true;
}

static bool needs_guest(const struct parsed *p)
{
	switch (p->action) {
	case ACT_LIST:
	case ACT_WHO:
	case ACT_HELP:
	case ACT_VERSION:
		return false;
	case ACT_REPLAY:
		return !p->o.replay;
	case ACT_VERB:
		return p->o.verb != KCON_V_RELOAD && p->o.verb != KCON_V_UPGRADE;
	default:
		return true;
	}
}

static bool parse(int argc, char **argv, struct parsed *p)
{
	int c;

	*p = (struct parsed){
		.o = {.prefix = 0x1d, .speed = 1, .timeout = 30, .tail = -1}};
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h')
			c = O_HELP;
		if (c == '?')
			return false;
		if (!option(p, c, optarg)) {
			fprintf(stderr, "keel-console: bad argument '%s'\n",
				optarg ? optarg : "");
			return false;
		}
	}
	if (p->several) {
		fputs("keel-console: options that exclude each other\n", stderr);
		return false;
	}
	if (optind < argc && !take_guest(&p->o, argv[optind++])) {
		fputs("keel-console: not a guest's name\n", stderr);
		return false;
	}
	if (optind < argc || (needs_guest(p) && !*p->o.guest)) {
		fputs("keel-console: one guest is needed\n", stderr);
		return false;
	}
	return true;
}

static int replay_file(const struct options *o)
{
	FILE *f = fopen(o->replay, "re");
	int status;

	if (!f) {
		fprintf(stderr, "keel-console: %s: %s\n", o->replay, strerror(errno));
		return EXIT_FAILED;
	}
	status = cast_replay(f, o->speed);
	fclose(f);
	return status;
}

static int run(struct kcon **k, const struct parsed *p)
{
	switch (p->action) {
	case ACT_LIST:
		return auto_list(*k, &p->o);
	case ACT_WHO:
		return auto_who(*k, &p->o);
	case ACT_SCREEN:
		return auto_screen(*k, &p->o);
	case ACT_TAIL:
		return auto_tail(*k, &p->o);
	case ACT_GREP:
		return auto_grep(*k, &p->o);
	case ACT_EXPECT:
		return auto_expect(*k, &p->o);
	case ACT_EXPORT:
		return cast_export(*k, &p->o, p->o.export);
	case ACT_REPLAY:
		return cast_replay_history(*k, &p->o);
	case ACT_VERB:
		return auto_verb(*k, &p->o);
	default:
		return attach_run(k, &p->o);
	}
}

int main(int argc, char **argv)
{
	struct parsed p;
	struct kcon *k = NULL;
	int e, status;

	if (!parse(argc, argv, &p)) {
		fputs("keel-console --help tells more.\n", stderr);
		return EXIT_USAGE;
	}
	if (p.action == ACT_HELP) {
		fputs(usage, stdout);
		return EXIT_OK;
	}
	if (p.action == ACT_VERSION) {
		puts("keel-console " PACKAGE_VERSION);
		return EXIT_OK;
	}
	if (p.action == ACT_REPLAY && p.o.replay)
		return replay_file(&p.o);
	e = kcon_open(&k, p.o.socket, "keel-console", ANSWER_MS);
	status = e ? complain(k, e) : run(&k, &p);
	kcon_close(k);
	if (fflush(stdout) != 0 && status == EXIT_OK)
		status = EXIT_FAILED;
	return status;
}
