# SPDX-License-Identifier: GPL-2.0-only
# The operators of `generate`: what a mistake can make of a line.  Reads the numbers of the lines that may
# be changed; writes each change as a patch, and prints its name.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);

my ($file, $work, $dir, $isa, $seed, $share) = @ARGV;
my %swap = (
	'eax' => 'ebx', 'ebx' => 'eax', 'ecx' => 'edx', 'edx' => 'ecx',
	'lower_32_bits' => 'upper_32_bits', 'upper_32_bits' => 'lower_32_bits',
	'exits' => 'cycles', 'cycles' => 'exits', 'true' => 'false', 'false' => 'true',
	'exits_by_number' => 'cycles_by_number', 'cycles_by_number' => 'exits_by_number',
	'unlikely' => '!', 'static_branch_inc' => '(void)', 'u64' => 'u32', 'u32' => 'u16', 's64' => 's32',
	'KVM_X86_EXIT_LEAVES_ENABLE' => 'KVM_X86_EXIT_LEAVES_HOST',
	'KVM_X86_EXIT_LEAVES_HOST' => 'KVM_X86_EXIT_LEAVES_ENABLE',
	'u64_stats_inc' => '(void)', 'mutex_lock' => '(void)', 'rcu_read_lock' => '(void)',
);
my %relation = ('<' => '<=', '<=' => '<', '>' => '>=', '>=' => '>', '==' => '!=', '!=' => '==',
	'&&' => '||', '||' => '&&', '+' => '-', '-' => '+', '+=' => '-=', '|=' => '&=', '&=' => '|=');

open(my $in, '<', "$work/new/$file") or die;
my @lines = <$in>;
close($in);

# mutants LINE: pairs of an operator's name and what it makes of the line.
sub mutants
{
	my ($line) = @_;
	my @made;

	# A statement of one line.
	push @made, ['delete', "\n"]
		if $line =~ /^\t+\w.*;$/ &&
		   $line !~ /^\t+(const |struct |unsigned |static |u32 |u64 |s64 |bool |size_t |void |int |XA_STATE|extern )/;
	push @made, ['negate', "$1!($2)$3\n"] if $line =~ /^(\t+(?:\} else )?if \()(.*)(\)(?: \{)?)$/;
	push @made, ['always', "$1true$2\n"] if $line =~ /^(\t+(?:\} else )?if \().*(\)(?: \{)?)$/;
	push @made, ['never', "$1false$2\n"] if $line =~ /^(\t+(?:\} else )?if \().*(\)(?: \{)?)$/;
	push @made, ['return', "$1!($2);\n"] if $line =~ /^(\t+return )(?!-?\d|true|false)(.+);$/;
	while ($line =~ /(?<![\w.>])(0x[0-9a-f]+|\d+)(?![\w.])/g) {
		my ($before, $number, $after) = (substr($line, 0, $-[0]), $1, substr($line, $+[0]));

		push @made, ['more', $before . "($number + 1)" . $after];
		push @made, ['less', $before . "($number - 1)" . $after] if $number !~ /^0(x0)?$/;
	}
	while ($line =~ / ([<>]=?|[=!]=|&&|\|\||[-+]|\+=|\|=|&=) /g) {
		my ($before, $after) = (substr($line, 0, $-[1]), substr($line, $+[1]));

		push @made, ['relation', $before . $relation{$1} . $after];
	}
	while ($line =~ /(\w+) - (\w+(?:->\w+)*)/g) {
		push @made, ['operands', substr($line, 0, $-[0]) . "$2 - $1" . substr($line, $+[0])];
	}
	while ($line =~ /\b(\w+)\b/g) {
		next if !defined $swap{$1};
		push @made, ['swap', substr($line, 0, $-[1]) . $swap{$1} . substr($line, $+[1])];
	}
	push @made, ['plain', "$1$2 = $3;\n"] if $line =~ /^(\t+)WRITE_ONCE\((.+?), (.+)\);$/;
	push @made, ['index', "$1\[0]$2\n"] if $line =~ /^(.*)\[(?:index|acct->index)\](.*)$/;
	return @made;
}

my %seen;
my $name = $file;

$name =~ s{.*/}{};
$name =~ s/\W/-/g;
while (my $number = <STDIN>) {
	my $at = $number - 1;
	my $line = $lines[$at];
	my @made;

	next if $line =~ m{^\s*(/?\*|//|#|\})} || $line =~ /^\s*$|EXPORT_SYMBOL|MODULE_PARM_DESC|BUILD_BUG_ON|BTF_/;
	@made = map { [$_->[0], [$_->[1]]] } mutants($line);
	# A step later: after the statement that follows.
	push @made, ['later', [$lines[$at + 1], $line], 2]
		if $line =~ /^(\t+)\w.*;$/ && $line !~ /^\t+(return|break|goto)\b/ &&
		   $lines[$at + 1] =~ /^\t+\w.*;$/ && $lines[$at + 1] !~ /^\t+(return|break|goto)\b/;
	for my $mutant (@made) {
		my ($operator, $new, $length) = @$mutant;
		my $key = substr(sha1_hex($file, $line, @$new, $seen{"$line@$new"}++ || ''), 0, 6);
		my $full = sprintf('%s-%d-%s-%s', $name, $number, $operator, $key);
		my @changed = @lines;

		next if join('', @$new) eq $line;
		next if hex(substr(sha1_hex("$seed $file $key"), 0, 6)) % 100 >= $share;
		splice(@changed, $at, $length // 1, @$new);
		open(my $out, '>', "$work/mutated/$file") or die;
		print $out @changed;
		close($out);
		open($out, '>', "$dir/$full.patch") or die;
		print $out "Subject: $operator, $file:$number\n\nISA: $isa\n---\n";
		close($out);
		system("cd '$work' && diff -u --label a/$file --label b/$file new/$file mutated/$file >>'$dir/$full.patch'");
		print "$full\n";
	}
}
