# SPDX-License-Identifier: BSD-3-Clause
# Martlet's build. Everything made goes below $(B); V=1 shows the commands.
#
#   make            martletd, martletctl, martlet-load        make test     all tests
#   make demo       the whole thing, shown working            make lint     style and include checks
#   make soak       tests that take minutes
#   make run        the demo, left running                    make bench    figures against peers
#   make aarch64    martletctl for aarch64        make test-aarch64  its tests, emulated
#   make debug      -O0 -g3 build in build/debug              make fuzz     long fuzzing (FUZZ_SECONDS)
#   make conformance  the ONNX project's own tests, with a table of what is refused
#   make compare    what is learnt here beside scikit-learn and XGBoost, over five seeds
#   make sbom       what the programs are made of, as CycloneDX, in build/sbom
#   make install    honours DESTDIR and PREFIX                make format   clang-format in place
#   make uninstall  takes it away again                       make deb      Debian packages, in build/deb

B      ?= build
PREFIX ?= /usr/local
DEB_VERSION ?= $(RELEASE)
CC     ?= gcc
V      ?= 0
Q      := $(if $(filter 1,$(V)),,@)
say     = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' "$(1)" "$(2)")

# As many jobs as there are CPUs, unless the caller says how many.
ifeq ($(MAKELEVEL)$(filter -j% --jobserver%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

# Optimisation and sanitisers, one variant a build directory: see debug, asan and fuzzers below.
OPT    ?= -O2 -g
SAN    ?=

WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
          -Wwrite-strings -Wvla -Wno-unused-parameter -Werror=implicit-function-declaration
# ALLOW_EXPERIMENTAL_API is not set: only DPDK's stable API is used.
CFLAGS_ALL := -std=gnu17 $(OPT) $(SAN) $(WARN) -fno-strict-aliasing -fno-common -D_GNU_SOURCE \
              -ffunction-sections -fdata-sections $(CFLAGS)
LDFLAGS_ALL := $(SAN) -Wl,--gc-sections -Wl,--as-needed -Wl,-z,relro,-z,now $(LDFLAGS)

# CHANGELOG.md's first version is the one place that says which this is; a build that is no release's own adds its commit.
RELEASE := $(firstword $(shell sed -n 's/^## \([0-9][0-9.]*\).*/\1/p' CHANGELOG.md))
COMMIT  := $(shell git describe --always --dirty --exclude='*' 2>/dev/null)
VERSION := $(RELEASE)$(if $(filter v$(RELEASE),$(shell git describe --exact-match --dirty 2>/dev/null)),,$(COMMIT:%=+%))

# --- Rooms: what each may include, and what it is made of ----------------------------------------
#
# A file belongs to the room with the longest path that it lies in. SEES_<room>: folders and headers. A
# file of a room is compiled against a view (a folder of links) of just these; scripts/walls.py proves
# the same of the text, and that no two files need each other.

SEES_base           := base
SEES_base/trust     := base
SEES_base/sandbox   := base
SEES_config         := base config
SEES_infer/graph    := base infer/infer.h infer/graph
SEES_infer/ops      := $(SEES_infer/graph) infer/ops
SEES_infer/kernels  := $(SEES_infer/graph) infer/kernels
SEES_infer/image    := $(SEES_infer/ops) infer/image
SEES_infer/plan     := $(SEES_infer/ops) infer/kernels infer/plan
SEES_infer          := $(SEES_infer/plan) infer/image infer/model_internal.h
SEES_infer/import   := $(SEES_infer/ops) infer/import
SEES_infer/compile  := $(SEES_infer) infer/import infer/compile
# What the tool sees of it: a header a command, and what these include. None of them knows graphs.
SEEN_learn          := $(wildcard $(patsubst %,infer/learn/%.h,data/dataset data/dataset_part data/dataset_types watch train/train train/train_options judge/evaluate judge/metrics judge/ranking judge/figures judge/verdict judge/verdict_report prune/prune quantise/quantise quantise/quantise_options distil/distil distil/distil_options distil/distil_result prune/prune_options compress/compress compress/compress_options compress/compress_report data/windows))
SEES_infer/export   := $(SEES_infer/ops) infer/export
SEES_infer/learn    := $(SEES_infer/compile) infer/export infer/learn
SEES_dataplane      := base config/settings.h infer/infer.h $(wildcard dataplane/*.h) dataplane/fair \
                       $(patsubst %,dataplane/memif/%.h,device port link region doorbell wire server) \
                       $(patsubst %,dataplane/xdp/%.h,device program queues hold) dataplane/auth dataplane/device
SEES_dataplane/auth := base config/settings.h infer/infer.h $(patsubst %,dataplane/%.h,drop info packet registry route wire) \
                       dataplane/auth
SEES_dataplane/device := base config/settings.h $(patsubst %,dataplane/%.h,clock drop info limit packet wire) \
                       $(patsubst %,dataplane/memif/%.h,device wire) \
                       $(patsubst %,dataplane/xdp/%.h,device program queues hold) dataplane/device
SEES_dataplane/memif := base $(patsubst %,dataplane/%.h,clock limit device/devargs) dataplane/memif
SEES_dataplane/xdp  := base dataplane/device/devargs.h dataplane/xdp
SEES_dataplane/fair := base config/settings.h infer/infer.h $(patsubst %,dataplane/%.h,drop info packet wire auth/siphash auth/siphash_kernels) \
                       dataplane/fair
SEES_dataplane/flow := base dataplane/flow
SEES_ctl            := base config/config.h config/changes.h config/settings.h infer/infer.h \
                       $(patsubst %,dataplane/%.h,compare dataplane drift drop figures info stats wire) ctl/server
SEES_ctl/server     := $(SEES_ctl)
SEES_ctl/server/confine    := base config/settings.h ctl/server/log.h ctl/server/confine
SEES_ctl/server/http       := base ctl/server/log.h ctl/server/http
SEES_ctl/server/access     := base config/settings.h ctl/server/log.h ctl/server/http ctl/server/audit/audit.h ctl/server/audit/done.h ctl/server/access
SEES_ctl/server/store      := base ctl/server/log.h ctl/server/store
SEES_ctl/server/audit      := base ctl/server/log.h ctl/server/store ctl/server/audit
SEES_ctl/server/scoring    := base infer/infer.h config/settings.h $(patsubst %,dataplane/%.h,compare dataplane drift drop figures info stats wire) \
                              ctl/server/scoring
SEES_ctl/server/operations := $(filter-out ctl/server,$(SEES_ctl)) $(patsubst %,ctl/server/%.h,log models server_state audit/audit audit/done) \
                              ctl/server/store ctl/server/operations
SEES_ctl/server/compare    := $(SEES_ctl/server/operations) ctl/server/compare
SEES_ctl/server/resources  := $(SEES_ctl/server/operations) ctl/server/confine/confine.h ctl/server/confine/capabilities.h ctl/server/drain.h ctl/server/reload.h ctl/server/audit/read.h ctl/server/http ctl/server/access/access.h ctl/server/scoring ctl/server/compare ctl/server/resources
SEES_ctl/server/grpc       := $(SEES_ctl/server/resources) ctl/server/audited.h ctl/server/resources ctl/server/grpc
SEES_ctl/tool       := base config/config.h config/settings.h infer/infer.h $(SEEN_learn) dataplane/flow dataplane/wire.h ctl/tool
SEES_ctl/load       := base config/settings.h infer/infer.h dataplane/wire.h dataplane/unmap.h \
                       $(patsubst %,dataplane/xdp/%.h,device program hold) ctl/load
SEES_tests          := base config infer dataplane ctl tests
ROOMS               := $(patsubst SEES_%,%,$(filter SEES_%,$(.VARIABLES)))
# The room of a file: of those that its path begins with the longest, which sorts last.
room_of = $(lastword $(sort $(foreach r,$(ROOMS),$(if $(filter $r/%,$1),$r))))
# The folder of a room's view, and the mark that it is there.
view_of = $(B)/sees/$(subst /,.,$1)
VIEWS   := $(foreach r,$(ROOMS),$(call view_of,$r).made)

# The version is linked by itself: a commit makes no library new.
SRC_base      := $(filter-out base/version.c,$(wildcard base/*.c))
SRC_trust     := $(wildcard base/trust/*.c)
SRC_sandbox   := $(wildcard base/sandbox/*.c)
SRC_config    := $(wildcard config/*.c)
# Kernels end in the instruction set that they are for, one of ISA_<architecture>/<instruction set>: the
# compiler's flags for it. Those of another architecture are left out.
ISA_x86_64/avx2       := -mavx2 -mfma -mf16c -mbmi2
ISA_x86_64/avx512     := $(ISA_x86_64/avx2) -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512
ISA_x86_64/avx512vnni := $(ISA_x86_64/avx512) -mavx512vnni
ISA_x86_64/avx512vbmi := $(ISA_x86_64/avx512) -mavx512vbmi
ISA_x86_64/avx512bf16 := $(ISA_x86_64/avx512) -mavx512bf16
ISA_x86_64/amxbf16    := $(ISA_x86_64/avx512bf16) -mamx-tile -mamx-bf16
ISA_x86_64/amxint8    := $(ISA_x86_64/avx512) -mamx-tile -mamx-int8
ISA_x86_64/avxvnni    := $(ISA_x86_64/avx2) -mavxvnni
ISA_aarch64/neon      := -DKERNEL_NEON
ARCH          := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
ISAS          := $(patsubst ISA_%,%,$(filter ISA_%,$(.VARIABLES)))
OTHER_ISAS    := $(notdir $(filter-out $(ARCH)/%,$(ISAS)))
OTHER_KERNELS := $(OTHER_ISAS:%=\%_%.c)
# The flags of a file by its name, and those of all that this architecture has (for lint).
isa_flags      = $(ISA_$(ARCH)/$(lastword $(subst _, ,$(basename $(notdir $1)))))
ALL_ISA_FLAGS := $(sort $(foreach i,$(filter $(ARCH)/%,$(ISAS)),$(ISA_$i)))
below          = $(sort $(shell find $1 -name '*.c'))
SRC_import    := $(call below,infer/import)
SRC_compile   := $(call below,infer/compile)
SRC_export    := $(call below,infer/export)
SRC_learn     := $(call below,infer/learn)
SRC_infer     := $(filter-out $(OTHER_KERNELS) $(SRC_import) $(SRC_compile) $(SRC_export) $(SRC_learn),$(call below,infer))
SRC_xdp       := dataplane/device/devargs.c $(wildcard dataplane/xdp/*.c)
SRC_dataplane := $(filter-out $(OTHER_KERNELS),$(sort $(wildcard dataplane/*.c dataplane/auth/*.c dataplane/device/*.c dataplane/fair/*.c dataplane/memif/*.c) $(SRC_xdp)))
SRC_flow      := $(wildcard dataplane/flow/*.c)
SRC_server    := $(call below,ctl/server)
SRC_tool      := $(filter-out ctl/tool/martletctl.c,$(call below,ctl/tool))
SRC_load      := $(filter-out ctl/load/martlet-load.c,$(call below,ctl/load))
LIBRARIES     := base trust sandbox config infer import compile export learn dataplane flow server tool load

# --- External libraries: each room compiles and links only its own -------------------------------

PC_dataplane := libdpdk libbpf libsodium
PC_server    := libevent_core libevent_openssl openssl libnghttp2 liburing jansson libsodium libdpdk libprotobuf-c libseccomp libcap-ng
PC_tool      := jansson libcurl libpcap libsodium
PC_load      := libdpdk libbpf jansson libsodium
PC_flow      := libpcap libsodium
PC_config    := libconfig
PC_sandbox   := libseccomp
PC_trust     := libsodium libcrypto
PC_import    := libprotobuf-c libsodium jansson
PC_compile   := libsodium
PC_infer     := libsodium libcrypto
pc_cflags = $(if $(1),$(shell pkg-config --cflags $(1) 2>/dev/null))
# libevent_openssl.pc asks for all of libevent, of which libevent_core does.
pc_libs   = $(if $(1),$(filter-out -levent,$(shell pkg-config --libs $(1) 2>/dev/null)))
CFLAGS_infer    := $(call pc_cflags,$(PC_infer))
CFLAGS_import   := $(call pc_cflags,$(PC_import)) -I$(B)/gen
CFLAGS_export   := $(CFLAGS_import)
CFLAGS_compile  := $(call pc_cflags,$(PC_compile))
# A fuzzer compiles a model each run: with few golden rows its time is not spent on them.
CFLAGS_compile  += $(if $(findstring fuzzer,$(SAN)),-DGOLDEN_ROWS_MAX=16)
# -march comes with libdpdk's flags, and stays DPDK's own baseline: what needs more ends in its instruction set.
CFLAGS_dataplane := $(call pc_cflags,$(PC_dataplane))
CFLAGS_load     := $(call pc_cflags,$(PC_load))
# Debian's libnghttp2 1.52 has limits of resets and continuations that upstream's 1.52 has not: whether the one
# here does, its linker says.
HAS_nghttp2   := $(shell printf 'int nghttp2_option_set_stream_reset_rate_limit(), nghttp2_option_set_max_continuations(); int main(void) { return nghttp2_option_set_stream_reset_rate_limit() + nghttp2_option_set_max_continuations(); }' | $(CC) $(SAN:-fsanitize=fuzzer-no-link=) -w -x c - -o /dev/null -lnghttp2 2>/dev/null && echo -DHAS_NGHTTP2_LIMITS)
CFLAGS_server   := $(call pc_cflags,$(PC_server)) $(HAS_nghttp2) -I$(B)/gen
CFLAGS_tool     := $(call pc_cflags,$(PC_tool))
CFLAGS_flow     := $(call pc_cflags,$(PC_flow))
CFLAGS_config   := $(call pc_cflags,$(PC_config))
CFLAGS_sandbox  := $(call pc_cflags,$(PC_sandbox))
CFLAGS_trust    := $(call pc_cflags,$(PC_trust))

# The serial OpenBLAS, by path and static: the one that is installed as libopenblas.so may start threads of its own. Its
# buffers get a lock in infer/learn/net/blas.c.
BLAS_DIR      := $(SYSROOT_OF)/usr/lib/$(shell $(CC) -dumpmachine)/openblas-serial
# Nobody there asks errno about a root, which without it is one instruction in a vector.
CFLAGS_learn  := -fno-math-errno -I$(subst /lib/,/include/,$(BLAS_DIR))
LIBS_learn    := -Wl,--wrap=blas_memory_alloc,--wrap=blas_memory_free -L$(BLAS_DIR) -Wl,-Bstatic -lopenblas -Wl,-Bdynamic
LIBS_infer    := $(call pc_libs,$(PC_infer)) -lm -lpthread
LIBS_import   := $(call pc_libs,$(PC_import) $(PC_sandbox))
LIBS_config   := $(call pc_libs,$(PC_config))
LIBS_dpdk     := $(call pc_libs,libdpdk libbpf)
LIBS_martletd := $(call pc_libs,libevent_core libevent_openssl openssl libnghttp2 liburing jansson libprotobuf-c libseccomp libcap-ng) $(LIBS_dpdk) $(LIBS_config) $(LIBS_infer)
LIBS_martletctl := $(LIBS_learn) $(call pc_libs,jansson libcurl libpcap) $(LIBS_import) $(LIBS_config) $(LIBS_infer)
LIBS_martlet-load := $(call pc_libs,jansson libsodium) $(LIBS_dpdk) -lm

# --- Kernels -------------------------------------------------------------------------------------

# clang 14 takes many minutes over UBSan's checks in the unrolled tiles. The fuzzers, its only sanitised
# build, do without them there; the kernel tests have them, by gcc.
CFLAGS_kernels := $(if $(findstring clang,$(CC)),-fno-sanitize=undefined)

# Rows that were quantised by themselves are scaled by a product and a sum, as the operators were.
$(B)/obj/infer/kernels/quantise/qdense_%.o: CFLAGS_kernels += -ffp-contract=off

# --- Rules ---------------------------------------------------------------------------------------

.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all rooms isas programs cross aarch64 test-aarch64 demo run test soak sbom lint format fuzz conformance compare bench debug asan build-fuzzers fuzzers units benches setup clean install uninstall deb

PROGRAMS := $(B)/martletd $(B)/martletctl $(B)/martlet-load
all: programs
programs: $(PROGRAMS)

# A folder per room, holding links to just what it may include. A new one takes the place of the old
# one at once: were its headers gone for a moment, make would not see that they are newer.
define view_rules
$(call view_of,$1).made: Makefile $(filter %.h,$(SEES_$1))
	$$(Q)mkdir -p $$(@D); new=$$$$(mktemp -d $$@.XXXX) && \
		for seen in $(SEES_$1); do mkdir -p $$$$new/$$$$(dirname $$$$seen) && ln -sfn $$(CURDIR)/$$$$seen $$$$new/$$$$seen; done; \
		old=$$$$(readlink $$(call view_of,$1)) || rm -rf $$(call view_of,$1); \
		ln -sfn $$$$(basename $$$$new) $$(call view_of,$1) && { [ -z "$$$$old" ] || rm -rf $$(@D)/$$$$old; }
	$$(Q)touch $$@
endef
$(foreach r,$(ROOMS),$(eval $(call view_rules,$r)))

# $(1): library, $(2): its sources
define library_rules
OBJ_$(1) := $$(patsubst %.c,$(B)/obj/%.o,$(2))
$(B)/lib$(1).a: $$(OBJ_$(1))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar qcs $$@ $$^ # q: two folders may each have a file of that name
$$(OBJ_$(1)): CFLAGS_LIB = $$(CFLAGS_$(1))
endef
$(foreach l,$(LIBRARIES),$(eval $(call library_rules,$(l),$(SRC_$(l)))))

$(B)/obj/%.o: %.c Makefile | $(VIEWS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS_LIB) $(call isa_flags,$<) $(if $(filter infer/kernels/%,$<),$(CFLAGS_kernels)) -MMD -MP -iquote $(call view_of,$(call room_of,$<)) -c $< -o $@

# Made anew when the version is another than that of the last build.
VERSION_OBJ := $(B)/obj/base/version.o
$(shell mkdir -p $(B) && echo '$(VERSION)' | cmp -s - $(B)/version || echo '$(VERSION)' >$(B)/version)
$(VERSION_OBJ): CFLAGS_LIB = -DMARTLET_VERSION='"$(VERSION)"'
$(VERSION_OBJ): $(B)/version

# ONNX's protobuf, generated from Debian's libonnx-dev.
$(B)/gen/onnx.pb-c.c $(B)/gen/onnx.pb-c.h &: /usr/include/onnx/onnx.proto
	$(call say,PROTOC,$<)
	$(Q)mkdir -p $(B)/gen && protoc-c --c_out=$(B)/gen -I$(<D) $<
$(OBJ_import) $(OBJ_export): | $(B)/gen/onnx.pb-c.h
$(B)/obj/gen/onnx.pb-c.o: $(B)/gen/onnx.pb-c.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) -w -I$(B)/gen -c $< -o $@
$(B)/libimport.a: $(B)/obj/gen/onnx.pb-c.o

# gRPC's: what the answers' messages are, and all descriptors as reflection shows them.
GRPC_PROTOS := $(wildcard ctl/server/grpc/proto/*.proto)
$(B)/gen/inference.pb-c.c $(B)/gen/inference.pb-c.h &: ctl/server/grpc/proto/inference.proto
	$(call say,PROTOC,$<)
	$(Q)mkdir -p $(B)/gen && protoc-c --c_out=$(B)/gen -I$(<D) $<
$(B)/gen/grpc_descriptors.h: $(GRPC_PROTOS)
	$(call say,PROTOC,$@)
	$(Q)mkdir -p $(B)/gen && protoc -Ictl/server/grpc/proto --include_imports --descriptor_set_out=$(B)/gen/grpc.pb $^
	$(Q){ echo 'static const unsigned char GRPC_DESCRIPTORS[] = {'; od -An -v -tx1 $(B)/gen/grpc.pb | sed 's/ \(..\)/0x\1,/g'; echo '};'; } >$@
$(OBJ_server): | $(B)/gen/inference.pb-c.h $(B)/gen/grpc_descriptors.h
$(B)/obj/gen/inference.pb-c.o: $(B)/gen/inference.pb-c.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) -w -I$(B)/gen -c $< -o $@
$(B)/libserver.a: $(B)/obj/gen/inference.pb-c.o

# "martletctl links no DPDK; martletd links no importer; martlet-load links neither dataplane (but for its munmap
# and what holds an interface for AF_XDP) nor inference core": these lists are the proof.
$(B)/martletd: $(B)/obj/ctl/martletd.o $(VERSION_OBJ) $(B)/libserver.a $(B)/libdataplane.a $(B)/libinfer.a $(B)/libconfig.a $(B)/libtrust.a $(B)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_martletd) -o $@
$(B)/martletctl: $(B)/obj/ctl/tool/martletctl.o $(VERSION_OBJ) $(B)/libtool.a $(B)/liblearn.a $(B)/libexport.a $(B)/libcompile.a $(B)/libimport.a $(B)/libflow.a $(B)/libinfer.a $(B)/libconfig.a $(B)/libtrust.a $(B)/libsandbox.a $(B)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_martletctl) -o $@
$(B)/martlet-load: $(B)/obj/ctl/load/martlet-load.o $(VERSION_OBJ) $(B)/libload.a $(B)/obj/dataplane/unmap.o $(SRC_xdp:%.c=$(B)/obj/%.o) $(B)/libtrust.a $(B)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_martlet-load) -o $@
$(B)/obj/ctl/martletd.o: CFLAGS_LIB = $(CFLAGS_server)
$(B)/obj/ctl/tool/martletctl.o: CFLAGS_LIB = $(CFLAGS_tool)
$(B)/obj/ctl/load/martlet-load.o: CFLAGS_LIB = $(CFLAGS_load)

# What each links, and what is built in: the serial OpenBLAS; code that is made of ONNX's description.
BILLS := $(PROGRAMS:$(B)/%=$(B)/sbom/%.cdx.json)
sbom: $(BILLS)
$(B)/sbom/martletctl.cdx.json: BUILT_IN = $(BLAS_DIR)/libopenblas.a /usr/include/onnx/onnx.proto
$(B)/sbom/%.cdx.json: $(B)/% scripts/sbom.py
	$(call say,SBOM,$@)
	$(Q)mkdir -p $(@D) && python3 scripts/sbom.py $< $(VERSION) $(BUILT_IN:%=--static %) >$@

# --- Tests ---------------------------------------------------------------------------------------

# Every tests/unit and tests/kernels file is a program of its own; they run under ASan and UBSan.
UNIT_SRC  := $(wildcard tests/unit/test_*.c tests/kernels/test_*.c)
UNIT_BIN  := $(UNIT_SRC:%.c=$(B)/%)
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN  := $(FUZZ_SRC:%.c=$(B)/%)
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
BENCH_BIN := $(BENCH_SRC:%.c=$(B)/%)
# The ONNX project's tests: one program of all the files there.
CONF_SRC  := $(wildcard tests/conformance/*.c)
CONF_BIN  := $(B)/tests/conformance/conformance
HELPER_SRC := $(filter-out $(UNIT_SRC) $(FUZZ_SRC) $(BENCH_SRC) $(CONF_SRC) $(OTHER_KERNELS),$(wildcard tests/*.c tests/*/*.c))
HELPER_OBJ := $(HELPER_SRC:%.c=$(B)/obj/%.o)
# Archives, so that a program is linked with what it uses and no more: some 140 are, and each that held all of the
# project and its debugging symbols would take seconds. gold, of the same binutils, needs half of ld's time for them; for
# aarch64 it does not look on behind a link in the sysroot that leads nowhere, as libm.so's does.
HELPERS       := $(B)/libhelpers.a
CROSS_HELPERS := $(B)/libcrosshelpers.a
LD_TESTS      := -fuse-ld=gold
TEST_LIBS  := server tool load dataplane learn export compile import flow infer config trust sandbox base
CFLAGS_tests := $(call pc_cflags,cmocka libdpdk jansson libevent_core libevent_openssl openssl libnghttp2 liburing libpcap) $(CFLAGS_import) $(CFLAGS_infer) $(CFLAGS_learn)
LIBS_tests := $(LD_TESTS) -Wl,--start-group $(HELPERS) $(TEST_LIBS:%=$(B)/lib%.a) $(LIBS_learn) -Wl,--end-group $(call pc_libs,cmocka libevent_core libevent_openssl openssl libnghttp2 liburing jansson libcurl libpcap libseccomp libcap-ng) $(LIBS_dpdk) $(LIBS_import) $(LIBS_config) $(LIBS_infer)
$(B)/obj/tests/%.o: CFLAGS_LIB = $(CFLAGS_tests)
$(HELPER_OBJ) $(UNIT_SRC:%.c=$(B)/obj/%.o) $(FUZZ_SRC:%.c=$(B)/obj/%.o) $(CONF_SRC:%.c=$(B)/obj/%.o): | $(B)/gen/onnx.pb-c.h $(B)/gen/inference.pb-c.h
$(B)/tests/bench/bench_trees: LIBS_PEER = -lxgboost -ldl
$(B)/tests/bench/bench_onednn: LIBS_PEER = -ldnnl
# Each allocation of the libraries fails in turn there.
ALLOCATIONS := malloc calloc realloc aligned_alloc $(addprefix arena_,alloc calloc strdup strndup memdup)
# What a plan allocates ends at guard pages there.
PLAN_MEMORY := $(addprefix arena_,alloc calloc memdup)
%/tests/unit/test_guard_pages: LIBS_PEER = $(PLAN_MEMORY:%=-Wl,--wrap=%)
%/tests/unit/test_import_codes: LIBS_PEER = $(ALLOCATIONS:%=-Wl,--wrap=%)

$(HELPERS): $(HELPER_OBJ)
$(CROSS_HELPERS): $(filter-out $(B)/obj/tests/bench/% $(B)/obj/tests/fuzz/%,$(HELPER_OBJ))
$(HELPERS) $(CROSS_HELPERS):
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar qcs $@ $^

$(UNIT_BIN) $(BENCH_BIN): $(B)/tests/%: $(B)/obj/tests/%.o $(HELPERS) $(TEST_LIBS:%=$(B)/lib%.a) | $(VERSION_OBJ)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) $(filter %.o,$^) $(VERSION_OBJ) $(LIBS_PEER) $(LIBS_tests) -o $@
# What runs where there is no DPDK: the inference core's tests and the tool's, on another architecture.
CROSS_SRC    := $(shell grep -LE '"(dataplane|ctl/server|ctl/load)/|(parse|fair)_case|unit/frame|stand_in' $(UNIT_SRC))
CROSS_BIN    := $(CROSS_SRC:%.c=$(B)/cross/%)
CROSS_LIBS   := tool learn export compile import flow infer config trust sandbox base
$(CROSS_BIN): $(B)/cross/%: $(B)/obj/%.o $(CROSS_HELPERS) $(CROSS_LIBS:%=$(B)/lib%.a) | $(VERSION_OBJ)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) $(filter %.o,$^) $(VERSION_OBJ) $(LIBS_PEER) -Wl,--start-group $(CROSS_HELPERS) $(CROSS_LIBS:%=$(B)/lib%.a) $(LIBS_learn) -Wl,--end-group $(call pc_libs,cmocka jansson libcurl libpcap) $(LIBS_import) $(LIBS_config) $(LIBS_infer) -o $@
$(CONF_BIN): $(CONF_SRC:%.c=$(B)/obj/%.o) $(B)/libcompile.a $(B)/libimport.a $(B)/libinfer.a $(B)/libtrust.a $(B)/libsandbox.a $(B)/libbase.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) $^ $(LIBS_import) $(LIBS_infer) -o $@
$(FUZZ_BIN): $(B)/tests/%: $(B)/obj/tests/%.o $(HELPERS) $(TEST_LIBS:%=$(B)/lib%.a) | $(VERSION_OBJ)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer $(filter %.o,$^) $(VERSION_OBJ) $(LIBS_tests) -o $@

