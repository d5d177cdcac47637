// SPDX-License-Identifier: GPL-2.0-only
/*
 * A terminal of its own for a command, and a user in front of it: for tests.
 *   terminal COLUMNSxLINES COMMAND [ARG...] <SCRIPT
 * Each line of the script is one of
 *   await REGEX            waits until a line of the screen matches: for five minutes, and while the command runs;
 *                          else all ends with status 4
 *   type TEXT              with \n, \t, \e, \b (Backspace), \U, \D, \L, \R (arrows)
 *   show FILE              writes the screen to a file
 *   colors FILE            likewise, how many cells have a colour, and how many are reverse
 *   resize COLUMNSxLINES
 *   signal NUMBER          to the command
 *   run COMMAND            another command, beside it
 *   end                    waits for the command's end; prints "status N" and whether the terminal is as it was
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>
#include <vterm.h>

#define PATIENCE 300 /* seconds */
#define SILENCE 100  /* ms */
#define MAX_LINE 4096

static VTerm *terminal;
static VTermScreen *screen;
static int master, columns, lines;
static pid_t command;
static struct termios before;
static bool is_alternate, is_hidden;

static void fail(const char *what)
{
	fprintf(stderr, "terminal: %s: %s\n", what, strerror(errno));
	if (command > 0)
		kill(command, SIGKILL);
	exit(3);
}

static int set_property(VTermProp property, VTermValue *value, void *user)
{
	(void)user;
	if (property == VTERM_PROP_ALTSCREEN)
		is_alternate = value->boolean;
	if (property == VTERM_PROP_CURSORVISIBLE)
		is_hidden = !value->boolean;
	return 1;
}

static void open_terminal(void)
{
	static const VTermScreenCallbacks callbacks = { .settermprop = set_property };

	terminal = vterm_new(lines, columns);
	vterm_set_utf8(terminal, 1);
	screen = vterm_obtain_screen(terminal);
	vterm_screen_enable_altscreen(screen, 1);
	vterm_screen_set_callbacks(screen, &callbacks, NULL);
	vterm_screen_reset(screen, 1);
}

static void start(char **argv)
{
	const struct winsize size = { .ws_row = lines, .ws_col = columns };
	int slave;

	if (openpty(&master, &slave, NULL, NULL, &size) || tcgetattr(slave, &before))
		fail("a pseudo terminal");
	command = fork();
	if (command < 0)
		fail("fork");
	if (!command) {
		close(master);
		if (login_tty(slave))
			_exit(127);
		execvp(*argv, argv);
		_exit(127);
	}
	/* The slave stays open: its settings can be read when the command has ended. */
	if (dup2(slave, 10) < 0)
		fail("dup2");
	close(slave);
}

/* Takes what the command writes, until it has been silent for so long: a screen is not drawn at once. */
static void take(int milliseconds)
{
	struct pollfd file = { .fd = master, .events = POLLIN };
	char text[MAX_LINE];

	while (poll(&file, 1, milliseconds) > 0 && file.revents & POLLIN) {
		ssize_t length = read(master, text, sizeof(text));

		if (length <= 0)
			return;
		vterm_input_write(terminal, text, length);
		/* What a terminal answers. */
		length = vterm_output_read(terminal, text, sizeof(text));
		if (length && write(master, text, length) < 0)
			fail("write");
	}
}

