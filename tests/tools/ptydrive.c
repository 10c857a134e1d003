/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ptydrive: runs a program on a pseudo-terminal and plays a person in front of it.
 *
 *   ptydrive [-n] [-s COLSxROWS] [-t TERM] SCRIPT PROGRAM [ARGUMENT...]
 *
 * -n: the line does not know the size, as a serial line; the terminal does.
 *
 * What the program writes goes through a terminal emulator (libvterm), so the script is
 * about what is on the screen, not about bytes.  A line of the script (from a file, or
 * "-") is one of
 *
 *   expect TEXT      wait until TEXT is somewhere on the screen, in one row
 *   gone TEXT        wait until it is nowhere
 *   row N TEXT       wait until row N (from 0; -1 is the last) has TEXT
 *   cell N M TEXT    wait until TEXT begins in row N, column M
 *   send TEXT        type; \e \r \t \b \\ and \xHH are understood
 *   resize COLSxROWS
 *   wipe             forget the screen, as when the line was disturbed
 *   touch FILE       make an empty file ($VARIABLES are not expanded by ptydrive)
 *   exit STATUS      wait for the program's end with that exit status
 *   show             print the screen
 *   # ...            nothing
 *
 * Waiting ends after 20 s ($PTYDRIVE_LIMIT).  Then the screen is printed and the exit
 * status is 1; with all done it is 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

#define MAX_COLS 400

static VTerm *vt;
static VTermScreen *vs;
static int rows = 24, cols = 80;
static int master = -1;
static pid_t child;
static bool ended;
static int child_status;
static int limit_ms = 20000;
static bool sizeless;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Answers of the terminal (cursor reports and the like) go back to the program. */
static void answer(const char *bytes, size_t len, void *arg)
{
	(void)arg;
	if (write(master, bytes, len) < 0 && errno != EIO)
		die("write");
}

static void make_terminal(void)
{
	if (vt)
		vterm_free(vt);
	vt = vterm_new(rows, cols);
	if (!vt)
		die("vterm_new");
	vterm_set_utf8(vt, 1);
	vterm_output_set_callback(vt, answer, NULL);
	vs = vterm_obtain_screen(vt);
	vterm_screen_enable_altscreen(vs, 1);
	vterm_screen_reset(vs, 1);
}

