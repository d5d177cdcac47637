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
done_testing;
