// SPDX-License-Identifier: BSD-3-Clause
// The configuration: what a good file gives, and the sentence that each mistake gets.
#include "config/config.h"
#include "config/cpus.h"
#include "tests/cmocka.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LCORES "lcores = { control = 0; io = [ 0 ]; idle = \"sleep\"; };\n"
#define PORT                                                                                       \
	"ports = ( { name = \"p\"; device = \"net_null0\"; addresses = [ \"10.0.0.1/24\" ]; } "    \
	");\n"
#define BASE LCORES PORT

static struct config config;

static void parse_minimal_fills_defaults(void **state)
{
	struct error err;

	assert_int_equal(config_parse("t.conf", BASE, &config, &err), 0);
	assert_int_equal(config.lcores.n_io, 0);
	assert_int_equal(config.lcores.n_complete, 1);
	assert_int_equal(config.lcores.complete[0], 0);
	assert_int_equal(config.lcores.ring_size, 1024);
	assert_int_equal(config.lcores.idle, CONFIG_IDLE_SLEEP);
	assert_true(config.memory.hugepages);
	assert_int_equal(config.memory.mbufs, 0); // "auto"
	assert_int_equal(config.memory.megabytes, 0);
	assert_int_equal(config.n_ports, 1);
	assert_int_equal(config.ports[0].udp_port, 7797);
	assert_int_equal(config.ports[0].mtu, 1500);
	assert_int_equal(config.ports[0].line, 2);
	assert_int_equal(config.ports[0].addresses[0].prefix_length, 24);
	assert_string_equal(config.control.socket, "/run/martlet/martlet.sock");
	assert_string_equal(config.store.path, "/var/lib/martlet");
	assert_string_equal(config.infer.isa, "native");
	assert_int_equal(config.n_models, 0);
	assert_int_equal(config.metrics.listen.port, 0);
	assert_int_equal(config.log.level, CONFIG_LOG_INFO);
	assert_int_equal(config.control.ready_ports, CONFIG_READY_ANY);
}

static void parse_vlan_takes_names_numbers_and_lists(void **state)
{
	static const struct {
		const char *text;
		uint32_t n, vlans[4];
	} CASES[] = {
		{ "", 0, { 0 } },
		{ "vlan = \"any\";", 0, { 0 } },
		{ "vlan = \"none\";", 1, { 0 } },
		{ "vlan = 10;", 1, { 10 } },
		{ "vlan = \"4094\";", 1, { 4094 } },
		{ "vlan = \"100.7\";", 1, { 100 << 16 | 7 } },
		{ "vlan = [ 10, 20 ];", 2, { 10, 20 } },
		{ "vlan = ( \"none\", 10, \"100.7\", \"7.100\" );", 4,
			{ 0, 10, 100 << 16 | 7, 7 << 16 | 100 } },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char text[512];
		struct error err;

		snprintf(text, sizeof(text),
			LCORES
			"ports = ( { name = \"p\"; device = \"d\"; addresses = [ "
			"\"10.0.0.1/24\" ]; vlan_type = \"802.1ad\"; %s } );",
			CASES[i].text);
		assert_int_equal(config_parse("t.conf", text, &config, &err), 0);
		assert_int_equal(config.ports[0].n_vlans, CASES[i].n);
		assert_memory_equal(config.ports[0].vlans, CASES[i].vlans,
			CASES[i].n * sizeof(config.ports[0].vlans[0]));
		assert_int_equal(config.ports[0].vlan_type, CONFIG_VLAN_TYPE_8021AD);
	}
}

static int parse_address(const char *address, struct error *err)
{
	char text[512];

	snprintf(text, sizeof(text),
		LCORES "ports = ( { name = \"p\"; device = \"d\"; addresses = [ \"%s\" ]; } );",
		address);
	return config_parse("t.conf", text, &config, err);
}

