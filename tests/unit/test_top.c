// SPDX-License-Identifier: GPL-2.0-only
/* The screen of `exitcheck top`: what it shows of two looks, and what keys do. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "live/top_model.h"
#include "live/top_view.h"
#include "util/array.h"
#include "util/text.h"

#define CPUID 0x72
#define IOIO 0x7b
#define HEIGHT 60

static struct usage usage;
static struct top_model model;
static struct host host = { .isa = EXIT_ISA_SVM, .cpu = "CPU", .kernel = "6.12" };
static struct proof proof;
static struct top_view view;
/* The screen, and what its lines are. */
static struct top_line lines[HEIGHT];
static unsigned int width, height;

static int set_up(void **state)
{
	(void)state;
	usage = (struct usage){ .has_hist = true };
	proof = (struct proof){ .vcpus = 2 };
	top_open(&model, EXIT_ISA_SVM);
	view = (struct top_view){
		.model = &model,
		.host = &host,
		.source = "eBPF by tp_btf",
		.proof = &proof,
		.interval = 1,
	};
	width = 80;
	height = 24;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	top_close(&model);
	usage_release(&usage);
	return 0;
}

/* A vCPU has made so many exits of a reason since the beginning, of 1.5 us each. */
static struct usage_vcpu *set(unsigned int vm, unsigned int id, unsigned int index, uint64_t nr)
{
	struct usage_vcpu *vcpu = usage_vcpu(&usage, vm * 100 + id);
	const struct usage_exits all = {
		.exits = nr,
		.ended = nr,
		.ns = nr * 1500,
		.time_ns = nr * 1500,
		.max_ns = 1500,
		.hist = { [10] = nr },
	};

	assert_non_null(vcpu);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->process = 1000 + vm;
	vcpu->thread = 2000 + 10 * vm + id;
	usage_set(&usage, vcpu, index, &all);
	return vcpu;
}

static void begin(double seconds)
{
	usage_begin(&usage, seconds);
}

static void end(void)
{
	assert_true(usage_end(&usage));
	for (unsigned int i = 0; i < usage.nr_vms; i++)
		if (!*usage.vms[i].name && usage.vms[i].number)
			snprintf(usage.vms[i].name, sizeof(usage.vms[i].name), "web%u",
				 usage.vms[i].number);
	top_update(&model, &usage);
	assert_false(model.failed);
}

/* Two VMs, the second of which is the dearer one in the second of two looks. */
static void two_looks(void)
{
	begin(1);
	set(1, 0, CPUID, 3000);
	set(2, 0, CPUID, 100);
	end();
	begin(2);
	set(1, 0, CPUID, 3010);
	set(1, 1, IOIO, 4);
	set(2, 0, CPUID, 2100);
	end();
}

static void keep(void *context, unsigned int y, const struct top_line *line)
{
	(void)context;
	assert_true(y < height);
	/* No line is written twice, none is too wide, none is broken within a character. */
	assert_int_equal(*lines[y].text, '\0');
	if ((unsigned int)text_width(line->text) > width || !text_is_clean(line->text))
		fail_msg("%u columns: \"%s\"", width, line->text);
	assert_true(line->from + line->width <= (unsigned int)text_width(line->text));
	lines[y] = *line;
}

static void draw(void)
{
	memset(lines, 0, sizeof(lines));
	top_set_page(&model, top_page(&model, height));
	top_draw(&view, width, height, keep, NULL);
}

static void type(const char *keys)
{
	for (; *keys; keys++)
		top_type(&model, (unsigned char)*keys);
}

/* Which line begins so, -1 if none does. */
static int line_of(const char *text)
{
	draw();
	for (unsigned int i = 0; i < height; i++)
		if (!strncmp(lines[i].text, text, strlen(text)))
			return (int)i;
	return -1;
}

static void expect_line(unsigned int y, const char *text)
{
	char line[sizeof(lines->text)];
	size_t length;

	draw();
	snprintf(line, sizeof(line), "%s", lines[y].text);
	for (length = strlen(line); length && line[length - 1] == ' '; length--)
		line[length - 1] = '\0';
	assert_string_equal(line, text);
}