/* A row as UTF-8; blanks where nothing was written; trailing ones cut. */
static void row_text(int row, char *out)
{
	size_t n = 0;

	for (int col = 0; col < cols; col++) {
		VTermPos pos = {row, col};
		VTermScreenCell cell;
		uint32_t ch;

		if (!vterm_screen_get_cell(vs, pos, &cell))
			break;
		ch = cell.chars[0] ? cell.chars[0] : ' ';
		if (ch == (uint32_t)-1)
			continue; /* right half of a wide character */
		if (ch < 0x80) {
			out[n++] = (char)ch;
		} else if (ch < 0x800) {
			out[n++] = (char)(0xc0 | ch >> 6);
			out[n++] = (char)(0x80 | (ch & 0x3f));
		} else {
			out[n++] = (char)(0xe0 | (ch >> 12 & 0xf));
			out[n++] = (char)(0x80 | (ch >> 6 & 0x3f));
			out[n++] = (char)(0x80 | (ch & 0x3f));
		}
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

static void show(FILE *out)
{
	char text[MAX_COLS * 3 + 1];

	fprintf(out, "+--- %dx%d\n", cols, rows);
	for (int row = 0; row < rows; row++) {
		row_text(row, text);
		fprintf(out, "|%s\n", text);
	}
	fprintf(out, "+---\n");
}

/* Takes what the program writes, for at most ms; false when it has ended. */
static bool feed(int ms)
{
	struct pollfd pfd = {.fd = master, .events = POLLIN};
	char buf[4096];
	ssize_t n;

	if (ended)
		return false;
	if (poll(&pfd, 1, ms) <= 0)
		return true;
	n = read(master, buf, sizeof(buf));
	if (n > 0) {
		vterm_input_write(vt, buf, (size_t)n);
		return true;
	}
	/* EIO: the last process has closed the terminal. */
	while (waitpid(child, &child_status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	ended = true;
	return false;
}

struct want {
	const char *text;
	int row, col; /* row INT32_MIN: any; col -1: any */
	bool absent;
};

static bool row_has(int row, const struct want *want)
{
	char text[MAX_COLS * 3 + 1];

	row_text(row, text);
	if (want->col < 0)
		return strstr(text, want->text) != NULL;
	return strlen(text) > (size_t)want->col &&
	       strncmp(text + want->col, want->text, strlen(want->text)) == 0;
}

static bool fulfilled(const struct want *want)
{
	if (want->row != INT32_MIN)
		return row_has(want->row < 0 ? rows + want->row : want->row, want);
	for (int row = 0; row < rows; row++)
		if (row_has(row, want))
			return !want->absent;
	return want->absent;
}

static bool wait_for(const struct want *want)
{
	int64_t end = now_ms() + limit_ms;

	while (!fulfilled(want)) {
		if (now_ms() >= end || (!feed(50) && !fulfilled(want)))
			return false;
	}
	return true;
}

static bool wait_exit(int status)
{
	int64_t end = now_ms() + limit_ms;

	while (!ended && now_ms() < end)
		feed(50);
	return ended && WIFEXITED(child_status) && WEXITSTATUS(child_status) == status;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void type(const char *text)
{
	char buf[512];
	size_t n = 0;

	for (; *text && n < sizeof(buf); text++) {
		if (*text != '\\' || !text[1]) {
			buf[n++] = *text;
			continue;
		}
		text++;
		if (*text == 'x' && hex(text[1]) >= 0 && hex(text[2]) >= 0) {
			buf[n++] = (char)(hex(text[1]) * 16 + hex(text[2]));
			text += 2;
		} else {
			buf[n++] = *text == 'e'	  ? 27
				   : *text == 'r' ? '\r'
				   : *text == 't' ? '\t'
				   : *text == 'b' ? 127
						  : *text;
		}
	}
	if (write(master, buf, n) != (ssize_t)n)
		die("write to the program");
}

static bool resize(const char *text)
{
	struct winsize ws = {0};

	if (sscanf(text, "%dx%d", &cols, &rows) != 2 || cols < 1 || cols > MAX_COLS ||
	    rows < 1)
		return false;
	vterm_set_size(vt, rows, cols);
	ws.ws_row = (unsigned short)rows;
	ws.ws_col = (unsigned short)cols;
	return ioctl(master, TIOCSWINSZ, &ws) == 0;
}

static bool touch(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	return fd >= 0 && close(fd) == 0;
}

/* Does one line; false when it failed. */
static bool step(char *line)
{
	struct want want = {.row = INT32_MIN, .col = -1};
	char *text = line + strcspn(line, " ");
	int used = 0;

	if (*text)
		*text++ = '\0';
	want.text = text;
	if (!*line || *line == '#')
		return true;
	if (strcmp(line, "expect") == 0)
		return wait_for(&want);
	if (strcmp(line, "gone") == 0) {
		want.absent = true;
		return wait_for(&want);
	}
	if (strcmp(line, "row") == 0 && sscanf(text, "%d %n", &want.row, &used) == 1) {
		want.text = text + used;
		return wait_for(&want);
	}
	if (strcmp(line, "cell") == 0 &&
	    sscanf(text, "%d %d %n", &want.row, &want.col, &used) == 2) {
		want.text = text + used;
		return wait_for(&want);
	}
	if (strcmp(line, "send") == 0) {
		type(text);
		return true;
	}
	if (strcmp(line, "resize") == 0)
		return resize(text);
	if (strcmp(line, "wipe") == 0) {
		make_terminal();
		return true;
	}
	if (strcmp(line, "touch") == 0)
		return touch(text);
	if (strcmp(line, "show") == 0) {
		show(stdout);
		return true;
	}
	if (strcmp(line, "exit") == 0)
		return wait_exit(atoi(text));
	fprintf(stderr, "ptydrive: what is \"%s\"?\n", line);
	return false;
}

static void start(char **argv, const char *term)
{
	struct winsize ws = {0};

	ws.ws_row = sizeless ? 0 : (unsigned short)rows;
	ws.ws_col = sizeless ? 0 : (unsigned short)cols;
	child = forkpty(&master, NULL, NULL, &ws);
	if (child < 0)
		die("forkpty");
	if (child == 0) {
		setenv("TERM", term, 1);
		unsetenv("LINES");
		unsetenv("COLUMNS");
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
}

static int play(FILE *script)
{
	char line[1024], copy[1024];
	int number = 0;

	while (fgets(line, sizeof(line), script)) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		snprintf(copy, sizeof(copy), "%s", line);
		if (step(line))
			continue;
		fprintf(stderr, "ptydrive: line %d failed: %s\n", number, copy);
		if (ended)
			fprintf(stderr, "ptydrive: the program has ended (status %d)\n",
				WIFEXITED(child_status) ? WEXITSTATUS(child_status)
							: 128 + WTERMSIG(child_status));
		show(stderr);
		return 1;
	}
	return 0;
}

static void stop(void)
{
	if (ended)
		return;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *term = "xterm", *limit = getenv("PTYDRIVE_LIMIT");
	FILE *script;
	int opt, rc;

	/* "+": the program's own options are not ours. */
	while ((opt = getopt(argc, argv, "+ns:t:")) != -1) {
		if (opt == 'n')
			sizeless = true;
		else if (opt == 't')
			term = optarg;
		else if (opt != 's' || sscanf(optarg, "%dx%d", &cols, &rows) != 2)
			return 2;
	}
	if (argc - optind < 2 || cols < 1 || cols > MAX_COLS || rows < 1) {
		fprintf(stderr,
			"usage: ptydrive [-n] [-s COLSxROWS] [-t TERM] SCRIPT PROGRAM "
			"[ARGUMENT...]\n");
		return 2;
	}
	if (limit)
		limit_ms = atoi(limit) * 1000;
	script = strcmp(argv[optind], "-") == 0 ? stdin : fopen(argv[optind], "r");
	if (!script)
		die(argv[optind]);
	make_terminal();
	start(argv + optind + 1, term);
	rc = play(script);
	stop();
	vterm_free(vt);
	return rc;
}
