# SPDX-License-Identifier: GPL-2.0-only
# exitcheck.  `make help` lists what can be made; V=1 shows the commands.

# Of the user's own tree, if there is one.
KERNEL ?= $(or $(if $(KERNEL_SRC),$(shell sed -n 's/^VERSION = //p; s/^PATCHLEVEL = /./p' \
	  "$(KERNEL_SRC)/Makefile" 2>/dev/null | tr -d '\n')),6.12)
ISA    ?= svm
# A kernel that there is no series for is judged as it is.
PATCH  ?= $(if $(KERNEL_SRC)$(wildcard kernel-patch/$(KERNEL)/series),series,none)
RUNS   ?= 50
BOOTS  ?= 4
PREFIX ?= /usr/local
ZSH_COMPLETIONS ?= $(PREFIX)/share/zsh/site-functions
UNITS  ?= $(PREFIX)/lib/systemd/system
KVER   ?= $(shell uname -r)
FUZZ_SECONDS ?= 60
SEED   ?= 1
SHARE  ?= 100
SOAK_EXITS ?= 10000000
# Chart.js, for the charts of the HTML report; where Debian's libjs-chart.js has it.
CHART_JS ?= /usr/share/javascript/chart.js/chart.min.js

$(if $(filter svm vmx,$(ISA)),,$(error ISA=$(ISA): use svm or vmx))

CC      ?= gcc
# Of exitcheck-guest. For a 32-bit guest: GUEST_CC="gcc -m32", with Debian's gcc-multilib (larger, glibc's).
GUEST_CC ?= musl-gcc
CLANG   ?= clang
BPFTOOL ?= bpftool
STRIP   := llvm-strip

build   := build
program := exitcheck
inguest := exitcheck-guest

# ---- what it is made of ----