static void expect_order(const char *labels)
{
	char order[512] = "";

	for (unsigned int i = 0; i < model.nr_rows; i++) {
		strcat(order, i ? ", " : "");
		strcat(order, model.rows[i].label.s);
	}
	assert_string_equal(order, labels);
}

static void screen(void **state)
{
	(void)state;
	draw();
	expect_line(2, "The first numbers come after 1 s.");
	two_looks();
	expect_line(
		0,
		"exitcheck top: all VMs                                                     2.0 s");
	expect_line(1, "source: eBPF by tp_btf; SVM, Linux 6.12, CPU");
	expect_line(2, "complete: every exit of 2 vCPUs");
	expect_line(4, "[VMs]  vCPUs  exit reasons  last 1.0 s, sorted by time");
	expect_line(5,
		    "VM                     exits/s     time    share     mean      p99      max");
	expect_line(6,
		    "web2                     2,000  3.00 ms    0.3 %  1.50 µs  1.50 µs <1.50 µs");
	expect_line(7,
		    "web1                        14  21.0 µs    0.0 %  1.50 µs  1.50 µs  1.50 µs");
	expect_line(22,
		    "total                    2,014  3.02 ms    0.3 %  1.50 µs  1.50 µs  1.50 µs");
	expect_line(
		23,
		"Enter open  Bksp back  Tab list  <> sort  / filter  Space freeze  ? help  q quit");
	assert_int_equal(lines[6].role, TOP_CURSOR);
	assert_int_equal(lines[7].role, TOP_PLAIN);
	/* "complete" is a word of its own colour; the column that rows are sorted by stands out. */
	assert_int_equal(lines[2].part, TOP_GOOD);
	assert_int_equal(lines[2].width, strlen("complete"));
	assert_int_equal(strncmp(lines[5].text + lines[5].from, "time", lines[5].width), 0);
	type("t");
	expect_line(4, "[VMs]  vCPUs  exit reasons  since the start, sorted by time");
	expect_line(
		6, "web1                       3,014  4.52 ms    0.2 %  1.50 µs  1.50 µs  1.50 µs");
	snprintf(proof.lost.s, sizeof(proof.lost.s), "2 VM entries");
	expect_line(2, "INCOMPLETE: lost: 2 VM entries");
	assert_int_equal(lines[2].role, TOP_BAD);
}

static void wide_screen(void **state)
{
	(void)state;
	two_looks();
	width = 120;
	expect_line(
		5,
		"VM                       PID vCPUs       exits   exits/s     time    share     mean"
		"      p50      p99      max");
	expect_line(
		7,
		"web1                    1001     2          14        14  21.0 µs    0.0 %  1.50 µs"
		"  1.26 µs  1.50 µs  1.50 µs");
	/* KVM's own account has no quantiles. */
	usage.has_hist = false;
	expect_line(
		5,
		"VM                       PID vCPUs       exits   exits/s     time    share     mean");
}

static void levels(void **state)
{
	(void)state;
	two_looks();
	type("j\n");
	expect_line(
		0,
		"exitcheck top: web1 (process 1001)                                         2.0 s");
	expect_line(4, " vCPUs [exit reasons]  last 1.0 s, sorted by time");
	expect_order("0x72 CPUID, 0x7b IOIO");
	type("\t");
	expect_order("vCPU 0, vCPU 1");
	type("j\n");
	expect_line(
		0,
		"exitcheck top: web1 (process 1001) > vCPU 1                                2.0 s");
	expect_line(4, "[exit reasons]  last 1.0 s, sorted by time");
	expect_order("0x7b IOIO");
	type("\t\n");
	expect_line(
		0,
		"exitcheck top: web1 (process 1001) > vCPU 1 > 0x7b IOIO                    2.0 s");
	expect_line(4, "[histogram]  last 1.0 s");
	expect_line(8, "     from        to       exits    share    up to");
	assert_int_equal(line_of("  1.02 µs   2.05 µs           4  100.0 %  100.0 %  ####"), 9);
	/* There is nothing behind it. */
	type("\n\t");
	assert_int_equal(model.depth, 3);
	for (unsigned int depth = 3; depth; depth--) {
		assert_int_equal(model.depth, depth);
		top_type(&model, TOP_KEY_LEFT);
	}
	expect_order("web2, web1");
	assert_int_equal(top_place(&model)->cursor, 1);
	type("\x7f\t\t");
	assert_int_equal(model.depth, 0);
	expect_order("0x72 CPUID, 0x7b IOIO");
	type("\n");
	expect_line(
		0,
		"exitcheck top: all VMs > 0x72 CPUID                                        2.0 s");
	usage.has_hist = false;
	begin(3);
	end();
	assert_true(line_of("No such exit ended in this time.") < 0);
	assert_true(line_of("KVM's own account has no histogram") > 0);
}

