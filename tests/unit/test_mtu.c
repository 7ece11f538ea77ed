// SPDX-License-Identifier: BSD-3-Clause
// Device strings taken apart, and what devices can carry by them. Whole frames at these edges are
// tests/smoke/port_mtu.py's.
#include "dataplane/device/devargs.h"
#include "dataplane/device/mtu.h"
#include "tests/cmocka.h"

#include <string.h>

static void devargs_finds_whole_names_only(void **state)
{
	const char *device =
		"net_af_packet0,xframesz=1,framesz=4096,iface=eth1,framesz=8192,empty=";
	char text[8];

	assert_true(devargs_text(device, "framesz", text, sizeof(text)));
	assert_string_equal(text, "4096");
	assert_false(devargs_text(device, "frame", text, sizeof(text)));
	assert_string_equal(text, "");
	assert_true(devargs_text(device, "empty", text, sizeof(text)));
	assert_string_equal(text, "");
	assert_false(devargs_text(device, "iface", text, 4)); // does not fit
	assert_false(devargs_text("net_ring0", "iface", text, sizeof(text)));
	assert_false(devargs_text("", "iface", text, sizeof(text)));
	assert_false(devargs_text(",", "", text, sizeof(text)));
}

static void devargs_numbers_that_are_none_are_zero(void **state)
{
	assert_int_equal(devargs_number("d,n=12", "n", 7), 12);
	assert_int_equal(devargs_number("d", "n", 7), 7);
	assert_int_equal(devargs_number("d,n=x", "n", 7), 0);
	assert_int_equal(devargs_number("d,n=-5", "n", 7), 0);
	assert_int_equal(devargs_number("d,n=9999999999", "n", 7), 0);
}

static void devargs_knows_drivers(void **state)
{
	assert_true(devargs_is_of("net_af_xdp0,iface=e", "net_af_xdp"));
	assert_true(devargs_is_of("net_af_xdp", "net_af_xdp"));
	assert_true(devargs_is_of("net_af_xdp_edge,iface=e", "net_af_xdp")); // as the bus has it
	assert_false(devargs_is_of("net_ring0,iface=net_af_xdp0", "net_af_xdp"));
	assert_false(devargs_is_of("net_af", "net_af_xdp"));
}

static int check(const char *device, uint16_t mtu)
{
	static struct config config;
	struct error err;

	config.n_ports = 1;
	config.ports[0].mtu = mtu;
	strcpy(config.ports[0].name, "edge");
	strcpy(config.ports[0].device, device);
	return mtu_check(&config, (mtu_buffer_bytes(&config.ports[0]) + 63) / 64 * 64, &err);
}

static void edges_of_each_driver(void **state)
{
	static const struct {
		const char *device;
		uint16_t most;
	} EDGES[] = {
		{ "net_af_packet0", 1964 },
		{ "net_af_packet0,framesz=4096,blocksz=4096", 4012 },
		{ "net_af_packet0,framesz=9216,blocksz=36864", 9132 },
		{ "net_af_xdp0", 3370 },
		{ "net_memif0,role=client", 2026 },
		{ "net_memif0,role=client,bsize=9216", 9194 },
	};

	for (size_t i = 0; i < sizeof(EDGES) / sizeof(EDGES[0]); i++) {
		assert_int_equal(check(EDGES[i].device, EDGES[i].most), 0);
		assert_int_equal(check(EDGES[i].device, EDGES[i].most + 1), -EINVAL);
	}
	assert_int_equal(check("net_memif0,role=server", 9600), 0);
	assert_int_equal(check("net_memif0,role=client,zero-copy=yes", 9600), 0);
	assert_int_equal(check("net_ring0", 9600), 0);
}

// The ring that a refusal names is one that is taken.
static void what_is_advised_would_do(void **state)
{
	static struct config config;
	struct error err;

	config.n_ports = 1;
	strcpy(config.ports[0].name, "edge");
	for (uint16_t mtu = 576; mtu <= 9600; mtu++) {
		char *advice;

		config.ports[0].mtu = mtu;
		strcpy(config.ports[0].device, "net_af_packet0,framesz=16,blocksz=4096");
		assert_int_equal(mtu_check(&config, 65000, &err), -EINVAL);
		advice = strstr(err.text, "framesz=2048");
		advice = advice ? advice : strstr(err.text, "add framesz=") + strlen("add ");
		snprintf(config.ports[0].device, sizeof(config.ports[0].device),
			"net_af_packet0,%.*s", (int)strcspn(advice, " "), advice);
		assert_int_equal(mtu_check(&config, 65000, &err), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devargs_finds_whole_names_only),
		cmocka_unit_test(devargs_numbers_that_are_none_are_zero),
		cmocka_unit_test(devargs_knows_drivers),
		cmocka_unit_test(edges_of_each_driver),
		cmocka_unit_test(what_is_advised_would_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
