#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0-only
# Holds what exitcheck-guest showed in a guest against the host's trace of kvm_exit and kvm_cpuid, with the
# fields of each event (tracefs's option "fields"), from the VM's first exit on, all on one CPU.
#   leaf-truth.pl TRACE DOCUMENTS SNAPSHOTS...
# DOCUMENTS has exitcheck-guest's JSON, a line each. For each table there, in order, SNAPSHOTS says which
# ones it is made of, by their place in the trace: "FROM-TO"; or "TO" since the counters began, by the first
# who reads them.  "+N": it has executed N CPUIDs more than the reads of leaves that the trace has.
# "-other": without those of another exitcheck-guest that ran in between.
# "=registers": counts are those that the reads returned, as of leaves that count something else.
# Prints a line for each table: "equal, N exits", or what differs.
use strict;
use warnings;
use JSON::PP;

my ($trace, $documents, @made_of) = @ARGV;
my (%count, %of_vcpu, %vcpu_of, @snapshots, $reads, %reads_of);

# A snapshot lies between two reads of the total.
my ($leaf_first, $leaf_last, $total, $vcpu_total) = (0x4ffffff7, 0x4fffffff, 0x4fffffff, 0x4ffffffa);
my $now;

open my $events, '<', $trace or die "$trace: $!\n";
while (<$events>) {
	my ($thread) = /-(\d+)\s+\[/ or next;
	if (/kvm_exit: exit_reason=0x([0-9a-f]+) .* vcpu_id=0x([0-9a-f]+)/) {
		$vcpu_of{$thread} = $2;
		$count{hex $1}++;
		$of_vcpu{$2}{hex $1}++;
		next;
	}
	my ($function, $index, @register) = map { hex }
		/kvm_cpuid: function=0x(\w+) .* index=0x(\w+) .* rax=0x(\w+) .* rbx=0x(\w+) .* rcx=0x(\w+) .* rdx=0x(\w+)/
		or next;
	next if $function < $leaf_first || $function > $leaf_last;
	my $vcpu = $vcpu_of{$thread};
	my $true = $function < 0x4ffffffb ? $of_vcpu{$vcpu} : \%count;
	$reads++;
	$reads_of{$vcpu}++;
	if ($function == $total || $function == $vcpu_total) {
		if ($now) {
			$now->{end} = $reads;
			push @snapshots, $now;
			$now = undef;
		} else {
			$now = { begin => $reads };
		}
	}
	next unless $now;
	if ($function == 0x4ffffffd || $function == 0x4ffffff8) {
		$now->{exits}{$index} = $true->{$index} // 0;
		$now->{returned}{$index} = $register[0];
		next if $index != 0x72;
		$now->{reads} = $function == 0x4ffffff8 ? $reads_of{$vcpu} : $reads;
	} elsif ($function == 0x4ffffffc || $function == 0x4ffffff7) {
		$now->{cycles}{$index} = $register[1] << 32 | $register[2];
	}
}

# judge TABLE, FROM, TO, EXITS, MORE: what differs.
sub judge
{
	my ($table, $from, $to, $exits, $more) = @_;
	my $own = $to->{reads} - ($from->{reads} // 0) + $more;
	my (@wrong, %shown);

	$shown{$_->{number}} = $_ for @{$table->{reasons}};
	push @wrong, "own: $table->{own_exits}, not $own" if $table->{own_exits} != $own;
	for my $number (sort { $a <=> $b } keys %{$to->{$exits}}) {
		my $true = $to->{$exits}{$number} - ($from->{$exits}{$number} // 0);
		my $cycles = ($to->{cycles}{$number} // 0) - ($from->{cycles}{$number} // 0);
		my $row = delete $shown{$number} // { exits => 0, cycles => 0 };

		$true -= $own if $number == 0x72;
		push @wrong, sprintf('0x%x: %d exits, not %d', $number, $row->{exits}, $true)
			if $row->{exits} != $true;
		# The time of its own CPUIDs is taken out by the mean.
		push @wrong, sprintf('0x%x: %d cycles, not %d', $number, $row->{cycles}, $cycles)
			if $number != 0x72 && $row->{cycles} != $cycles;
	}
	push @wrong, sprintf('0x%x: not read', $_) for keys %shown;
	return @wrong;
}

open my $lines, '<', $documents or die "$documents: $!\n";
my @tables = map { @{decode_json($_)->{tables} // []} } <$lines>;
printf "%d tables, not %d\n", scalar @tables, scalar @made_of if @tables != @made_of;
for my $table (@tables) {
	my ($from, $to, $more, $registers) =
		(shift @made_of // '') =~ /^(?:(\d+)-)?(\d+)(\+\d+|-other)?(=registers)?$/ or last;
	my @wrong = ('no such snapshot');

	# Six reads are the first one's own: it looks at the epoch after a snapshot and before one.
	$more = 6 - ($snapshots[$to]{begin} - $snapshots[$from]{end} - 2) if ($more // '') eq '-other';
	@wrong = judge($table, defined $from ? $snapshots[$from] : {}, $snapshots[$to],
		       $registers ? 'returned' : 'exits', $more // 0) if $snapshots[$to];
	print @wrong ? join('; ', @wrong) : "equal, $table->{total}{exits} exits", "\n";
}