static void order(void **state)
{
	(void)state;
	two_looks();
	begin(3);
	set(1, 0, CPUID, 3010);
	set(2, 0, CPUID, 2120);
	set(10, 0, CPUID, 7);
	end();
	/* By time; what is alike by number. */
	expect_order("web2, web10, web1");
	type("r");
	expect_order("web1, web10, web2");
	type("r>");
	assert_int_equal(model.sort, COLUMN_SHARE);
	/* The mean of no exits is not known: last in either order. */
	type(">");
	assert_int_equal(model.sort, COLUMN_MEAN);
	expect_order("web2, web10, web1");
	type("r");
	expect_order("web2, web10, web1");
	type("r<<<<<");
	assert_int_equal(model.sort, TOP_BY_NAME);
	expect_order("web1, web2, web10");
	type("<");
	assert_int_equal(model.sort, COLUMN_MAX);
	/* A column that the source has not is left out, one that has no room is shown nevertheless. */
	type("<<");
	width = 60;
	draw();
	assert_int_equal(strncmp(lines[5].text + lines[5].from, "p50", lines[5].width), 0);
	usage.has_hist = false;
	type("<>");
	assert_int_equal(model.sort, TOP_BY_NAME);
}

static void cursor(void **state)
{
	(void)state;
	begin(1);
	for (unsigned int vm = 1; vm <= 64; vm++)
		set(vm, 0, CPUID, 1000 - vm);
	end();
	draw();
	assert_int_equal(model.page, 16);
	type("jj");
	assert_int_equal(line_of("web3 "), 8);
	assert_int_equal(lines[8].role, TOP_CURSOR);
	/* It goes with its row, and the screen with it. */
	begin(2);
	for (unsigned int vm = 1; vm <= 64; vm++)
		set(vm, 0, CPUID, 1000 - vm + (vm == 3 ? 1 : 100 + vm));
	end();
	assert_int_equal(top_place(&model)->cursor, 63);
	assert_int_equal(line_of("web3 "), 21);
	assert_non_null(strstr(lines[4].text, " 49-64 of 64"));
	/* At the top it stays there. */
	type("g");
	assert_int_equal(line_of("web64 "), 6);
	begin(3);
	for (unsigned int vm = 1; vm <= 64; vm++)
		set(vm, 0, CPUID, 2000 - vm);
	end();
	draw();
	assert_int_equal(top_place(&model)->cursor, 0);
	assert_int_equal(lines[6].role, TOP_CURSOR);
	type("G");
	draw();
	assert_int_equal(top_place(&model)->first, 48);
	top_type(&model, TOP_KEY_PAGE_UP);
	assert_int_equal(top_place(&model)->cursor, 47);
	type("kkj");
	assert_int_equal(top_place(&model)->cursor, 46);
	/* A larger screen has no room left empty. */
	type("G");
	height = 50;
	draw();
	assert_int_equal(top_place(&model)->first, 64 - model.page);
}

