// SPDX-License-Identifier: BSD-3-Clause
// The device string of an AF_XDP port: what it says of interface and queues, and how it is refused.
#include "dataplane/xdp/device.h"

#include "tests/cmocka.h"

static void driver_is_told_from_others(void **state)
{
	assert_true(xdp_device_is("net_af_xdp0,iface=eth1"));
	assert_true(xdp_device_is("net_af_xdp"));
	assert_false(xdp_device_is("net_af_packet0,iface=net_af_xdp0"));
	assert_false(xdp_device_is("0000:3b:00.0"));
}

static void interface_and_queues_are_taken(void **state)
{
	struct xdp_device d;
	struct error err;

	assert_int_equal(xdp_device_parse("net_af_xdp0,iface=eth1", &d, &err), 0);
	assert_string_equal(d.interface, "eth1");
	assert_int_equal(d.start_queue, 0);
	assert_int_equal(d.queue_count, 0);
	assert_int_equal(
		xdp_device_parse("net_af_xdp7,busy_budget=0,queue_count=4,start_queue=65535,"
				 "iface=fifteen-letters,xdp_prog=/a.o",
			&d, &err),
		0);
	assert_string_equal(d.interface, "fifteen-letters");
	assert_int_equal(d.start_queue, 65535);
	assert_int_equal(d.queue_count, 4);
}

static void arguments_are_refused(void **state)
{
	static const struct {
		const char *device, *text;
	} CASES[] = {
		{ "net_af_xdp0", "it names no interface: net_af_xdp0,iface=eth1 would be right" },
		{ "net_af_xdp0,iface=",
			"it names no interface: net_af_xdp0,iface=eth1 would be right" },
		{ "net_af_xdp0,myiface=a",
			"it names no interface: net_af_xdp0,iface=eth1 would be right" },
		{ "net_af_xdp0,iface=sixteen--letters",
			"iface=sixteen--letters: an interface's name has at most 15 bytes" },
		{ "net_af_xdp0,iface=a,queue_count=0",
			"queue_count=0: a number from 1 to 65535 is right" },
		{ "net_af_xdp0,iface=a,queue_count=",
			"queue_count=: a number from 1 to 65535 is right" },
		{ "net_af_xdp0,iface=a,queue_count=4x",
			"queue_count=4x: a number from 1 to 65535 is right" },
		{ "net_af_xdp0,iface=a,queue_count=99999999999999999999",
			"queue_count=99999999999999999999: a number from 1 to 65535 is right" },
		{ "net_af_xdp0,iface=a,start_queue=-1",
			"start_queue=-1: a number from 0 to 65535 is right" },
		{ "net_af_xdp0,iface=a,start_queue=65536",
			"start_queue=65536: a number from 0 to 65535 is right" },
	};
	struct xdp_device d;
	struct error err;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(xdp_device_parse(CASES[i].device, &d, &err), -EINVAL);
		assert_string_equal(err.text, CASES[i].text);
	}
}

static void driver_is_told_how_many_queues(void **state)
{
	char text[64];
	struct error err;

	assert_int_equal(xdp_device_write("net_af_xdp0,iface=a", 4, text, sizeof(text), &err), 0);
	assert_string_equal(text, "net_af_xdp0,iface=a,queue_count=4");
	assert_int_equal(
		xdp_device_write("net_af_xdp0,queue_count=2,iface=a", 4, text, sizeof(text), &err),
		0);
	assert_string_equal(text, "net_af_xdp0,queue_count=2,iface=a");
	assert_int_equal(xdp_device_write("net_af_xdp0,iface=a", 4, text, 33, &err), -EINVAL);
	assert_string_equal(err.text, "it is too long: 32 bytes are the most");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(driver_is_told_from_others),
		cmocka_unit_test(interface_and_queues_are_taken),
		cmocka_unit_test(arguments_are_refused),
		cmocka_unit_test(driver_is_told_how_many_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