units: $(UNIT_BIN) $(CONF_BIN)
cross: $(CROSS_BIN) $(CONF_BIN) $(B)/martletctl
fuzzers: $(FUZZ_BIN)
benches: $(BENCH_BIN)

SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
asan:
	$(Q)$(MAKE) --no-print-directory B=$(B)/asan OPT="-O1 -g" SAN="$(SAN_FLAGS)" units programs
build-fuzzers:
	$(Q)$(MAKE) --no-print-directory B=$(B)/fuzz CC=clang-14 OPT="-O1 -g" SAN="$(SAN_FLAGS) -fsanitize=fuzzer-no-link" fuzzers
# martletctl and the inference core for aarch64, and their tests under qemu's emulation of one.
SYSROOT       = $(abspath $(B)/aarch64/sysroot)
CROSS_LIBDIR  = $(SYSROOT)/usr/lib/aarch64-linux-gnu
aarch64:
	$(Q)scripts/sysroot.sh arm64 $(SYSROOT)
	$(Q)PKG_CONFIG_LIBDIR=$(CROSS_LIBDIR)/pkgconfig PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
		$(MAKE) --no-print-directory B=$(B)/aarch64 CC=aarch64-linux-gnu-gcc CFLAGS="--sysroot=$(SYSROOT)" SYSROOT_OF=$(SYSROOT) \
		LDFLAGS="--sysroot=$(SYSROOT) -L$(CROSS_LIBDIR) -Wl,-rpath-link=$(CROSS_LIBDIR)" cross
