// SPDX-License-Identifier: BSD-3-Clause
// The device string of a memif server: what it may say, and how it is refused.
#include "dataplane/memif/device.h"

#include "tests/cmocka.h"

static void server_is_told_from_client(void **state)
{
	assert_true(memif_device_is_server("net_memif0,role=server"));
	assert_true(memif_device_is_server("net_memif7,id=3,role=server,socket=/a"));
	assert_true(memif_device_is_server("net_memif0,role=master"));
	assert_false(memif_device_is_server("net_memif0"));
	assert_false(memif_device_is_server("net_memif0,role=client,socket=/role=server"));
	assert_false(memif_device_is_server("net_ring0,role=server"));
	assert_false(memif_device_is_server("0000:3b:00.0"));
}

static void arguments_are_taken(void **state)
{
	struct memif_device d;
	struct error err;

	assert_int_equal(memif_device_parse("net_memif0,role=server", &d, &err), 0);
	assert_string_equal(d.socket, "/run/memif.sock");
	assert_true(d.is_abstract);
	assert_int_equal(d.id, 0);
	assert_string_equal(d.secret, "");
	assert_string_equal(d.group, "");
	assert_true(rte_is_valid_assigned_ether_addr(&d.mac));
	assert_int_equal(
		memif_device_parse("net_memif0,role=server,id=4294967295,socket=/run/a.sock,"
				   "socket-abstract=no,secret=123456789012345678901234,"
				   "socket-group=staff,mac=02:00:00:00:00:0a,bsize=2048,rsize=10,"
				   "zero-copy=yes",
			&d, &err),
		0);
	assert_string_equal(d.socket, "/run/a.sock");
	assert_false(d.is_abstract);
	assert_int_equal(d.id, UINT32_MAX);
	assert_string_equal(d.secret, "123456789012345678901234");
	assert_string_equal(d.group, "staff");
	assert_int_equal(d.mac.addr_bytes[5], 10);
}

static void arguments_are_refused(void **state)
{
	static const struct {
		const char *argument, *text;
	} CASES[] = {
		{ "nonsense=1",
			"'nonsense' is no argument of a memif server; there are role, id, socket, "
			"socket-abstract, socket-group, secret, mac, bsize, rsize and zero-copy" },
		{ "id=-1", "id=-1: a number from 0 to 4294967295 is right" },
		{ "id=", "id=: a number from 0 to 4294967295 is right" },
		{ "id=4294967296", "id=4294967296: a number from 0 to 4294967295 is right" },
		{ "id=1x", "id=1x: a number from 0 to 4294967295 is right" },
		{ "id", "id=: a number from 0 to 4294967295 is right" },
		{ "rsize=15", "rsize=15: a number from 1 to 14 is right" },
		{ "bsize=0", "bsize=0: a number from 1 to 65535 is right" },
		{ "socket-abstract=maybe", "socket-abstract=maybe: yes or no is right" },
		{ "secret=1234567890123456789012345", "secret has 25 bytes: 1 to 24 are right" },
		{ "socket=", "socket has 0 bytes: 1 to 107 are right" },
		{ "socket-abstract=no,socket-group=123456789012345678901234567890123",
			"socket-group has 33 bytes: 1 to 32 are right" },
		{ "socket-group=staff",
			"socket-group=staff, but an abstract socket has no owner: a path and "
			"socket-abstract=no would be right" },
		{ "mac=1:2:3", "mac=1:2:3: 02:00:00:00:00:01 would be right" },
		{ "mac=01:00:5e:00:00:01",
			"mac=01:00:5e:00:00:01: 02:00:00:00:00:01 would be right" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct memif_device d;
		struct error err;
		char device[200];

		snprintf(device, sizeof(device), "net_memif0,role=server,%s", CASES[i].argument);
		assert_int_equal(memif_device_parse(device, &d, &err), -EINVAL);
		assert_string_equal(err.text, CASES[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_is_told_from_client),
		cmocka_unit_test(arguments_are_taken),
		cmocka_unit_test(arguments_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