# What each may include: tests/structure.
rooms   := util report kvm tracer run judge bench live compare
sources := $(wildcard user/*.c $(foreach room,$(rooms),user/$(room)/*.c user/$(room)/*.S))
# exitcheck-guest's own, and what it has in common with exitcheck.
own     := $(wildcard user/inguest/*.c)
common  := $(addprefix user/,$(addprefix kvm/,exits.c leaf.c leaf_numbers.c) \
	   $(addprefix util/,color.c error.c text.c))
guest   := $(wildcard user/kvm/guest/*.c user/kvm/guest/*.S)
tests   := $(wildcard tests/unit/test_*.c)
fuzz    := $(wildcard tests/fuzz/fuzz_*.c)
cli     := $(wildcard tests/cli/*.t)
labs    := $(wildcard tests/lab/*.t)
# Tests that differ on VMX; fastpath.t and vmx-invalid-state.t run on VMX alone. The longest go first, since
# they run in parallel. soak.t and those in $(slow) take too long; old.t is for an old kernel.
slow    := $(addprefix tests/lab/,guest-published.t debian-guest.t service.t)
vmx     := $(addprefix tests/lab/,validate.t fastpath.t nested.t vmx-invalid-state.t layout.t inguest.t detail.t)
svm     := $(filter-out %/fastpath.t %/vmx-invalid-state.t %/soak.t %/old.t $(slow),$(labs))
# These go first, so that all CPUs have work up to the end.
long    := $(addprefix tests/lab/,loads.t modules.t faults.t kill.t)
# Kernels that show more than the ordinary one, by the names of their configurations: self-checking, preemptible.
checkers := kasan ubsan kcsan lockdep preempt rt
hygiene := $(addprefix tests/hygiene/,checked.t $(checkers:%=checked.t+svm+%) suspend.t selftests.t broken.t)
# Of HEAD, or what a source archive says of itself: a release has a tag of its name.
release := $(shell sed -n 's/^\#define EXITCHECK_VERSION "\(.*\)"/\1/p' user/util/version.h)
archive := $(file <.tarball-version)
commit  := $(or $(lastword $(archive)),$(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null))
version  = $(or $(firstword $(archive)),$(release)$(if $(shell git tag --points-at HEAD v$(release)),,+git$(shell \
	   TZ=UTC git log -1 --abbrev=12 --format=%cd.%h --date=format-local:%Y%m%d%H%M%S)))
kernels := $(patsubst kernel-patch/%/series,%,$(wildcard kernel-patch/*/series))
published := tests/published/published.t
scripts := .ci/run tests/newcomer tests/packages tests/structure tests/tap.sh tests/cli/installed.t tests/bench/bench \
	   tests/bench/peers.sh tests/fuzz/fuzz \
	   tests/mutants/run $(published) $(labs) $(wildcard tests/hygiene/*.t tests/hygiene/*.sh) \
	   $(wildcard kernel-patch/*.sh) kernel-patch/kvm-modules user/debian/build \
	   $(addprefix user/debian/exitcheck-kvm-dkms.,postinst prerm) \
	   $(addprefix tests/lab/,lab init guest.sh packages run) $(addprefix tests/bench/,compare pool)
code    := $(wildcard $(addsuffix /*.[ch],bpf user $(addprefix user/,$(rooms) kvm/guest inguest completions) \
	   $(addprefix tests/,unit fuzz hygiene lab)))
scripts += $(addprefix tests/mutants/,generate score)

completions := $(foreach name,$(program) $(inguest),$(addprefix $(build)/completions/$(name).,bash zsh fish))
# One for each command under COMMANDS.
manuals := $(patsubst %,$(build)/man/$(program)-%.8,$(shell awk '/^\.SH/ { on = /COMMANDS/ } \
	   on && last == ".TP" { print $$2 } { last = $$0 }' user/$(program).8))
skeletons := $(addprefix $(build)/,$(addsuffix .skel.h,btf classic old vcpus))
object   = $(addsuffix .o,$(basename $(addprefix $(1)/,$(2))))
objects := $(call object,$(build),$(sources))
probe   := $(call object,$(build),$(guest))
small   := $(call object,$(build)/inguest,$(own) $(common))
library := $(filter-out %/main.c,$(sources) $(own))
checked := $(call object,$(build)/sanitized,$(library))
fuzzed  := $(call object,$(build)/fuzzed,$(library))
units   := $(tests:tests/unit/%.c=$(build)/unit/%) $(fuzz:tests/fuzz/%.c=$(build)/unit/%)
targets := $(fuzz:tests/fuzz/%.c=$(build)/fuzz/%)

# ---- how ----

# CI has -Werror here. Elsewhere a compiler or a library that nobody has tried yet may warn.
WERROR     ?=
warnings   := -Wall -Wextra -Wfloat-conversion $(WERROR)
includes   := -Ibpf -Iuser -I$(build)
# Files that exitcheck carries: .incbin searches the include directories.
blobs      := $(addprefix user/report/,report.schema.json bench.schema.json comparison.schema.json report.css report.js) \
	      $(build)/chart.min.js
depend      = -MMD -MP
CFLAGS     ?= -O2 -g
all_cflags  = $(CPPFLAGS) $(CFLAGS) -std=gnu11 $(warnings) $(includes) $(depend)
# A thread's stack may be small; the sanitizers' code takes more.
frames     := -Wframe-larger-than=65536
sanitizers := -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all \
	      -fno-omit-frame-pointer
# trace-cmp makes judging six times slower; libFuzzer still sees the words that parsers compare.
fuzzers    := $(sanitizers) -fno-sanitize-coverage=trace-cmp
libraries  := -lbpf -lelf -lz -ljansson -lmicrohttpd $(or $(shell pkg-config --libs ncursesw 2>/dev/null),-lncursesw -ltinfo) -lpthread -lm

# The BPF target has no multiarch directories of its own; BPF_PROG makes parameters nobody uses.
bpf_cflags := -target bpf -mcpu=v3 -O2 -g -D__TARGET_ARCH_x86 $(warnings) -Wno-unused-parameter \
	      -Ibpf $(depend) -fdebug-prefix-map=$(CURDIR)=. \
	      -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)
# Nothing of the probe guest may need a stack protector, an FPU or a relocation.
guest_cflags := -m64 -O2 -std=gnu11 $(warnings) -Ibpf -Iuser $(depend) -ffreestanding -nostdlib \
	      -fno-pic -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	      -mno-red-zone -mgeneral-regs-only
# Small, and nothing that the kernel of the guest would have to offer.
small_cflags := $(CPPFLAGS) $(CFLAGS) -Os -std=gnu11 $(warnings) $(includes) $(depend) -static -no-pie -fno-pic \
	      -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(Q),@printf '  %-8s %s\n' $(1) $@)

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all run test test-slow test-all mutants hygiene bench compare unit fuzz soak newcomer lint patch-check deps \
	deb deb-check dist clean install help kvm-modules kvm-modules-load kvm-modules-unload
all: $(program) $(inguest) $(completions) $(manuals)

# ---- the program ----

$(program): $(objects)
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(libraries)

# $(call compiled,DIR,COMPILER,FLAGS): how user/ is compiled to DIR/user.
define compiled
$(1)/user/%.o: user/%.c | $(build)/packages $(skeletons) $(build)/commit.h
	$$(call say,CC)
	$$(Q)mkdir -p $$(@D) && $(2) $$(all_cflags) $(3) -c -o $$@ $$<

$(1)/user/%.o: user/%.S | $(build)/packages
	$$(call say,AS)
	$$(Q)mkdir -p $$(@D) && $$(CC) $$(all_cflags) -c -o $$@ $$<

$(1)/user/kvm/probe_blob.o: $(build)/probe.bin
$(1)/user/report/blob.o: $(blobs)
endef

$(eval $(call compiled,$(build),$(CC),$(frames)))
# For unit tests, and for fuzzing.
$(eval $(call compiled,$(build)/sanitized,$(CC),$(sanitizers)))
$(eval $(call compiled,$(build)/fuzzed,$(CLANG),-fsanitize=fuzzer-no-link $(fuzzers)))

$(build)/sanitized/exitcheck.a: $(checked)
$(build)/fuzzed/exitcheck.a: $(fuzzed)
$(build)/%/exitcheck.a:
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(skeletons:.skel.h=.bpf.o): $(build)/%.bpf.o: bpf/%.bpf.c | $(build)/packages
	$(call say,BPF)
	$(Q)mkdir -p $(@D) && $(CLANG) $(bpf_cflags) -c -o $@ $< && $(STRIP) -g $@

$(skeletons): $(build)/%.skel.h: $(build)/%.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@

# What --version says; written when it is another one.
$(build)/commit.h: FORCE
	$(Q)mkdir -p $(@D) && echo '#define EXITCHECK_COMMIT "$(or $(commit),unknown)"' >$@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
FORCE:

# ---- the program for a guest: static, without libraries ----

$(inguest): $(small)
	$(call say,LINK)
	$(Q)$(GUEST_CC) $(small_cflags) -s -Wl,--gc-sections -o $@ $^

$(build)/inguest/%.o: %.c | $(build)/packages $(build)/commit.h
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(GUEST_CC) $(small_cflags) -c -o $@ $<

# ---- the probe guest, which the program carries ----

$(build)/user/kvm/guest/%.o: user/kvm/guest/%.c | $(build)/packages
	$(call say,GUEST)
	$(Q)mkdir -p $(@D) && $(CC) $(guest_cflags) -c -o $@ $<

$(build)/user/kvm/guest/%.o: user/kvm/guest/%.S | $(build)/packages
	$(call say,GUEST)
	$(Q)mkdir -p $(@D) && $(CC) $(guest_cflags) -c -o $@ $<

$(build)/probe.elf: user/kvm/guest/probe.lds $(probe)
	$(call say,LINK)
	$(Q)$(LD) -static -nostdlib -z noexecstack --build-id=none -o $@ -T $^

$(build)/probe.bin: $(build)/probe.elf
	$(call say,OBJCOPY)
	$(Q)objcopy -O binary $< $@

# ---- what the reports are made with, likewise ----

$(build)/chart.min.js: $(wildcard $(CHART_JS)) | $(build)/packages
	$(call say,COPY)
	$(Q)cp "$(CHART_JS)" $@

# ---- unit tests: every object but main's, under the sanitizers ----

$(build)/unit/%: tests/unit/%.c $(build)/sanitized/exitcheck.a
	$(call say,TEST)
	$(Q)mkdir -p $(@D) && $(CC) $(all_cflags) $(sanitizers) -o $@ $< $(build)/sanitized/exitcheck.a -lcmocka $(libraries)

# ---- fuzz targets: with libFuzzer; and as unit tests, with the files of their corpus alone ----

$(build)/unit/replay.o: tests/fuzz/replay.c
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(all_cflags) $(sanitizers) -c -o $@ $<

$(build)/unit/fuzz_%: tests/fuzz/fuzz_%.c $(build)/unit/replay.o $(build)/sanitized/exitcheck.a
	$(call say,TEST)
	$(Q)$(CC) $(all_cflags) -Itests/unit $(sanitizers) -o $@ $(filter-out %.h,$^) $(libraries)

$(build)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(build)/fuzzed/exitcheck.a
	$(call say,FUZZ)
	$(Q)mkdir -p $(@D) && $(CLANG) $(all_cflags) -Itests/unit -fsanitize=fuzzer $(fuzzers) -o $@ $< \
		$(build)/fuzzed/exitcheck.a $(libraries)

# ---- completions for shells, from the programs' own tables of options ----

$(build)/completions/print: user/completions/main.c $(filter-out %/main.o,$(objects) $(call object,$(build),$(own)))
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(all_cflags) $(LDFLAGS) -o $@ $(filter-out %.h,$^) $(libraries)

$(completions): $(build)/completions/%: $(build)/completions/print
	$(call say,SHELL)
	$(Q)$< $(subst ., ,$*) >$@

# ---- man pages of the commands, from the program's own ----

$(manuals): $(build)/man/$(program)-%.8: user/$(program).8 user/man-page.awk
	$(call say,MAN)
	$(Q)mkdir -p $(@D) && awk -v page=$* -f user/man-page.awk $< >$@

# ---- what runs the probe guest over and over, for tests/hygiene ----

$(build)/hygiene/cycles: tests/hygiene/cycles.c $(filter-out %/main.o,$(objects))
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(all_cflags) $(LDFLAGS) -o $@ $(filter-out %.h,$^) $(libraries)

# ---- how often compare is wrong, and what it finds, for tests/bench ----

$(build)/calibration: tests/bench/calibration.c $(filter-out %/main.o,$(objects))
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(all_cflags) $(LDFLAGS) -o $@ $(filter-out %.h,$^) $(libraries)

# ---- exitcheck-guest's code on the probe guest, for tests/lab ----

$(build)/lab/inguest: tests/lab/inguest.c $(filter-out %/main.o,$(objects) $(call object,$(build),$(own)))
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(all_cflags) $(LDFLAGS) -o $@ $(filter-out %.h,$^) $(libraries)

# ---- what is done with it ----

packages := tests/lab/packages
lab      := tests/lab/lab
modules  := kernel-patch/kvm-modules
# The lab's options, from make's variables.
lab_options = --kernel "$(KERNEL)" --isa "$(ISA)"
run_tests   = CMOCKA_MESSAGE_OUTPUT=TAP KERNEL="$(KERNEL)" ISA=svm tests/run-tests
submake     = $(MAKE) --no-print-directory $(if $(Q),-s)
ifdef KERNEL_SRC
export KERNEL_SRC
endif

run: ## the validation, in an emulated host (KERNEL=6.12|5.10|6.1|7.2|7.3 ISA=svm|vmx PATCH=series|none|FILE ARGS=...)
	$(Q)$(packages) install build lab $(ISA)
	$(Q)$(submake) $(program) >&2
	$(Q)KERNEL="$(if $(KERNEL_SRC)$(filter-out file,$(origin KERNEL)),$(KERNEL))" ISA="$(ISA)" PATCH="$(PATCH)" PARAMS="$(PARAMS)" \
		tests/lab/run $(ARGS)

test: ## unit tests, then the lab's on both ISAs, on one kernel (KERNEL=6.12)
	$(Q)$(packages) install build lab svm vmx test browser
	$(Q)$(submake) all $(build)/lab/inguest $(units) $(build)/unit/synthetic
	$(Q)$(lab) build $(lab_options) --patch series,none >/dev/null
	$(Q)$(run_tests) $(cli) $(units) $(vmx:=+vmx) $(published) $(long) tests/browser/pages.t $(filter-out $(long),$(svm))

test-slow: ## those that take long: a Debian as guest and as host, a microvm, published designs on VMX and on 5.10
	$(Q)$(packages) install build lab svm vmx test newcomer
	$(Q)$(submake) all $(build)/lab/inguest
	$(Q)MICROVM=yes $(run_tests) $(published)+vmx $(slow) tests/lab/stat-qemu.t $(addsuffix +svm++5.10,$(published) tests/lab/old.t)

test-all: ## test on every kernel that has a series; then test-slow and the mutants
	$(Q)status=0; for kernel in $(kernels); do \
		$(submake) test KERNEL=$$kernel || status=1; done; \
	$(submake) test-slow || status=1; $(submake) mutants || status=1; exit $$status

mutants: ## every known-broken KVM must be caught and named (RUNS=50 MUTANTS=...; GENERATED=1 SEED=1 SHARE=100)
	$(Q)$(packages) install build lab svm vmx test
	$(Q)$(submake) $(program)
	$(Q)$(if $(GENERATED),KERNEL="$(KERNEL)" ISA="$(ISA)" tests/mutants/score $(SEED) $(SHARE),\
		RUNS="$(RUNS)" tests/mutants/run $(MUTANTS))

bench: ## what watching exits costs by exitcheck and by other tools, in instructions (KERNEL=6.12)
	$(Q)$(packages) install build lab svm bench
	$(Q)$(submake) $(program) >&2
	$(Q)KERNEL="$(KERNEL)" tests/bench/bench $(build)/bench

compare: ## what an exit of each reason costs on two KVMs, in instructions (A=6.1 B=7.3, trees or PATCHes; BOOTS=4 ARGS="-w cpuid")
	$(Q)$(packages) install build lab svm
	$(Q)$(submake) $(program) >&2
	$(Q)KERNEL="$(KERNEL)" PATCH="$(PATCH)" BOOTS="$(BOOTS)" tests/bench/compare $(build)/compare "$(A)" "$(B)" $(ARGS)

unit: ## unit tests alone
	$(Q)$(packages) install build test
	$(Q)$(submake) all $(units)
	$(Q)$(run_tests) $(cli) $(units)

fuzz: ## every parser with random input, by libFuzzer (FUZZ_SECONDS=60 of each)
	$(Q)$(packages) install build fuzz
	$(Q)$(submake) $(targets)
	$(Q)tests/fuzz/fuzz "$(FUZZ_SECONDS)" $(targets)

soak: ## ten million exits in the emulated host, in constant memory (SOAK_EXITS=10000000)
	$(Q)$(packages) install build lab $(ISA) test
	$(Q)$(submake) $(program)
	$(Q)KERNEL="$(KERNEL)" ISA="$(ISA)" SOAK_EXITS="$(SOAK_EXITS)" tests/lab/soak.t

hygiene: ## the patched kernel under KASAN, UBSAN, KCSAN, lockdep, kmemleak; KVM's selftests (an hour)
	$(Q)$(packages) install build lab patch svm test
	$(Q)$(submake) $(program) $(build)/hygiene/cycles
	$(Q)for config in "" $(checkers) suspend; do \
		$(lab) build $(lab_options) $${config:+--config $$config} >/dev/null || exit; done
	$(Q)$(run_tests) $(hygiene)

lint: $(skeletons) $(build)/commit.h ## style, shell and a second compiler's opinion
	$(Q)$(packages) install lint
	$(Q)clang-format --dry-run -Werror $(code)
	$(Q)shellcheck -a -x $(scripts)
	$(Q)tests/structure
	$(Q)$(CLANG) -fsyntax-only $(filter-out -MMD -MP,$(all_cflags)) $(filter user/%.c,$(sources) $(own))

patch-check: ## each series of kernel-patch/: applies to every version that the mirror has, compiles, is in style
	$(Q)$(packages) install lab patch
	$(Q)kernel-patch/patch-check.sh $(kernels)

newcomer: ## run and test on a bare machine of another Debian (RELEASE=trixie SUITES="main updates security" STEP="run test")
	$(Q)RELEASE="$(RELEASE)" SUITES="$(SUITES)" STEP="$(STEP)" tests/newcomer

kvm-modules: ## patched KVM modules for this machine's kernel (KVER=RELEASE: another one's)
	$(Q)names=$$($(modules) packages "$(KVER)") && $(packages) install modules -- $$names
	$(Q)$(modules) build "$(KVER)" "$(build)/kvm-modules/$(KVER)"

kvm-modules-load: ## loads them (PARAMS="exit_leaves=all"), unless there are VMs
	$(Q)$(modules) load "$(build)/kvm-modules/$$(uname -r)" $(PARAMS)

kvm-modules-unload: ## loads the distribution's modules again
	$(Q)$(modules) unload

deps: ## installs every Debian package that building, the lab, the tests and the benchmarks need
	$(Q)$(packages) install build lab patch svm vmx test bench browser lint fuzz

clean: ## removes what was built (kernels stay, in ~/.cache/exitcheck)
	$(Q)rm -rf $(build) $(program) $(inguest)

install: all ## to PREFIX=/usr/local, under DESTDIR
	$(Q)install -D -m 755 $(program) $(DESTDIR)$(PREFIX)/sbin/$(program)
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 user/$(program).8 $(manuals)
	$(Q)install -D -m 755 $(inguest) $(DESTDIR)$(PREFIX)/bin/$(inguest)
	$(Q)install -D -m 644 user/inguest/$(inguest).1 $(DESTDIR)$(PREFIX)/share/man/man1/$(inguest).1
	$(Q)for name in $(program) $(inguest); do \
		install -D -m 644 $(build)/completions/$$name.bash \
			$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$name && \
		install -D -m 644 $(build)/completions/$$name.zsh $(DESTDIR)$(ZSH_COMPLETIONS)/_$$name && \
		install -D -m 644 $(build)/completions/$$name.fish \
			$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$name.fish || exit; done
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/$(program) $(addprefix user/export/$(program).,rules.yml dashboard.json)
	$(Q)install -d $(DESTDIR)$(UNITS) && sed 's|SBINDIR|$(PREFIX)/sbin|' user/export/$(program)-export.service \
		>$(DESTDIR)$(UNITS)/$(program)-export.service

dist: ## a source archive of HEAD, in build/
	$(Q)mkdir -p $(build) && git archive --prefix=exitcheck-$(version)/ --add-virtual-file="exitcheck-$(version)/.tarball-version:\
	$(version) $$(git rev-parse --short=12 HEAD)" HEAD | xz >$(build)/exitcheck-$(version).tar.xz

deb: ## Debian packages of HEAD, in build/deb
	$(Q)$(packages) install build deb
	$(Q)$(submake) dist
	$(Q)user/debian/build $(build)/exitcheck-$(version).tar.xz $(build)/deb

deb-check: ## these packages, built on one bare Debian, installed, run and removed on another (RELEASE=trixie SUITES=main)
	$(Q)RELEASE="$(RELEASE)" SUITES="$(SUITES)" tests/packages

help: ## this
	@echo 'make                    ./$(program) and ./$(inguest)'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' Makefile

# Looked for once, so that a missing compiler or library is said in one line.
$(build)/packages:
	$(Q)mkdir -p $(build) && $(packages) check build && touch $@

-include $(patsubst %.o,%.d,$(objects) $(small) $(probe) $(checked) $(fuzzed)) $(units:=.d) $(targets:=.d) \
	$(build)/hygiene/cycles.d $(build)/calibration.d $(build)/lab/inguest.d $(build)/completions/print.d $(skeletons:.skel.h=.bpf.d)