static void filter(void **state)
{
	(void)state;
	two_looks();
	type("/WEB1");
	expect_line(23, "/WEB1_   Enter keeps the filter, Esc does not");
	expect_order("web1");
	expect_line(4, "[VMs]  vCPUs  exit reasons  last 1.0 s, sorted by time, \"WEB1\": 1 of 2");
	type("q\xc3\xbc");
	assert_string_equal(top_place(&model)->filter, "WEB1qü");
	assert_int_equal(line_of("No name has this text."), 6);
	type("\x7f\x7f\n");
	assert_string_equal(top_place(&model)->filter, "WEB1");
	assert_false(model.types_filter);
	/* The total is of all. */
	assert_int_equal(model.total.exits, 2014);
	/* Where one goes it does not hold; where one comes back to it does. */
	type("\n");
	expect_order("0x72 CPUID, 0x7b IOIO");
	type("\x7f");
	expect_order("web1");
	type("/2\x1b");
	expect_order("web1");
	type("\x7f");
	expect_order("web2, web1");
	for (unsigned int i = 0; i < 100; i++)
		type(i ? "x" : "/");
	assert_int_equal(strlen(top_place(&model)->filter), 63);
	draw();
	assert_false(model.quit);
}

static void gone(void **state)
{
	(void)state;
	two_looks();
	type("\n");
	begin(3);
	set(2, 0, CPUID, 2150)->gone = true;
	set(1, 0, CPUID, 3015);
	end();
	/* It made these exits before it went. */
	expect_line(
		0,
		"exitcheck top: web2 (process 1002, gone)                                   3.0 s");
	expect_line(6,
		    "0x72 CPUID (gone)           50  75.0 µs    0.0 %  1.50 µs  1.50 µs <1.50 µs");
	type("\x7f");
	expect_order("web2, web1");
	begin(4);
	set(1, 0, CPUID, 3015);
	end();
	expect_order("web1, web2");
	expect_line(7,
		    "web2 (gone)                  -        -        -        -        -        -");
	type("g");
	assert_int_equal(line_of("web2 (gone)"), 7);
	assert_int_equal(lines[7].role, TOP_DIM);
	type("j\n");
	expect_line(6,
		    "0x72 CPUID (gone)            -        -        -        -        -        -");
	expect_line(22,
		    "total                        -        -        -        -        -        -");
	begin(8.1);
	end();
	type("\x7f");
	expect_order("web1");
	type("t");
	expect_order("web1, web2");
	/* A vCPU of a VM that is there. */
	type("tg\n\tj\n");
	begin(9);
	set(1, 0, CPUID, 3015);
	set(1, 1, IOIO, 4)->gone = true;
	end();
	expect_line(
		0,
		"exitcheck top: web1 (process 1001) > vCPU 1 (gone)                         9.0 s");
	type("\x7f");
	expect_order("vCPU 0, vCPU 1");
	begin(15);
	set(1, 0, CPUID, 3015);
	end();
	expect_order("vCPU 0");
}

static void merged(void **state)
{
	struct usage_vcpu *former;

	(void)state;
	two_looks();
	type("\n\n");
	assert_int_equal(model.depth, 2);
	begin(3);
	set(1, 0, CPUID, 3015);
	former = usage_vcpu(&usage, 99999);
	former->gone = true;
	usage_merge_missing(&usage, former);
	end();
	/* Where one was is no more. */
	assert_int_equal(model.depth, 0);
	expect_order("web1");
	type("t");
	expect_order("web1, (gone)");
	/* They are of any VM: there is nothing to be opened. */
	type("j\n");
	assert_int_equal(model.depth, 0);
}

static void histogram(void **state)
{
	struct usage_exits all = { .exits = 1, .ended = 1, .ns = 1, .time_ns = 1, .max_ns = 1 };
	struct usage_vcpu *vcpu;

	(void)state;
	for (unsigned int b = 3; b < EC_HIST_BUCKETS; b++)
		all.hist[b] = b == 5 ? 0 : b == 31 ? 100 : 1;
	begin(1);
	vcpu = set(1, 0, CPUID, 0);
	usage_set(&usage, vcpu, CPUID, &all);
	end();
	type("\n\n");
	draw();
	assert_int_equal(model.nr_buckets, EC_HIST_BUCKETS - 3);
	assert_int_equal(model.page, 14);
	expect_line(9, "     8 ns     16 ns           1    0.8 %    0.8 %  #");
	expect_line(11, "    32 ns     64 ns           0    0.0 %    1.6 %");
	top_type(&model, TOP_KEY_END);
	draw();
	/* The last one has no end. */
	expect_line(
		22,
		"   2.15 s         -         100   78.7 %  100.0 %  #############################");
	top_type(&model, TOP_KEY_UP);
	expect_line(22, "   1.07 s    2.15 s           1    0.8 %   21.3 %  #");
	top_type(&model, TOP_KEY_PAGE_UP);
	top_type(&model, TOP_KEY_PAGE_UP);
	expect_line(9, "     8 ns     16 ns           1    0.8 %    0.8 %  #");
}