static void addresses_of_no_host_are_refused(void **state)
{
	static const char *const CASES[][2] = {
		{ "0.0.0.0/24", "it is the unspecified address" },
		{ "0.1.2.3/24", "0.0.0.0/8 is no network's" },
		{ "127.1.2.3/8", "it is a loopback address" },
		{ "224.0.0.5/24", "it is a multicast address" },
		{ "239.255.255.255/32", "it is a multicast address" },
		{ "240.0.0.1/24", "240.0.0.0/4 is reserved" },
		{ "255.255.255.255/32", "it is the broadcast address of every link" },
		{ "10.77.0.0/24", "it is the address of its whole network" },
		{ "10.77.0.255/24", "it is the broadcast address of its network" },
		{ "10.77.0.7/29", "it is the broadcast address of its network" },
		{ "10.77.0.4/30", "it is the address of its whole network" },
		{ "10.255.255.255/8", "it is the broadcast address of its network" },
		{ "::/64", "it is the unspecified address" },
		{ "::1/128", "it is the loopback address" },
		{ "::ffff:10.77.0.1/120", "mapped into IPv6 (::ffff:0:0/96): name it as IPv4" },
		{ "::10.77.0.1/96", "within IPv6 (::/96): name it as IPv4" },
		{ "::ffff:0:10.77.0.1/96", "translated into IPv6 (::ffff:0:0:0/96)" },
		{ "64:ff9b::10.77.0.1/96", "translated into IPv6 (64:ff9b::/96)" },
		{ "100::1/64", "100::/64 is for what is to be discarded" },
		{ "ff02::1/64", "it is a multicast address" },
		{ "fd00:77::/64", "it is the anycast address of its network's routers" },
		{ "fd00:77::1:0/112", "it is the anycast address of its network's routers" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char want[128];
		struct error err;

		assert_int_equal(parse_address(CASES[i][0], &err), -EINVAL);
		snprintf(want, sizeof(want),
			"ports[0].addresses: '%s' is not an address of one host", CASES[i][0]);
		assert_non_null(strstr(err.text, want));
		assert_non_null(strstr(err.text, CASES[i][1]));
	}
}

static void addresses_of_hosts_are_taken(void **state)
{
	static const char *const CASES[] = { "10.77.0.0/31", "10.77.0.1/31", "10.77.0.0/32",
		"10.77.0.255/16", "10.77.1.0/16", "1.0.0.1/0", "223.255.255.254/24",
		"169.254.1.1/16", "fd00:77::/127", "fd00:77::/128", "fd00:77::1/64", "fe80::1/64",
		"2001:db8::10/64", "::1:0:0:0:1/64" };

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct error err;

		assert_int_equal(parse_address(CASES[i], &err), 0);
	}
}

