#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0-only
# The pages of reports in a headless Chromium: on a desktop and on a phone, light and dark, on paper.
# They ask for nothing over the network, say nothing on the console, and draw their charts.  The
# pictures are left in build/browser.
use strict;
use warnings;
use Cwd;
use File::Path 'make_path';
use File::Temp;
use HTTP::Tiny;
use JSON::PP;
use MIME::Base64;
use Test::More;

my $out = getcwd() . '/build/browser';
my ($driver, $session, $log);

system('command -v chromium chromedriver >/dev/null') == 0
	or plan skip_all => 'needs the packages chromium and chromium-driver';

# ---- WebDriver ----

sub command
{
	my ($method, $path, $body) = @_;
	my $answer = HTTP::Tiny->new(timeout => 120)->request($method, "$driver$path", {
		content => $body ? encode_json($body) : '',
		headers => { 'Content-Type' => 'application/json' } });
	my $value = decode_json($answer->{content})->{value};

	$answer->{success} or die("$path: $value->{error}: $value->{message}");
	return $value;
}

sub cdp
{
	my ($command, %params) = @_;

	return command('POST', "$session/goog/cdp/execute", { cmd => $command, params => \%params });
}

# What a script in the page returns.
sub page
{
	my ($script) = @_;

	return command('POST', "$session/execute/sync", { script => $script, args => [] });
}

sub entries
{
	my ($type) = @_;

	return @{command('POST', "$session/se/log", { type => $type })};
}

sub save
{
	my ($name, $base64) = @_;

	open(my $file, '>:raw', "$out/$name") or die("$out/$name: $!");
	print $file decode_base64($base64);
	close($file);
}

my $profile = File::Temp->newdir;
my $pid = open($log, '-|', 'chromedriver', '--port=0') or die("chromedriver: $!");
while (my $line = <$log>) {
	$driver = "http://127.0.0.1:$1" if $line =~ /started successfully on port (\d+)/;
	last if $driver;
}
$driver or die('chromedriver does not start');
END {
	my $status = $?;

	command('DELETE', $session) if $session;
	kill('TERM', $pid) if $pid;
	# Waits for it.
	close($log) if $log;
	$? = $status;
}

# As root Chromium has no sandbox.  By a pipe it needs no name for the local host.  The switches after
# that keep it from asking for things itself.
my $new = command('POST', '/session', { capabilities => { alwaysMatch => {
	'goog:chromeOptions' => { binary => '/usr/bin/chromium', args => [
		'--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
		'--remote-debugging-pipe', '--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync', '--disable-quic',
		"--user-data-dir=$profile" ] },
	'goog:loggingPrefs' => { browser => 'ALL', performance => 'ALL' },
} } });
$session = "/session/$new->{sessionId}";
# What its own first page still asks for ends with that page.
command('POST', "$session/url", { url => 'about:blank' });

# ---- the pages ----

my %views = (
	desktop => { width => 1280, height => 900, deviceScaleFactor => 1, mobile => JSON::PP::false },
	phone => { width => 390, height => 844, deviceScaleFactor => 2, mobile => JSON::PP::true },
);

sub show
{
	my ($name, $view, $scheme) = @_;

	cdp('Emulation.setDeviceMetricsOverride', %{$views{$view}});
	cdp('Emulation.setEmulatedMedia', media => '',
	    features => [{ name => 'prefers-color-scheme', value => $scheme }]);
	entries('browser');
	entries('performance');
	command('POST', "$session/url", { url => "file://$out/$name.html" });
}