static void names(void **state)
{
	(void)state;
	begin(1);
	set(1, 0, CPUID, 10);
	end();
	snprintf(usage.vms[0].name, sizeof(usage.vms[0].name), "%s",
		 "größtes-überwachungssystem-mit-sehr-langem-namen");
	begin(2);
	set(1, 0, CPUID, 20)->gone = true;
	end();
	assert_int_equal(line_of("größtes-überwachu… (gone)        10  15.0 µs"), 6);
	/* What tells its vCPUs apart is kept. */
	type("\t");
	assert_int_equal(line_of("größtes-üb… vCPU 0 (gone)        10  15.0 µs"), 6);
	type("\t\t");
	/* Wide characters take two columns. */
	snprintf(usage.vms[0].name, sizeof(usage.vms[0].name), "日本語の仮想マシン-web");
	top_update(&model, &usage);
	assert_int_equal(line_of("日本語の仮想マシ… (gone)         10  15.0 µs"), 6);
	/* A name without any. */
	usage.vms[0].name[0] = '\0';
	top_update(&model, &usage);
	assert_int_equal(line_of("process 1001 (gone) "), 6);
}

static void all_sizes(void **state)
{
	static const char *const ways[] = { "", "\t", "\t\t", "\n", "\n\n", "t", "?", "/w", "   " };

	(void)state;
	two_looks();
	snprintf(proof.lost.s, sizeof(proof.lost.s),
		 "2 VM entries, 1,234 exits of vCPUs for which"
		 " there was no room");
	for (size_t i = 0; i < NR(ways); i++) {
		top_close(&model);
		top_open(&model, EXIT_ISA_SVM);
		top_update(&model, &usage);
		type(ways[i]);
		for (width = 1; width < 140; width++)
			for (height = 1; height < HEIGHT; height++)
				draw();
	}
}

static void keys(void **state)
{
	char names[32];

	(void)state;
	two_looks();
	type("?");
	for (unsigned int i = 0; i < nr_top_bindings; i++) {
		snprintf(names, sizeof(names), "  %s ", top_bindings[i].names);
		assert_int_equal(line_of(names), i + 1);
		/* All of the help can be read at 80x24. */
		assert_null(strstr(lines[i + 1].text, "…"));
		for (unsigned int j = 0; j < i; j++)
			for (unsigned int k = 0; k < TOP_MAX_KEYS * TOP_MAX_KEYS; k++)
				if (top_bindings[i].keys[k / TOP_MAX_KEYS])
					assert_int_not_equal(
						top_bindings[i].keys[k / TOP_MAX_KEYS],
						top_bindings[j].keys[k % TOP_MAX_KEYS]);
	}
	assert_non_null(strstr(lines[nr_top_bindings + 2].text, "100 % is one vCPU"));
	/* Any key closes it, and does nothing else; that the size has changed is none. */
	top_type(&model, TOP_KEY_OTHER);
	assert_true(model.help);
	type("q");
	assert_false(model.help || model.quit);
	type("x ");
	assert_true(model.frozen);
	assert_non_null(strstr((draw(), lines[0].text), "FROZEN  2.0 s"));
	type(" q");
	assert_false(model.frozen);
	assert_true(model.quit);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		TEST(screen), TEST(wide_screen), TEST(levels),	  TEST(order),
		TEST(cursor), TEST(filter),	 TEST(gone),	  TEST(merged),
		TEST(names),  TEST(histogram),	 TEST(all_sizes), TEST(keys),
	};

	return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
