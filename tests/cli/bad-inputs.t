#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0-only
# Bad inputs, 500 to each command, from a generator: options, files, streams and limits. Each must end with one
# line and status 2 or 3, and touch no file that it was not given as an output; with status 2, none at all.
# Runs on any machine, from the top of the tree: bad_inputs.t [PROGRAM]. SEED and INPUTS change what it does.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use Time::HiRes qw(stat lstat);

my $program = abs_path($ARGV[0] // 'exitcheck');
my $inputs = $ENV{INPUTS} // 500;
my $seed = $ENV{SEED} // 1;
my $dir = tempdir('exitcheck-bad.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $report = '{"schema_version":1,"error":"no /dev/kvm"}';

# What each takes: values that are right but for the one that is made wrong.
my %numbers = (
	run => [qw(--count -n --vcpus --smp-exits --seed)],
	bench => [qw(--count -n --vcpus --vms --rounds --seed)],
	audit => [qw(--seconds --interval --pid -p)],
	stat => [qw(--seconds --interval --count -n --pid -p)],
	top => [qw(--seconds --interval --count -n --pid -p)],
	export => [qw(--interval --max-series --room --pid -p)],
);
my %names = (
	run => [qw(--workload -w --path)],
	bench => [qw(--workload -w --observer)],
	audit => [qw(--path --clock)],
	stat => [qw(--path --clock --by)],
	top => [qw(--path --clock --source)],
	export => [qw(--path --clock --source --listen)],
);
my %flags = (
	run => [qw(--no-opt-in --no-color --help)], bench => [qw(--no-color --help)], audit => [qw(--help)], stat => [qw(--all -a --help)],
	top => [qw(--all -a --no-color --help)],
	export => [qw(--all -a --per-vcpu --help)],
	report => [qw(--text --json --html --no-color)], list => [qw(--json --help)], compare => [qw(--help)],
);
my %files = (
	run => [qw(--json --markdown --junit --html)], bench => [qw(--json --markdown --html)],
	compare => [qw(--json --markdown --junit --html)], audit => [qw(--json)],
	stat => [qw(--json --csv)],
	export => [qw(--textfile)],
);
my %arguments = (report => 1, compare => 2);
my @commands = ('', qw(run bench audit stat top export report compare list));

sub pick { return $_[rand @_] }

sub bytes
{
	my ($length, @from) = @_;
	return join '', map { @from ? pick(@from) : chr(1 + rand 255) } 1 .. $length;
}

# Words that are no option, name, number or file.
sub junk
{
	return pick(sub { bytes(1 + rand 30) }, sub { "\e[31m" . bytes(1 + rand 5, 'a' .. 'z') . "\n\e[0m" },
		    sub { bytes(1 + rand 12, 'a' .. 'z') . 'zq' }, sub { 'x' x (1 + rand 9000) },
		    sub { '' }, sub { "\xc3" }, sub { "%s%n%s" }, sub { '../' x 30 . 'zq' })->();
}

sub bad_number
{
	return pick(sub { '-' . int rand 1000 }, sub { '99999999999999999999' . int rand 1000 }, sub { '' },
		    sub { ' 5' }, sub { '0x1f' }, sub { '1e3' }, sub { '3.5' }, sub { int(rand 99) . 'k' },
		    sub { '+7' }, sub { bytes(3, 'g' .. 'z') }, sub { "5\n" }, sub { "\xd9\xa3" })->();
}

# "--name=value", "--name value", "-nvalue", "-n value"
sub option
{
	my ($name, $value) = @_;
	return length $value ? "$name$value" : ($name, $value) if length $name == 2 && rand() < 0.5;
	return ($name, $value) if length $name == 2 || rand() < 0.5;
	return "$name=$value";
}

sub write_file
{
	my ($name, $text) = @_;
	open my $to, '>', "$dir/$name" or die "$name: $!";
	print $to $text;
	close $to or die "$name: $!";
	return $name;
}

# Files that are there for all inputs. Nothing may change any of them.
sub set_up
{
	mkdir "$dir/$_" for qw(directory shut);
	write_file('good.json', $report);
	write_file('old.json', "old\n");
	write_file('private.json', "old\n");
	chmod 0600, "$dir/private.json";
	symlink 'old.json', "$dir/link.json";
	symlink 'loop', "$dir/loop";
	write_file('empty', '');
	write_file('zeros', "\0" x 100);
	write_file('large', '');
	truncate "$dir/large", 17 << 20 or die;
}

# A name of a file that is no report.
sub bad_file
{
	my ($file) = @_;
	my $text = pick(
		sub { substr $report, 0, rand length $report }, sub { $report . junk() . 'x' },
		sub { '[' x 100000 }, sub { '{"schema_version":' . bad_number() . '}' },
		sub { '{"schema_version":' . (2 + int rand 99) . ',"error":"x"}' },
		sub { '{"schema_version":1,"document":"' . pick('bench', 'comparison', 'x') . '"}' },
		sub { '{"schema_version":1,"error":"' . "\xff\xfe" . '"}' },
		sub { '{"schema_version":1,"error":"a\u001b[31m"}' },
		sub { '{"schema_version":1,"schema_version":1,"error":"x"}' },
		sub { '{"schema_version":1,"error":' . pick('null', '[]', '7', '{}', '1e999') . '}' },
		sub { '{"schema_version":1,"host":{"cpu":"' . ('x' x (1 + rand 999)) . '"},"reasons":[]}' },
		sub { bytes(1 + rand 999) })->();

	return pick(qw(directory missing loop empty zeros large /dev/null old.json/x)) if rand() < 0.3;
	return write_file($file, $text);
}

# A name of a file that cannot be written.
sub bad_output
{
	return pick('directory', 'missing/x.json', 'old.json/x.json', 'loop', '', 'x' x 300, '/dev/full/x',
		    '/proc/exitcheck', 'x/' x 3000, "missing/\e[31m\n");
}

# The parts of a command line: words, how its streams are, and limits. $n: the number of the input.
sub input
{
	my ($command, $n) = @_;
	my $is = $command || 'run';
	my @given = map { 'good.json' } 1 .. ($arguments{$is} // 0);
	my (@words, %streams, @limits);
	my @kinds = (
		sub { push @words, '--' . bytes(3 + rand 10, 'a' .. 'z') . 'zq' . pick('', '=', '=x') },
		sub { push @words, '--' . substr(junk() . 'zq', 0, 4000) },
		sub { push @words, '-' . pick(split //, 'bcdefgijklmoqrstuvxyzABCDEFGHIJKLMNOPQRSTUVWXYZ019') . junk() },
		sub { push @words, pick(@{$flags{$is}}) . '=' . junk() },
		sub { @given = (@given, junk()) if $is !~ /^(audit|stat)$/; push @words, '--zq' if $is =~ /^(audit|stat)$/ },
	);
	push @kinds, sub { push @words, option(pick(@{$numbers{$is}}), bad_number()) } if $numbers{$is};
	push @kinds, sub { push @words, option(pick(@{$names{$is}}), junk()) } if $names{$is};
	push @kinds, sub { push @words, option(pick(@{$files{$is}}), bad_output()) } if $files{$is};
	push @kinds, sub { push @words, pick(map { @{$_->{$is} // []} } \%numbers, \%names, \%files) } if $files{$is};
	push @kinds, sub { $given[rand @given] = bad_file('bad.json') } if @given;
	push @kinds, sub { pop @given } if @given;
	push @kinds, sub { ($given[0], $streams{0}) = ('-', pick('closed', 'bad')) } if @given;
	# Right options and files, but no room for what they say.
	push @kinds, sub { $streams{1} = pick('full', 'closed') } if $is eq 'report' || $is eq 'list';
	push @kinds, sub { @words = pick('--help'); $streams{1} = pick('full', 'closed') };
	# Half a kilobyte: not enough for the list.
	push @kinds, sub { @limits = ('-f', 1) } if $is eq 'list';
	push @kinds, sub { @limits = ('-n', 8 + int rand 20) } if $is eq 'run' || $is eq 'bench';
	push @kinds, sub { push @words, '--vms=16', '--vcpus=64'; @limits = ('-n', 100 + int rand 1000) } if $is eq 'bench';
	push @kinds, sub { push @words, map { ($_, 'new.json') } @{$files{$is}}[0, 1] } if @{$files{$is} // []} > 1;
	# What is right stands around what is wrong: an output to a file that was there.
	push @words, '--json', pick(qw(old.json link.json private.json new.json)) if $files{$is} && rand() < 0.3;
	$kinds[$n % @kinds]->();
	$streams{2} = pick('full', 'closed') if rand() < 0.05;
	@words = (@words, @given);
	return { words => [length $command ? $command : (), @words], streams => \%streams, limits => \@limits };
}

# What the files are: name => what changes if anyone touches one.
sub files_now
{
	opendir my $all, $dir or die "$dir: $!";
	return { map {
		my @of = lstat "$dir/$_";
		($_ => join ' ', @of[0 .. 5, 7, 9])
	} grep { $_ !~ /^(\.\.?|bad\.json|out|err)$/ } readdir $all };
}

my %opened = (0 => '<', 1 => '>', 2 => '>');
my %devices = (full => '/dev/full', bad => 'zeros');

# Runs it: status, and what it wrote to standard output and error.
sub obey
{
	my ($input) = @_;
	my @command = ($program, @{$input->{words}});

	@command = ('sh', '-c', "ulimit @{$input->{limits}} && exec \"\$@\"", 'sh', @command) if @{$input->{limits}};
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		my @to = ('/dev/null', 'out', 'err');

		chdir $dir or die;
		for my $fd (0 .. 2) {
			my $how = $input->{streams}{$fd} // '';
			my $handle = (\*STDIN, \*STDOUT, \*STDERR)[$fd];

			close $handle;
			open $handle, $opened{$fd}, $devices{$how} // $to[$fd] or exit 126;
		}
		for my $fd (reverse 0 .. 2) {
			next if ($input->{streams}{$fd} // '') ne 'closed';
			require POSIX;
			POSIX::close($fd);
		}
		exec { $command[0] } @command or exit 127;
	}
	local $SIG{ALRM} = sub { kill 'KILL', $pid };
	alarm 20;
	waitpid $pid, 0;
	my $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
	alarm 0;
	return ($status, map { read_file($_) } qw(out err));
}

sub read_file
{
	open my $from, '<', "$dir/$_[0]" or return '';
	local $/;
	return <$from> // '';
}

# What is wrong with how it ended, '' if nothing is.
sub judge
{
	my ($input, $before) = @_;
	my ($status, $out, $err) = obey($input);
	my $after = files_now();
	my @wrong;

	push @wrong, "status $status" if $status !~ /^[23]$/;
	if (!$input->{streams}{2}) {
		my $text = $err;

		push @wrong, 'not one line: ' . $err if $err !~ /\A(exitcheck: )[^\n]+\n\z/;
		push @wrong, 'no clean text' if !utf8::decode($text) || $text =~ /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;
	}
	push @wrong, 'text on standard output'
		if length $out && !@{$input->{limits}} && $out !~ /\A\{\s*"schema_version"/;
	my %named = map { my $word = $_; map { $_ => 1 } ($word, $word =~ /=(.*)/s ? $1 : ()) } @{$input->{words}};
	for my $file (sort keys %{{%$before, %$after}}) {
		next if ($before->{$file} // '') eq ($after->{$file} // '');
		my $was_named = $named{$file} || ($file eq 'old.json' && $named{'link.json'});
		push @wrong, "$file was touched" if $status eq 2 || !$was_named;
	}
	return join '; ', @wrong;
}

srand $seed;
set_up();
print '1..', scalar @commands, "\n";
my $failed = 0;
for my $i (0 .. $#commands) {
	my @wrong;

	for my $n (0 .. $inputs - 1) {
		my $input = input($commands[$i], $n);
		my $before = files_now();
		my $why = judge($input, $before);

		push @wrong, [$input, $why] if length $why;
		# What was rightly overwritten is as before for the next one.
		set_up_again() if length $why || join('', %$before) ne join('', %{files_now()});
	}
	printf "%sok %d - %s: %d bad inputs, each refused in one line\n", @wrong ? 'not ' : '', $i + 1,
		$commands[$i] || 'no command', $inputs;
	for (splice @wrong, 0, 5) {
		my ($input, $why) = @$_;
		my $shown = join ' ', map { my $w = substr $_, 0, 60; $w =~ s/[^ -~]/?/g; "'$w'" } @{$input->{words}};
		my $streams = join ' ', map { "$_:$input->{streams}{$_}" } sort keys %{$input->{streams}};

		$why =~ s/[^ -~]/?/g;
		print "# $shown ($streams; @{$input->{limits}}): ", substr($why, 0, 300), "\n";
	}
	$failed ||= @wrong;
}
exit($failed ? 1 : 0);

sub set_up_again
{
	unlink map { "$dir/$_" } qw(new.json good.json old.json private.json link.json loop);
	set_up();
}