static size_t put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to = (char)(c ?: ' ');
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | c >> 12);
	to[1] = (char)(0x80 | (c >> 6 & 0x3f));
	to[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

static VTermScreenCell cell_of(int y, int x)
{
	VTermScreenCell cell = { 0 };

	vterm_screen_get_cell(screen, (VTermPos){ .row = y, .col = x }, &cell);
	return cell;
}

static void read_line(int y, char *line)
{
	size_t n = 0;

	for (int x = 0; x < columns && n < MAX_LINE - 4; x++)
		n += put_utf8(line + n, cell_of(y, x).chars[0]);
	while (n && line[n - 1] == ' ')
		n--;
	line[n] = '\0';
}

static void show(FILE *to)
{
	char line[MAX_LINE];

	for (int y = 0; y < lines; y++) {
		read_line(y, line);
		fprintf(to, "%s\n", line);
	}
}

static void show_colors(FILE *to)
{
	unsigned int colored = 0, reverse = 0;

	for (int y = 0; y < lines; y++)
		for (int x = 0; x < columns; x++) {
			VTermScreenCell cell = cell_of(y, x);

			colored += VTERM_COLOR_IS_INDEXED(&cell.fg) &&
				   !VTERM_COLOR_IS_DEFAULT_FG(&cell.fg);
			reverse += cell.attrs.reverse;
		}
	fprintf(to, "%u %u\n", colored, reverse);
}

static void write_to(const char *path, void (*what)(FILE *to))
{
	FILE *file = fopen(path, "w");

	if (!file)
		fail(path);
	what(file);
	fclose(file);
}

static void await(const char *pattern)
{
	time_t end = time(NULL) + PATIENCE;
	siginfo_t ended = { 0 };
	char line[MAX_LINE];
	regex_t regex;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		fail(pattern);
	do {
		for (int y = 0; y < lines; y++) {
			read_line(y, line);
			if (!regexec(&regex, line, 0, NULL, 0)) {
				regfree(&regex);
				return;
			}
		}
		if (ended.si_pid)
			break;
		waitid(P_PID, command, &ended, WEXITED | WNOHANG | WNOWAIT);
		take(SILENCE);
	} while (time(NULL) < end);
	printf("never on the screen: %s\n", pattern);
	show(stdout);
	kill(command, SIGKILL);
	exit(4);
}

static void type(const char *text)
{
	static const struct {
		char letter;
		const char *keys;
	} escapes[] = {
		{ 'n', "\r" },	   { 't', "\t" },     { 'e', "\033" },	 { 'b', "\177" },
		{ 'U', "\033OA" }, { 'D', "\033OB" }, { 'R', "\033OC" }, { 'L', "\033OD" },
	};

	for (; *text; text++) {
		char one[2] = { *text, '\0' };
		const char *keys = one;

		if (*text == '\\' && text[1]) {
			text++;
			for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++)
				if (escapes[i].letter == *text)
					keys = escapes[i].keys;
		}
		if (write(master, keys, strlen(keys)) < 0)
			fail("write");
	}
	take(SILENCE);
}

static void set_size(const char *size)
{
	struct winsize window = { 0 };

	if (sscanf(size, "%dx%d", &columns, &lines) != 2)
		fail(size);
	if (!terminal)
		return;
	window.ws_row = lines;
	window.ws_col = columns;
	vterm_set_size(terminal, lines, columns);
	ioctl(master, TIOCSWINSZ, &window);
}

static void end(void)
{
	time_t last = time(NULL) + PATIENCE;
	struct termios now;
	int status;

	while (!waitpid(command, &status, WNOHANG) && time(NULL) < last)
		take(SILENCE);
	if (time(NULL) >= last) {
		printf("it does not end\n");
		kill(command, SIGKILL);
		exit(4);
	}
	take(SILENCE);
	tcgetattr(10, &now);
	printf("status %d, the terminal is %s\n",
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
	       is_alternate ? "on its alternate screen" :
	       is_hidden    ? "without a cursor" :
	       now.c_lflag != before.c_lflag || now.c_iflag != before.c_iflag ||
			       now.c_oflag != before.c_oflag ?
			   "in another mode" :
			   "as it was");
}

int main(int argc, char **argv)
{
	char line[MAX_LINE];

	if (argc < 3)
		return 2;
	set_size(argv[1]);
	open_terminal();
	start(argv + 2);
	while (fgets(line, sizeof(line), stdin)) {
		char *rest = line + strcspn(line, " \n");

		line[strcspn(line, "\n")] = '\0';
		if (*rest)
			*rest++ = '\0';
		take(SILENCE);
		if (!strcmp(line, "await"))
			await(rest);
		else if (!strcmp(line, "type"))
			type(rest);
		else if (!strcmp(line, "show"))
			write_to(rest, show);
		else if (!strcmp(line, "colors"))
			write_to(rest, show_colors);
		else if (!strcmp(line, "resize"))
			set_size(rest);
		else if (!strcmp(line, "signal"))
			kill(command, atoi(rest));
		else if (!strcmp(line, "run") && !system(rest))
			continue;
		else if (!strcmp(line, "end"))
			end();
		else
			fail(line);
		fflush(stdout);
	}
	return 0;
}