test-aarch64: SETUP := build test
test-aarch64: setup
	$(Q)$(MAKE) --no-print-directory aarch64
	$(Q)tests/run.sh aarch64/
debug:
	$(Q)$(MAKE) --no-print-directory B=$(B)/debug OPT="-O0 -g3" programs

# What each room sees, for scripts/walls.py.
rooms:
	@:$(foreach r,$(ROOMS),$(info $r: $(SEES_$r)))
# Other architectures' instruction sets and this one's flags, for scripts/lint.sh.
isas:
	@:$(info $(OTHER_ISAS))$(info $(ALL_ISA_FLAGS))

# Everything that a newcomer calls sets the machine up first: by package name, and only what is missing.
setup:
	$(Q)scripts/setup.sh $(SETUP)
demo: SETUP := build
demo: setup
	$(Q)$(MAKE) --no-print-directory all
	$(Q)scripts/demo.sh
run: SETUP := build
run: setup
	$(Q)$(MAKE) --no-print-directory all
	$(Q)scripts/demo.sh --keep
test: SETUP := build test deb
test: setup
	$(Q)$(MAKE) --no-print-directory all asan build-fuzzers
	$(Q)if scripts/sysroot.sh arm64 $(SYSROOT); then $(MAKE) --no-print-directory aarch64; fi
	$(Q)tests/run.sh