static void parse_listen_takes_both_families(void **state)
{
	struct error err;
	const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

	assert_int_equal(config_parse("t.conf",
				 BASE "metrics = { listen = \"127.0.0.1:9797\"; };\n"
				      "log = { level = \"debug\"; };",
				 &config, &err),
		0);
	assert_false(config.metrics.listen.is_ipv6);
	assert_int_equal(config.metrics.listen.ipv4.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(config.metrics.listen.port, 9797);
	assert_int_equal(config.log.level, CONFIG_LOG_DEBUG);
	assert_int_equal(config_parse("t.conf", BASE "metrics = { listen = \"[::1]:65535\"; };",
				 &config, &err),
		0);
	assert_true(config.metrics.listen.is_ipv6);
	assert_memory_equal(&config.metrics.listen.ipv6, &loopback, sizeof(loopback));
	assert_int_equal(config.metrics.listen.port, 65535);
}

static void parse_http_takes_listeners_and_limits(void **state)
{
	const struct config_http *http = config.control.http;
	struct error err;

	assert_int_equal(
		config_parse("t.conf",
			BASE
			"control = { http = (\n"
			"{ listen = \"127.0.0.1:7798\"; serves = [ \"infer\", \"metrics\" ]; },\n"
			"{ listen = \"[::1]:7798\"; serves = [ \"metrics\" ]; } );\n"
			"header_bytes = 1024; pipeline = 1; };",
			&config, &err),
		0);
	assert_int_equal(config.control.n_http, 2);
	assert_int_equal(http[0].listen.port, 7798);
	assert_int_equal(http[0].serves, CONFIG_INFER | CONFIG_METRICS);
	assert_int_equal(http[0].line, 4);
	assert_true(http[1].listen.is_ipv6);
	assert_int_equal(http[1].serves, CONFIG_METRICS);
	assert_int_equal(config.control.header_bytes, 1024);
	assert_int_equal(config.control.pipeline, 1);
	assert_int_equal(config.control.header_seconds, 10);
	assert_int_equal(config.control.body_megabytes, 64);
	assert_int_equal(config.control.address_connections, 128);
	assert_int_equal(config_parse("t.conf", BASE, &config, &err), 0);
	assert_int_equal(config.control.n_http, 0);
}

static void parse_full_keeps_every_value(void **state)
{
	struct error err;
	const char *text =
		"lcores = { control = 0; io = [ 0 ]; workers = [ 0 ]; idle = \"sleep\"; ring_size "
		"= 64; };\n"
		"memory = { hugepages = false; mbufs = 2048; megabytes = 128; scratch_kilobytes = "
		"99; };\n"
		"ports = ( { name = \"a\"; device = \"net_null0\"; addresses = [ \"10.0.0.1/8\" ]; "
		"},\n"
		"  { name = \"b\"; device = \"net_null1\"; addresses = [ \"fd00::1/64\" ];\n"
		"    udp_port = 9; mtu = 9000; queues = 2; steered = true; } );\n"
		"control = { socket = \"/tmp/s\"; group = \"root\"; };\n"
		"store = { path = \"/tmp/store\"; };\n"
		"infer = { isa = \"avx2\"; };\n"
		"models = ( { name = \"m\"; id = 65535; image = \"/proc/self/exe\"; } );\n";

	assert_int_equal(config_parse("t.conf", text, &config, &err), 0);
	assert_int_equal(config.lcores.n_io, 1);
	assert_int_equal(config.lcores.n_workers, 1);
	assert_int_equal(config.lcores.n_complete, 0);
	assert_int_equal(config.lcores.ring_size, 64);
	assert_false(config.memory.hugepages);
	assert_int_equal(config.memory.scratch_kilobytes, 99);
	assert_int_equal(config.n_ports, 2);
	assert_true(config.ports[1].addresses[0].is_ipv6);
	assert_int_equal(config.ports[1].queues, 2);
	assert_true(config.ports[1].steered);
	assert_false(config.ports[0].steered);
	assert_int_equal(config.ports[1].mtu, 9000);
	assert_string_equal(config.control.group, "root");
	assert_string_equal(config.infer.isa, "avx2");
	assert_int_equal(config.models[0].id, 65535);
	assert_int_equal(config.models[0].line, 9);
}

struct mistake {
	const char *text;
	const char *sentence; // must appear in the error
};

#define MODEL(text) BASE "models = ( " text " );\n"
#define PORTS(text) LCORES "ports = ( " text " );\n"

static const struct mistake MISTAKES[] = {
	{ "lcores = {", "t.conf:1: " },
	{ "", "t.conf: lcores is missing" },
	{ LCORES, "t.conf: ports: at least one port" },
	{ LCORES "ports = ( );", "t.conf:2: ports: at least one port" },
#define LISTEN(text)    BASE "metrics = { listen = " text "; };"
#define NO_LISTEN(text) "t.conf:3: metrics.listen: '" text "' is no address and port: "
	{ LISTEN("\"\""), NO_LISTEN("") },
	{ LISTEN("\"9797\""), NO_LISTEN("9797") },
	{ LISTEN("\"127.0.0.1\""), NO_LISTEN("127.0.0.1") },
	{ LISTEN("\"127.0.0.1:0\""), NO_LISTEN("127.0.0.1:0") },
	{ LISTEN("\"127.0.0.1:65536\""), NO_LISTEN("127.0.0.1:65536") },
	{ LISTEN("\"127.0.0.1: 1\""), NO_LISTEN("127.0.0.1: 1") },
	{ LISTEN("\"127.0.0.1:1x\""), NO_LISTEN("127.0.0.1:1x") },
	{ LISTEN("\"::1:9797\""), NO_LISTEN("::1:9797") },
	{ LISTEN("\"[::1]\""), NO_LISTEN("[::1]") },
	{ LISTEN("\"[:9797\""), NO_LISTEN("[:9797") },
	{ LISTEN("\"[127.0.0.1]:9797\""), NO_LISTEN("[127.0.0.1]:9797") },
	{ LISTEN("\"localhost:9797\""), NO_LISTEN("localhost:9797") },
	{ LISTEN("9797"), "t.conf:3: metrics.listen: must be a string, not a number: " },
	{ BASE "metrics = { };", "metrics.listen is missing: the address and port on which" },
#define HTTP(text) BASE "control = { http = ( " text " ); };"
#define TOKENS     "trust = { tokens = \"/etc/martlet/tokens\"; };"
#define HERE       "listen = \"127.0.0.1:7798\"; "
	{ BASE "control = { http = 1; };", "t.conf:3: control.http: must be a list of groups" },
	{ HTTP("1"), "t.conf:3: control.http[0]: must be a group" },
	{ HTTP("{ }"), "t.conf:3: control.http[0].listen is missing: an address and port" },
	{ HTTP("{ " HERE "}"), "t.conf:3: control.http[0].serves is missing: what of the API" },
	{ HTTP("{ " HERE "serves = [ ]; }"),
		"t.conf:3: control.http[0].serves: must be an array of strings in [ ], not an "
		"array" },
	{ HTTP("{ " HERE "serves = \"infer\"; }"),
		"t.conf:3: control.http[0].serves: must be an array of strings in [ ], not a "
		"string" },
	{ HTTP("{ " HERE "serves = [ 1 ]; }"),
		"t.conf:3: control.http[0].serves: must be an array of strings in [ ]" },
	{ HTTP("{ " HERE "serves = [ \"all\" ]; }"),
		"t.conf:3: control.http[0].serves: 'all' is none of \"infer\", \"metrics\", "
		"\"manage\"" },
	{ HTTP("{ " HERE "serves = [ \"infer\", \"manage\" ]; }"),
		"t.conf:3: control.http[0].serves: \"manage\" takes something to know people by: "
		"name a file of tokens in trust.tokens, or give the listener tls.client_ca and "
		"list certificates in trust.viewers, trust.operators or trust.admins" },
	{ HTTP("{ " HERE "serves = [ \"infer\" ]; require_token = true; }"),
		"t.conf:3: control.http[0].require_token: true takes something to know people by" },
	{ HTTP("{ listen = \"0.0.0.0:1\"; serves = [ \"manage\" ]; }") TOKENS,
		"t.conf:3: control.http[0].serves: \"manage\" takes TLS where others than this "
		"machine can connect, since whoever reads a token has it: give the listener tls, "
		"or listen on 127.0.0.1" },
	{ HTTP("{ listen = \"[::]:1\"; serves = [ \"infer\" ]; require_token = true; }") TOKENS,
		"t.conf:3: control.http[0].require_token: true takes TLS where others" },
	{ HTTP("{ " HERE "serves = [ \"infer\" ]; role = \"root\"; }"),
		"t.conf:3: control.http[0].role: 'root' is none of \"none\", \"client\", "
		"\"viewer\", \"operator\", \"admin\"" },
	{ BASE "clients = { list = ( { address = \"10.0.0.1/8\"; } ); };",
		"t.conf:3: clients.list[0].address: '10.0.0.1/8' has bits behind its prefix "
		"length: "
		"say it as \"10.77.0.0/24\", \"10.77.0.2\" or \"fd00:77::/64\"" },
	{ BASE "clients = { list = ( { address = \"fd00::1\"; } ); };",
		"t.conf:3: clients.list[0].address: 'fd00::1' is one IPv6 address, but a client is "
		"all of a /64: say it as \"10.77.0.0/24\", \"10.77.0.2\" or \"fd00:77::/64\"" },
	{ BASE "clients = { list = ( { address = \"10.0.0.0/33\"; } ); };",
		"t.conf:3: clients.list[0].address: '10.0.0.0/33' is no network: say it as "
		"\"10.77.0.0/24\", \"10.77.0.2\" or \"fd00:77::/64\"" },
	{ BASE "clients = { list = ( { rate = 3; } ); };",
		"t.conf:3: clients.list[0]: must name either address = \"10.77.0.0/24\" or key = "
		"7" },
	{ BASE "clients = { list = ( { key = 3; }, { key = 3; rate = 1; } ); };",
		"t.conf:3: clients.list[1].key: is the client of the entry at line 3 already" },
	{ BASE "clients = { rate = -1; };",
		"t.conf:3: clients.rate: -1 is out of range, 0 to 1000000000 are possible: "
		"requests "
		"a second of one client; more are answered BUSY; 0: no limit" },
	{ BASE "trust = { viewers = [ \"noc\" ]; };",
		"t.conf:3: trust.viewers: 'noc' names nobody: write \"user:NAME\", "
		"\"group:NAME\", or a certificate's name as \"certificate:CN=NAME\", "
		"\"certificate:DNS:NAME\", \"certificate:URI:NAME\" or "
		"\"certificate:email:NAME\"" },
	{ BASE "trust = { operators = [ \"user:\" ]; };",
		"t.conf:3: trust.operators: 'user:' names nobody" },
	{ BASE "trust = { admins = [ \"user:no.such.user\" ]; };",
		"t.conf:3: trust.admins: 'user:no.such.user': there is no user 'no.such.user' "
		"here" },
	{ BASE "trust = { clients = [ \"group:no.such.group\" ]; };",
		"t.conf:3: trust.clients: 'group:no.such.group': there is no group "
		"'no.such.group' here" },
	{ BASE "trust = { clients = [ \"certificate:gate\" ]; };",
		"t.conf:3: trust.clients: 'certificate:gate' names nobody" },
	{ BASE "control = { group_role = \"all\"; };",
		"t.conf:3: control.group_role: 'all' is none of" },
	{ HTTP("{ " HERE "serves = [ \"infer\" ]; }, { " HERE "serves = [ \"metrics\" ]; }"),
		"t.conf:3: control.http[1].listen: control.http[0] is there already" },
	{ HTTP("{ " HERE "serves = [ \"infer\" ]; }") "metrics = { " HERE "};",
		"t.conf:3: control.http[0].listen: metrics.listen is there already" },
	{ HTTP("{ " HERE "serves = [ \"infer\" ]; port = 1; }"),
		"t.conf:3: control.http[0].port: unknown key; known here: listen, serves, role, "
		"require_token, tls" },
	{ HTTP("{ " HERE "serves = [ \"infer\" ]; tls = 1; }"),
		"t.conf:3: control.http[0].tls: must be a group" },
	{ HTTP("{ " HERE "serves = [ \"infer\" ]; tls = { key = \"/dev/null\"; }; }"),
		"t.conf:3: control.http[0].tls.certificate is missing: the file (PEM)" },
	{ HTTP("{ " HERE "serves = [ \"infer\" ]; tls = { certificate = \"/dev/null\"; key = "
	       "\"/none\"; }; }"),
		"t.conf:3: control.http[0].tls.key: /none cannot be read: No such file" },
	{ BASE "control = { header_bytes = 65536; };",
		"t.conf:3: control.header_bytes: 65536 is out of range" },
	{ BASE "log = { level = \"loud\"; };",
		"t.conf:3: log.level: 'loud' is none of \"debug\", \"info\", \"warning\", "
		"\"error\"" },
	{ BASE "colour = 1;", "t.conf:3: colour: unknown key; known here: lcores, memory" },
	{ BASE "memory = { mbuf = 1; };",
		"t.conf:3: memory.mbuf: unknown key, did you mean 'mbufs'?" },
	{ BASE "memory = 3;", "t.conf:3: memory: must be a group" },
	{ BASE "memory = { mbufs = \"many\"; };",
		"t.conf:3: memory.mbufs: 'many' is neither a whole number nor \"auto\"" },
	{ BASE "memory = { mbufs = 2.5; };",
		"must be a whole number, not a number with a fraction" },
	{ BASE "memory = { mbufs = 7; };",
		"t.conf:3: memory.mbufs: 7 is out of range, 1024 to 4194304" },
	{ BASE "memory = { mbufs = -1; };", "memory.mbufs: -1 is out of range" },
	{ BASE "memory = { hugepages = 1; };",
		"memory.hugepages: must be true or false, not a number" },
	{ BASE "memory = { mbufs = 4096; mbufs = 4096; };", "t.conf:3: duplicate setting name" },
	{ "lcores = { io = [ 0 ]; };" PORT, "t.conf:1: lcores.control is missing" },
	{ "lcores = { control = 0; io = [ 999999 ]; };" PORT,
		"t.conf:1: lcores.io: CPU 999999 does not exist; this machine has 0" },
	{ "lcores = { control = -1; io = [ 0 ]; };" PORT, "lcores.control: CPU -1 does not exist" },
	{ "lcores = { control = 0; io = [ 0, 0 ]; };" PORT, "lcores.io: CPU 0 is named twice" },
	{ "lcores = { control = 0; io = [ 0 ]; };" PORT,
		"lcores.io: CPU 0 is lcores.control already" },
	{ "lcores = { control = 0; io = 0; };" PORT,
		"lcores.io: must be an array in [ ], not a number" },
	{ "lcores = { control = 0; };" PORT, "lcores: no CPU polls the NIC" },
	{ "lcores = { control = 0; complete = [ 0 ]; workers = [ 0 ]; idle = \"sleep\"; };" PORT,
		"lcores.workers: nothing hands requests" },
	{ "lcores = { control = 0; io = [ 0 ]; idle = \"doze\"; };" PORT,
		"lcores.idle: 'doze' is none of \"poll\", \"sleep\"" },
	{ "lcores = { control = 0; io = [ 0 ]; idle = \"sleep\"; ring_size = 100; };" PORT,
		"lcores.ring_size: 100 is not a power of two" },
	{ PORTS("3"), "t.conf:2: ports[0]: must be a group" },
	{ LCORES "ports = { name = \"x\"; };", "ports: must be a list of groups" },
	{ PORTS("{ device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; }"),
		"t.conf:2: ports[0].name is missing" },
	{ PORTS("{ name = \"a b\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; }"),
		"ports[0].name: 'a b' is no name" },
	{ PORTS("{ name = \"\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; }"),
		"ports[0].name: 0 bytes long, 1 to 63" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1\" ]; }"),
		"ports[0].addresses: '10.0.0.1' is not an address with a prefix length" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/33\" ]; }"),
		"'10.0.0.1/33' is not an address with" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/\" ]; }"),
		"'10.0.0.1/' is not an address with" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"127.0.0.1/8\" ]; }"),
		"'127.0.0.1/8' is not an address of one host" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\", \"10.0.0.1/8\" ]; "
		"}"),
		"ports[0].addresses: 10.0.0.1 is named twice, here and in ports[0]" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\", \"fd00::7/64\" ]; "
		"},"
		"{ name = \"b\"; device = \"e\"; addresses = [ \"fd00:0::7/48\" ]; }"),
		"t.conf:2: ports[1].addresses: fd00::7 is named twice, here and in ports[0]" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ ]; }"),
		"ports[0].addresses: 0 entries, 1 to 8" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ 1 ]; }"), "an array of strings" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; },"
		"{ name = \"a\"; device = \"e\"; addresses = [ \"10.0.0.2/24\" ]; }"),
		"ports[1].name: 'a' is the name of the port at line 2 already" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; },"
		"{ name = \"b\"; device = \"d\"; addresses = [ \"10.0.0.2/24\" ]; }"),
		"ports[1].device: port 'a' has this one already" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; vlan = 0; }"),
		"t.conf:2: ports[0].vlan: '0' is no VLAN: 1 to 4094 are possible in each tag" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; vlan = 4095; }"),
		"ports[0].vlan: '4095' is no VLAN" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; vlan = -1; }"),
		"ports[0].vlan: '-1' is no VLAN" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; vlan = \"7.\"; "
		"}"),
		"ports[0].vlan: '7.' is no VLAN" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; "
		"vlan = \"1.2.3\"; }"),
		"ports[0].vlan: '1.2.3' is no VLAN" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; vlan = true; }"),
		"ports[0].vlan: must name VLANs" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; vlan = [ ]; }"),
		"ports[0].vlan: 0 entries, 1 to 32 are possible" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; "
		"vlan = ( 10, \"10\" ); }"),
		"ports[0].vlan: entry 2 names the same VLAN as entry 1" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; "
		"vlan = ( 10, \"any\" ); }"),
		"ports[0].vlan: 'any' is no VLAN" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; "
		"vlan_type = \"0x88a8\"; }"),
		"ports[0].vlan_type: '0x88a8' is none of \"any\", \"802.1q\", \"802.1ad\"" },
	{ PORTS("{ name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; udp_port = 0; }"),
		"ports[0].udp_port: 0 is out of range, 1 to 65535" },
	{ "@include \"/dev/zero\"\n" BASE,
		"t.conf:1: @include: /dev/zero: is not a file but a device" },
	{ BASE "control = { group = \"no-such-group\"; };",
		"t.conf:3: control.group: there is no group 'no-such-group' here" },
	{ BASE "infer = { isa = \"sse\"; };", "t.conf:3: infer.isa: 'sse' is none of" },
	{ MODEL("{ name = \"m\"; id = 0; image = \"/proc/self/exe\"; }"),
		"models[0].id: 0 is out of" },
	{ MODEL("{ name = \"m\"; id = 1; image = \"/no/such.mlt\"; }"),
		"t.conf:3: models[0].image: /no/such.mlt: cannot be opened: No such file" },
	{ MODEL("{ name = \"m\"; id = 1; image = \"/\"; }"),
		"models[0].image: /: is not a file but a folder; make it with" },
	{ MODEL("{ name = \"../m\"; id = 1; image = \"/proc/self/exe\"; }"), "'../m' is no name" },
	{ MODEL("{ name = \"m\"; id = 1; image = \"/proc/self/exe\"; },"
		"{ name = \"m\"; id = 2; image = \"/proc/self/exe\"; }"),
		"models[1].name: 'm' is the name of the model at line 3 already" },
	{ MODEL("{ name = \"m\"; id = 1; image = \"/proc/self/exe\"; },"
		"{ name = \"n\"; id = 1; image = \"/proc/self/exe\"; }"),
		"models[1].id: 1 is the id of model 'm' already" },
};