# Addresses that the page asked for, without its own and what it carries itself.
sub requests
{
	my @messages = map { decode_json($_->{message})->{message} } entries('performance');

	return grep { !m{^file://\Q$out\E/} && !m{^data:} }
	       map { $_->{params}{request}{url} }
	       grep { $_->{method} eq 'Network.requestWillBeSent' } @messages;
}

# How bright the page's ground is, 0 to 255.
sub ground
{
	return page('return Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)[0])');
}

# How many canvases there are, and on how many of them something is drawn in colour.
sub canvases
{
	return @{page(<<'END')};
const all = Array.from(document.querySelectorAll("canvas"));
const drawn = all.filter((canvas) => {
	const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;

	for (let i = 0; i < data.length; i += 4)
		if (data[i + 3] > 200 && Math.abs(data[i] - data[i + 2]) > 60)
			return true;
	return false;
});
return [all.length, drawn.length];
END
}

# What is at the top of each, and how many charts it has at least.
my %pages = (
	pass => ['PASS', 6], fail => ['FAIL', 6], unpatched => ['UNPATCHED', 6],
	bench => ['What watching costs', 2], comparison => ['FAIL', 1],
);

make_path($out);
for my $name (sort keys %pages) {
	my ($top, $least) = @{$pages{$name}};

	system("build/unit/synthetic $name svm >$out/$name.json && " .
	       "./exitcheck report --html $out/$name.json >$out/$name.html") == 0
		or die("no page of '$name'");

	for my $view (sort keys %views) {
		for my $scheme ('light', 'dark') {
			my $what = "$name, $view, $scheme";

			show($name, $view, $scheme);
			is(page('return document.querySelector("h1").lastChild.textContent'),
			   $top, "it has its name at the top ($what)");
			my ($all, $drawn) = canvases();
			ok($all >= $least && $drawn == $all, "all charts are drawn ($what)")
				or diag("$drawn of $all");
			ok(page('return document.querySelectorAll("tbody tr").length') > 5,
			   "the tables are there ($what)");
			ok(page('return document.documentElement.scrollWidth <= innerWidth'),
			   "the page is as wide as the window ($what)");
			ok($scheme eq 'dark' ? ground() < 64 : ground() > 192,
			   "its ground is $scheme ($what)");
			save("$name-$view-$scheme.png", cdp('Page.captureScreenshot',
				captureBeyondViewport => JSON::PP::true)->{data});
			is_deeply([requests()], [], "nothing is asked for ($what)");
			is_deeply([map { $_->{message} } entries('browser')], [],
				  "nothing is said on the console ($what)");
		}
	}

	# On paper it is light, even from a dark screen.
	show($name, 'desktop', 'dark');
	my $pdf = cdp('Page.printToPDF', printBackground => JSON::PP::true)->{data};
	save("$name.pdf", $pdf);
	like(decode_base64($pdf), qr/^%PDF-/, "it can be printed ($name)");
	cdp('Emulation.setEmulatedMedia', media => 'print',
	    features => [{ name => 'prefers-color-scheme', value => 'dark' }]);
	ok(ground() > 192, "its ground is light on paper ($name)");
	is_deeply([requests()], [], "nothing is asked for ($name, on paper)");
	is_deeply([map { $_->{message} } entries('browser')], [],
		  "nothing is said on the console ($name, on paper)");
}

# On a phone: a table's heads are its columns', each verdict is in sight, each axis has a name.
for my $name (sort keys %pages) {
	show($name, 'phone', 'light');
	is_deeply(page(<<'END'), [], "each column has its head ($name)");
return Array.from(document.querySelectorAll("table")).filter((table) => {
	const heads = Array.from(table.tHead.querySelectorAll("th")).filter((cell) => cell.colSpan === 1);

	return heads.some((head) => !head.textContent && table.closest("#rows, #reasons")) ||
	       Array.from(table.tBodies[0].rows).some((row) => row.cells.length !== heads.length);
}).map((table) => table.caption.textContent);
END
	is_deeply(page(<<'END'), [], "each verdict is in the window ($name)");
return Array.from(document.querySelectorAll(".verdict-cell")).filter((cell) => {
	const box = cell.getBoundingClientRect();

	return box.left < 0 || box.right > innerWidth;
}).map((cell) => cell.parentNode.textContent);
END
	is_deeply(page(<<'END'), [], "each axis of numbers has a name ($name)");
return Array.from(document.querySelectorAll("canvas")).map((canvas) => Chart.getChart(canvas))
	.filter((chart) => chart.options.indexAxis === "y" && !chart.options.scales.x.title.text)
	.map((chart) => chart.canvas.id);
END
}

# cells COLUMN CLICKED: that column of the table by reason, without commas, after a click on the head named, if any.
sub cells
{
	my ($column, $clicked) = @_;

	return @{page(<<"END")};
const table = document.querySelector("#reasons table");
const head = Array.from(table.tHead.querySelectorAll("th")).find((cell) => cell.textContent === "$clicked");

if (head)
	head.querySelector("button").click();
return Array.from(table.tBodies[0].rows, (row) => row.cells[$column].textContent.replaceAll(",", ""));
END
}

show('pass', 'desktop', 'light');
my @names = cells(0, '');
my @exits = cells(3, '');
is_deeply([cells(3, 'eBPF')], [sort { $b <=> $a } @exits], 'a click on a head sorts by it');
is(page('return document.querySelector("[aria-sort]").getAttribute("aria-sort")'), 'descending', 'the head says so');
is_deeply([cells(3, 'eBPF')], [sort { $a <=> $b } @exits], 'the next click turns that round');
is_deeply([cells(0, 'exit')], \@names, 'the head of the first column brings the order back');

# What leaf and eBPF differ by is at the end of a bar.
is_deeply(page('return Array.from(new Set(Chart.getChart("counts").data.ends))'), ['= leaf'], 'no leaf differs (pass)');
show('fail', 'desktop', 'light');
ok(page('return Chart.getChart("counts").data.ends.some((end) => /^[+\u2212]\d/.test(end))'), 'some leaf differs (fail)');

# One exit in 50,130 is not shown as a hundredth of them; 99 % do not take longer than the longest.
my $rare = decode_json(do { local (@ARGV, $/) = "$out/pass.json"; <> });
@{$rare->{latency}}[0, 1] = (
	{ %{$rare->{latency}[0]}, timed => 50130, ns => 1e9, min_ns => 300000, max_ns => 340000,
	  log2_ns => [(0) x 18, 50129, (0) x 3, 1] },
	{ %{$rare->{latency}[1]}, timed => 10, ns => 3e9, min_ns => 1, max_ns => 400000000, log2_ns => [10] });
splice @{$rare->{latency}}, 2;
open(my $to, '>', "$out/rare.json") or die("$out/rare.json: $!");
print $to encode_json($rare);
close($to);
system("./exitcheck report --html $out/rare.json >$out/rare.html") == 0 or die('no page of rare exits');
show('rare', 'desktop', 'light');
is_deeply(page(<<'END'), ['often', 'rare', 1], 'the bar of less than one in a hundred is grey, and not higher than a line');
const chart = Chart.getChart(document.querySelector("#histograms canvas"));
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const kinds = { [color("bpf")]: "often", [color("soft")]: "rare" };

return [18, 22].map((bucket) => kinds[chart.getDatasetMeta(0).data[chart.data.labels.indexOf(bucket)]
	.options.backgroundColor]).concat(chart.data.datasets[0].minBarLength);
END
is_deeply(page(<<'END'), ['25.0 %', "340 \x{b5}s", "340 \x{b5}s", '75.0 %'], 'each has its share of the time');
const [first, second] = Array.from(document.querySelectorAll("#latency tbody tr"), (row) =>
	Array.from(row.cells, (cell) => cell.textContent));

return [first[1], first[6], first[7], second[1]];
END
done_testing;