# What takes minutes: a machine of its own for the package, ...
soak: SETUP := build test deb soak
soak: setup
	$(Q)$(MAKE) --no-print-directory all asan
	$(Q)tests/run.sh --soak
lint: SETUP := build lint
lint: setup
	$(Q)scripts/lint.sh
conformance: SETUP := build test
conformance: setup
	$(Q)$(MAKE) --no-print-directory $(CONF_BIN)
	$(Q)tests/conformance/run.sh
# What is learnt here beside scikit-learn and XGBoost, over five seeds: tables, and a failure where a bound is missed.
compare: SETUP := build test
compare: setup
	$(Q)$(MAKE) --no-print-directory all
	$(Q)failed=; for script in tests/compare/*.py; do echo "== $$script"; \
		MARTLET_BUILD=$(abspath $(B)) MARTLET_SHARED=$${MARTLET_SHARED:-$(CURDIR)/../shared} $$script || \
		failed="$$failed $$script"; done; \
		[ -z "$$failed" ] || { echo "a bound is missed by$$failed"; exit 1; }
fuzz: SETUP := build test
fuzz: setup
	$(Q)$(MAKE) --no-print-directory build-fuzzers
	$(Q)tests/fuzz/run.sh $${FUZZ_SECONDS:-600}
bench: SETUP := build test bench
bench: setup
	$(Q)$(MAKE) --no-print-directory all benches
	$(Q)tests/bench/run.sh

format:
	$(Q)git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format-14 -i

# The small model that an installed appliance begins with.
$(B)/share/lab.mlt: data/lab.onnx data/lab-train.csv | $(B)/martletctl
	$(Q)mkdir -p $(@D) && $(B)/martletctl model compile data/lab.onnx -o $@ --rows data/lab-train.csv --classes benign,attack >$@.log 2>&1 || { cat $@.log; exit 1; }

install uninstall deb: export B := $(B)
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export DESTDIR := $(DESTDIR)
install: all $(B)/share/lab.mlt
	$(Q)scripts/install.sh
uninstall: all $(B)/share/lab.mlt
	$(Q)scripts/install.sh --uninstall
deb: SETUP := build deb
deb: setup
	$(Q)$(MAKE) --no-print-directory all $(B)/share/lab.mlt
	$(Q)scripts/deb/build.sh $(DEB_VERSION)

clean:
	rm -rf $(B)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