static void parse_mistake_is_named(void **state)
{
	for (size_t i = 0; i < sizeof(MISTAKES) / sizeof(MISTAKES[0]); i++) {
		struct error err = { .text = "" };
		int rc = config_parse("t.conf", MISTAKES[i].text, &config, &err);

		if (rc != -EINVAL || !strstr(err.text, MISTAKES[i].sentence))
			fail_msg("case %zu (%s): rc %d, '%s' lacks '%s'", i, MISTAKES[i].text, rc,
				err.text, MISTAKES[i].sentence);
		assert_null(strchr(err.text, '\n'));
	}
}

struct told {
	uint32_t n;
	char texts[32][512];
};

static void tell(void *arg, const char *mistake)
{
	struct told *told = arg;

	assert_true(told->n < 32);
	snprintf(told->texts[told->n++], sizeof(told->texts[0]), "%s", mistake);
}

// Each of them, with its line, and nothing that follows from another.
static void parse_tells_all_mistakes(void **state)
{
	static const char TEXT[] =
		"lcores = { control = 0; io = [ 0 ]; idle = \"slep\"; ring_size = 5; };\n"
		"memory = { mbufs = -1; };\n"
		"ports = ( { name = \"p\"; device = \"a\"; addresses = [ \"10.0.0.1/24\" ]; mtu = "
		"5; },\n"
		"  { name = \"p\"; addresses = [ \"10.0.0.300\" ]; } );\n"
		"control = { conections = 9; streams = \"many\"; http = (\n"
		"  { listen = \"here\"; serves = [ \"infer\" ]; } ); };\n"
		"models = ( { name = \"m\"; id = 0; image = \"/proc/self/exe\"; } );\n"
		"nothing = 1;\n";
	static const char *const SENTENCES[] = { "t.conf:8: nothing: unknown key",
		"t.conf:1: lcores.idle: ", "t.conf:1: lcores.ring_size: ",
		"t.conf:2: memory.mbufs: ",
		"t.conf:5: control.conections: unknown key, did you mean 'connections'?",
		"t.conf:5: control.streams: ", "t.conf:6: control.http[0].listen: ",
		"t.conf:3: ports[0].mtu: ", "t.conf:4: ports[1].device is missing",
		"t.conf:4: ports[1].addresses", "t.conf:7: models[0].id: " };
	static struct told told;
	struct error err;

	assert_int_equal(config_parse_all("t.conf", TEXT, &config, tell, &told, &err), -EINVAL);
	assert_string_equal(err.text, told.texts[0]);
	assert_int_equal(told.n, sizeof(SENTENCES) / sizeof(SENTENCES[0]));
	for (uint32_t i = 0; i < told.n; i++)
		if (strncmp(told.texts[i], SENTENCES[i], strlen(SENTENCES[i])) != 0)
			fail_msg("%u: '%s' is not '%s'", i, told.texts[i], SENTENCES[i]);
	told.n = 0;
	assert_int_equal(config_parse_all("t.conf", "a = ;", &config, tell, &told, &err), -EINVAL);
	assert_int_equal(told.n, 1);
	assert_string_equal(err.text, told.texts[0]);
	told.n = 0;
	assert_int_equal(config_parse_all("t.conf", BASE, &config, tell, &told, &err), 0);
	assert_int_equal(told.n, 0);
	assert_int_equal(config_load_all("/no/such", &config, tell, &told, &err), -ENOENT);
	assert_int_equal(told.n, 1);
}

