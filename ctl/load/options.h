// SPDX-License-Identifier: BSD-3-Clause
// martlet-load's command line. Owner: main(), read-only once parsed.
#pragma once

#include "base/error.h"
#include "base/options.h"
#include "base/rows_options.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stdint.h>

#define LOAD_EXPECT_MAX 16
#define LOAD_FRAME_MAX  9216 // bytes of an Ethernet frame, without its checksum

struct load_expect {
	uint16_t version; // 0: whatever version answers
	const char *path;
};

enum load_arrivals { ARRIVALS_CONSTANT, ARRIVALS_POISSON };

struct load_options {
	const char *device;
	uint32_t queues;
	uint32_t rx_queues; // 0: as many as queues
	struct config_address from, to;
	uint32_t port;        // the appliance's UDP port
	uint32_t source_port; // ours; queue i sends from source_port + i
	bool has_peer_mac;
	uint8_t peer_mac[6];

	uint32_t model, model_version;
	const char *rows_path;
	struct rows_options rows;
	const char *
		features; // their names, comma-separated: a CSV's columns in any order; NULL: as they stand
	uint32_t columns; // of a row; 0: as many as the file has, which a .f32 does not say
	uint32_t rows_per_request;
	uint32_t dtype;     // enum row_dtype
	double scale, zero; // i8 and u8: q = value / scale + zero
	uint32_t pad_bytes;
	uint32_t budget_us;
	bool ping, echo;
	const char *key; // file of keys (base/trust/keys.h); NULL: not authenticated
	uint32_t key_id; // 0: the file's only one

	uint32_t window;
	double rate; // requests a second; 0: closed loop
	enum load_arrivals arrivals;
	uint32_t in_flight; // the open loop holds back what would be more than this; 0: the default
	uint64_t requests;
	double seconds;
	double warmup_seconds;
	bool once;
	uint32_t timeout_ms;
	uint32_t link_timeout_ms;

	struct load_expect expect[LOAD_EXPECT_MAX];
	uint32_t n_expect;
	double tolerance;
	const char *scores_path;

	uint32_t cpu;
	bool no_huge;
	uint32_t megabytes;
	bool json;
};

// The command line that fills *options, for options_end().
struct options load_command_line(struct load_options *options);
// Fills *options, whose strings point into argv. 0, or what options_parse() returns otherwise.
int load_options_parse(struct load_options *options, char **argv, struct error *err);