static int load_text(const char *text, size_t bytes, struct error *err)
{
	char path[] = "/tmp/test_config.XXXXXX";
	int fd = mkstemp(path);
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, bytes), bytes);
	close(fd);
	rc = config_load(path, &config, err);
	unlink(path);
	return rc;
}

static void load_file_is_read_whole(void **state)
{
	static char big[(1 << 20) + 1];
	struct error err;

	assert_int_equal(load_text(BASE, strlen(BASE), &err), 0);
	assert_int_equal(load_text("a\0b", 3, &err), -EINVAL);
	assert_non_null(strstr(err.text, "zero byte"));
	memset(big, '#', sizeof(big));
	assert_int_equal(load_text(big, sizeof(big), &err), -EFBIG);
	assert_non_null(strstr(err.text, "1048577 bytes"));
	assert_int_equal(config_load("/no/such/martletd.conf", &config, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/no/such/martletd.conf: cannot be opened"));
	assert_int_equal(config_load("/", &config, &err), -EINVAL);
}

// A thread of an appliance runs on one CPU, and a reload asks it for others'.
static void cpus_stay_usable_where_a_thread_is_pinned(void **state)
{
	cpu_set_t before, one;
	int first = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	while (!CPU_ISSET(first, &before))
		first++;
	assert_true(cpus_usable((uint32_t)first));
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		assert_int_equal(cpus_usable(cpu), CPU_ISSET(cpu, &before) != 0);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_false(cpus_usable(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpus_stay_usable_where_a_thread_is_pinned),
		cmocka_unit_test(parse_minimal_fills_defaults),
		cmocka_unit_test(parse_full_keeps_every_value),
		cmocka_unit_test(parse_vlan_takes_names_numbers_and_lists),
		cmocka_unit_test(addresses_of_no_host_are_refused),
		cmocka_unit_test(addresses_of_hosts_are_taken),
		cmocka_unit_test(parse_listen_takes_both_families),
		cmocka_unit_test(parse_http_takes_listeners_and_limits),
		cmocka_unit_test(parse_tells_all_mistakes),
		cmocka_unit_test(parse_mistake_is_named),
		cmocka_unit_test(load_file_is_read_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
