// SPDX-License-Identifier: BSD-3-Clause
#include "config/schema.h"

#include "base/trust/role.h"
#include "config/settings.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
// Where a field of a struct lies, and its size.
#define AT(type, field)   .offset = offsetof(struct type, field)
#define TEXT(type, field) AT(type, field), .field_bytes = sizeof(((struct type *)0)->field)
#define LIST(type, field) AT(type, field), .count_offset = offsetof(struct type, n_##field)

static const char *const IDLE_CHOICES[] = { "poll", "sleep", NULL }; // enum config_idle's order
// enum config_checksum's order
static const char *const CHECKSUM_CHOICES[] = { "verify", "trust", NULL };
// enum config_ready's order
static const char *const READY_CHOICES[] = { "any", "all", "none", NULL };
// enum config_log_level's order
static const char *const LOG_CHOICES[] = { "debug", "info", "warning", "error", NULL };
// enum config_seccomp's order
static const char *const SECCOMP_CHOICES[] = { "kill", "log", "off", NULL };
// enum config_vlan_type's order
static const char *const VLAN_CHOICES[] = { "any", "802.1q", "802.1ad", NULL };
static const char *const ISA_CHOICES[] = { "native", "scalar", "avx2", "avx512", "avx512vnni",
	"amx", NULL };

// enum config_service's order
static const char *const SERVICE_CHOICES[] = { "infer", "metrics", "manage", NULL };

// enum role's order
static const char *const ROLE_CHOICES[] = { "none", "client", "viewer", "operator", "admin", NULL };

static const struct key LCORES_KEYS[] = {
	{ "control", KEY_CPU, AT(config_lcores, control), .required = true,
		.help = "the CPU of the control thread, as in control = 0;" },
	{ "io", KEY_CPUS, LIST(config_lcores, io), .max = CONFIG_CPUS_MAX,
		.help = "the CPUs that poll the NIC, as in io = [ 1 ];" },
	{ "workers", KEY_CPUS, LIST(config_lcores, workers), .max = CONFIG_CPUS_MAX,
		.help = "the CPUs that score; empty: the io CPUs score themselves" },
	{ "complete", KEY_CPUS, LIST(config_lcores, complete), .max = CONFIG_CPUS_MAX,
		.help = "CPUs that receive, score and reply by themselves" },
	{ "idle", KEY_CHOICE, AT(config_lcores, idle), .choices = IDLE_CHOICES,
		.otherwise = CONFIG_IDLE_POLL, .help = "what an lcore does when nothing arrives" },
	{ "ring_size", KEY_U32, AT(config_lcores, ring_size), .min = 16, .max = 65536,
		.otherwise = 1024, .help = "packets in each I/O-worker ring, a power of two" },
};
const struct key_group SCHEMA_LCORES = { "lcores", true, LCORES_KEYS, N(LCORES_KEYS),
	"which CPU does what, as in lcores = { control = 0; io = [ 1 ]; };",
	"threads and their rings are made at start" };

static const struct key MEMORY_KEYS[] = {
	{ "hugepages", KEY_BOOL, AT(config_memory, hugepages), .otherwise = true,
		.help = "false: ordinary pages" },
	{ "mbufs", KEY_U32_AUTO, AT(config_memory, mbufs), .min = 1024, .max = 1 << 22,
		.otherwise = 0, .help = "packet buffers for all ports together" },
	{ "megabytes", KEY_U32_AUTO, AT(config_memory, megabytes), .min = 64, .max = 1 << 20,
		.otherwise = 0, .help = "memory that DPDK takes at start, MiB" },
	{ "scratch_kilobytes", KEY_U32, AT(config_memory, scratch_kilobytes), .min = 64,
		.max = 1 << 20, .otherwise = 16384,
		.help = "work memory of each scoring lcore, KiB: bounds the largest model" },
	{ "lane_kilobytes", KEY_U32, AT(config_memory, lane_kilobytes), .min = 16, .max = 1 << 20,
		.otherwise = 256,
		.help = "of each scoring lcore, KiB: rows that wait to be scored by another "
			"version" },
};
const struct key_group SCHEMA_MEMORY = { "memory", false, MEMORY_KEYS, N(MEMORY_KEYS), "",
	"memory is taken at start" };

static const struct key PORT_KEYS[] = {
	{ "name", KEY_NAME, TEXT(config_port, name), .min = 1, .max = CONFIG_NAME_MAX - 1,
		.required = true, .help = "what this port is called in status and metrics" },
	{ "device", KEY_STRING, TEXT(config_port, device), .min = 1, .max = CONFIG_PATH_MAX - 1,
		.required = true,
		.help = "a PCI address (\"0000:3b:00.0\") or a DPDK device "
			"(\"net_af_xdp0,iface=eth1\")" },
	{ "members", KEY_TEXTS, LIST(config_port, members), .min = 1, .max = CONFIG_MEMBERS_MAX,
		.field_bytes = CONFIG_MEMBER_BYTES,
		.help = "the devices of a bond, as in [ \"net_af_packet0,iface=eth1\", "
			"\"net_af_packet1,iface=eth2\" ]" },
	{ "addresses", KEY_ADDRESSES, LIST(config_port, addresses), .min = 1,
		.max = CONFIG_ADDRESSES_MAX, .required = true,
		.help = "the port's addresses, as in [ \"10.77.0.1/24\", \"fd00:77::1/64\" ]" },
	{ "udp_port", KEY_U16, AT(config_port, udp_port), .min = 1, .max = 65535, .otherwise = 7797,
		.help = "where requests arrive" },
	{ "mtu", KEY_U16, AT(config_port, mtu), .min = 576, .max = 9600, .otherwise = 1500,
		.help = "largest IP packet, bytes" },
	{ "checksum", KEY_CHOICE, AT(config_port, checksum), .choices = CHECKSUM_CHOICES,
		.otherwise = CONFIG_CHECKSUM_VERIFY,
		.help = "whether a wrong UDP checksum is dropped, or accepted from senders that "
			"leave it to offload" },
	{ "queues", KEY_U16, AT(config_port, queues), .max = CONFIG_CPUS_MAX,
		.help = "receive queues; 0: one for each polling CPU" },
	{ "steered", KEY_BOOL, AT(config_port, steered), .otherwise = false,
		.help = "AF_XDP: true if the card sends all packets of this port to its queues, "
			"though it has more" },
	{ "vlan", KEY_VLANS, LIST(config_port, vlans),
		.help = "whose frames are taken: \"any\", \"none\" (no tag), a VLAN as 10, two "
			"tags as "
			"\"100.7\" (the outer one first), or several of these as ( \"none\", 10 "
			")" },
	{ "vlan_type", KEY_CHOICE, AT(config_port, vlan_type), .choices = VLAN_CHOICES,
		.otherwise = CONFIG_VLAN_TYPE_ANY,
		.help = "the type of a frame's outer tag: 0x8100 (802.1q), 0x88a8 (802.1ad)" },
	{ "announce", KEY_BOOL, AT(config_port, announce), .otherwise = true,
		.help = "tell the link our addresses when it comes up" },
	{ "icmp_per_second", KEY_U32, AT(config_port, icmp_per_second), .max = 1000000,
		.otherwise = 1000, .help = "echo replies a second, and as many ICMP errors" },
	{ "icmp_errors", KEY_BOOL, AT(config_port, icmp_errors), .otherwise = false,
		.help = "answer what nobody serves by ICMP port unreachable, and what is too long "
			"by packet too big" },
};
const struct key_group SCHEMA_PORT = { "ports", true, PORT_KEYS, N(PORT_KEYS), "",
	"devices are opened at start" };

static const struct key CONTROL_KEYS[] = {
	// 107 bytes and a NUL are all that a sockaddr_un takes.
	{ "socket", KEY_STRING, TEXT(config_control, socket), .min = 1, .max = 107,
		.otherwise_text = "/run/martlet/martlet.sock",
		.help = "the path of the API's UNIX socket" },
	{ "group", KEY_NAME, TEXT(config_control, group), .min = 1, .max = CONFIG_NAME_MAX - 1,
		.help = "the group whose members may use the API" },
	{ "group_role", KEY_CHOICE, .live = true, AT(config_control, group_role),
		.choices = ROLE_CHOICES, .otherwise = ROLE_ADMIN,
		.help = "what they may: \"viewer\", \"operator\", ..." },
	{ "connections", KEY_U32, .live = true, AT(config_control, connections), .min = 8,
		.max = 65536, .otherwise = 256, .help = "connections to the API at a time" },
	{ "upload_megabytes", KEY_U32, .live = true, AT(config_control, upload_megabytes),
		.min = 16, .max = 65536, .otherwise = 512,
		.help = "memory for what is being sent and answered, together, MiB" },
	{ "http", KEY_GROUPS, .live = true, LIST(config_control, http), .max = CONFIG_HTTP_MAX,
		.help = "where the API is served over TCP, and what of it" },
	{ "address_connections", KEY_U32, .live = true, AT(config_control, address_connections),
		.min = 1, .max = 65536, .otherwise = 128,
		.help = "connections over TCP from one address at a time" },
	{ "handshakes", KEY_U32, .live = true, AT(config_control, handshakes), .min = 1,
		.max = 4096, .otherwise = 160, .help = "handshakes of TLS under way at a time" },
	{ "handshakes_per_second", KEY_U32, .live = true, AT(config_control, handshakes_per_second),
		.min = 1, .max = 100000, .otherwise = 128,
		.help = "handshakes of TLS that an address may begin" },
	{ "header_bytes", KEY_U32, .live = true, AT(config_control, header_bytes), .min = 1024,
		.max = 65535, .otherwise = 16384, .help = "what the header of a request may have" },
	{ "header_seconds", KEY_U32, .live = true, AT(config_control, header_seconds), .min = 1,
		.max = 3600, .otherwise = 10, .help = "the time that it has to be complete" },
	{ "idle_seconds", KEY_U32, .live = true, AT(config_control, idle_seconds), .min = 1,
		.max = 86400, .otherwise = 60,
		.help = "the time that a connection is kept between requests" },
	{ "body_megabytes", KEY_U32, .live = true, AT(config_control, body_megabytes), .min = 1,
		.max = 256, .otherwise = 64,
		.help = "what the body of a request over TCP may have, MiB" },
	{ "bytes_per_second", KEY_U32, .live = true, AT(config_control, bytes_per_second), .min = 1,
		.max = 1 << 30, .otherwise = 1024,
		.help = "how fast a body must come, and an answer be taken, at the least" },
	{ "pipeline", KEY_U32, .live = true, AT(config_control, pipeline), .min = 1, .max = 1024,
		.otherwise = 8,
		.help = "requests of a connection answered before the first answer has left" },
	{ "streams", KEY_U32, .live = true, AT(config_control, streams), .min = 1, .max = 1024,
		.otherwise = 128, .help = "requests of a connection at a time, with HTTP/2" },
	{ "resets_per_second", KEY_U32, .live = true, AT(config_control, resets_per_second),
		.min = 1, .max = 100000, .otherwise = 100,
		.help = "requests that a connection may break off, with HTTP/2" },
	{ "json_depth", KEY_U32, .live = true, AT(config_control, json_depth), .min = 8, .max = 64,
		.otherwise = 32,
		.help = "levels of arrays and objects that a body to score may have" },
	{ "message_bytes", KEY_U32, .live = true, AT(config_control, message_bytes), .min = 4096,
		.max = 256 << 20, .otherwise = 4 << 20,
		.help = "what a message of a gRPC call may have" },
	{ "ready_ports", KEY_CHOICE, .live = true, AT(config_control, ready_ports),
		.choices = READY_CHOICES, .otherwise = CONFIG_READY_ANY,
		.help = "how many ports must be without trouble for the appliance to be ready" },
	{ "drain_grace", KEY_U32, .live = true, AT(config_control, drain_grace), .max = 3600,
		.otherwise = 5,
		.help = "seconds between 'not ready' and the end of service, in which everything "
			"is served" },
	{ "drain_timeout", KEY_U32, .live = true, AT(config_control, drain_timeout), .min = 1,
		.max = 3600, .otherwise = 10,
		.help = "seconds after which what is still under way is cut, and the hook" },
	{ "drain_hook", KEY_STRING, TEXT(config_control, drain_hook), .min = 1,
		.max = CONFIG_PATH_MAX - 1,
		.help = "a command that is run when draining begins, as one that withdraws a "
			"route" },
};
const struct key_group SCHEMA_CONTROL = { "control", false, CONTROL_KEYS, N(CONTROL_KEYS), "",
	"the socket, and the process that runs the hook, are made at start" };

static const struct key HTTP_KEYS[] = {
	{ "listen", KEY_LISTEN, .live = true, AT(config_http, listen), .required = true,
		.help = "an address and port, as in \"127.0.0.1:7798\" or \"[::1]:7798\"" },
	{ "serves", KEY_CHOICES, .live = true, AT(config_http, serves), .choices = SERVICE_CHOICES,
		.min = 1, .max = 3, .required = true,
		.help = "what of the API, as in [ \"infer\", \"metrics\" ]" },
	{ "role", KEY_CHOICE, .live = true, AT(config_http, role), .choices = ROLE_CHOICES,
		.otherwise = ROLE_ADMIN, .help = "the most that anybody may here" },
	{ "require_token", KEY_BOOL, .live = true, AT(config_http, require_token),
		.otherwise = false,
		.help = "true: nothing is served to who has neither a token nor a certificate" },
	{ "tls", KEY_GROUP, .live = true, .help = "a certificate and its key" },
};
static const struct key TLS_KEYS[] = {
	{ "certificate", KEY_STRING, .live = true, TEXT(config_tls, certificate), .min = 1,
		.max = CONFIG_PATH_MAX - 1, .required = true,
		.help = "the file (PEM) of the certificate and those above it" },
	{ "key", KEY_STRING, .live = true, TEXT(config_tls, key), .min = 1,
		.max = CONFIG_PATH_MAX - 1, .required = true, .help = "the file (PEM) of its key" },
	{ "client_ca", KEY_STRING, .live = true, TEXT(config_tls, client_ca), .min = 1,
		.max = CONFIG_PATH_MAX - 1,
		.help = "the file (PEM) of who signs the certificates that clients must have" },
};
const struct key_group SCHEMA_TLS = { "tls", false, TLS_KEYS, N(TLS_KEYS), "", "" };

const struct key_group SCHEMA_HTTP = { "http", true, HTTP_KEYS, N(HTTP_KEYS), "", "" };

static const struct key STORE_KEYS[] = {
	{ "path", KEY_STRING, TEXT(config_store, path), .min = 1, .max = CONFIG_PATH_MAX - 256,
		.otherwise_text = "/var/lib/martlet",
		.help = "the folder of model images and deployments" },
	{ "retention", KEY_STRING, .live = true, TEXT(config_store, retention), .min = 3, .max = 16,
		.otherwise_text = "all",
		.help = "versions of a model that are kept: \"all\", or as \"latest 5\"" },
};
const struct key_group SCHEMA_STORE = { "store", false, STORE_KEYS, N(STORE_KEYS), "",
	"the store is opened at start" };

static const struct key METRICS_KEYS[] = {
	{ "listen", KEY_LISTEN, .live = true, AT(config_metrics, listen), .required = true,
		.help = "the address and port on which GET /metrics is answered, as in "
			"\"127.0.0.1:9797\" or \"[::1]:9797\"" },
};
const struct key_group SCHEMA_METRICS = { "metrics", false, METRICS_KEYS, N(METRICS_KEYS), "", "" };

static const struct key SCORING_KEYS[] = {
	{ "threads", KEY_U32, AT(config_scoring, threads), .min = 1, .max = 64, .otherwise = 1,
		.help = "threads that score what comes by the API, on CPUs without an lcore" },
	{ "queue", KEY_U32, .live = true, AT(config_scoring, queue), .min = 1, .max = 65536,
		.otherwise = 256,
		.help = "requests of the API that wait to be scored; more are refused" },
};
const struct key_group SCHEMA_SCORING = { "scoring", false, SCORING_KEYS, N(SCORING_KEYS), "",
	"threads are started once" };

static const struct key DRIFT_KEYS[] = {
	{ "sample", KEY_U32, AT(config_drift, sample), .min = 0, .max = 1000000, .otherwise = 16,
		.help = "1 of so many rows is counted, to be compared with its model's reference; "
			"0: none" },
	{ "window_seconds", KEY_U32, AT(config_drift, window_seconds), .min = 12, .max = 604800,
		.otherwise = 3600, .help = "how long a row counts" },
	{ "metrics", KEY_U32, AT(config_drift, metrics), .min = 0, .max = 1000, .otherwise = 10,
		.help = "columns of a model that martlet_model_drift_psi has: those that moved "
			"most" },
};
const struct key_group SCHEMA_DRIFT = { "drift", false, DRIFT_KEYS, N(DRIFT_KEYS), "",
	"counters are made by it at start" };

static const struct key PROCESS_KEYS[] = {
	{ "user", KEY_STRING, TEXT(config_process, user), .max = CONFIG_NAME_MAX - 1,
		.otherwise_text = CONFIG_USER_AUTO,
		.help = "the user that martletd becomes once its devices are open; \"\": it stays "
			"who it is; \"auto\": martlet, where root started it and there is one" },
	{ "seccomp", KEY_CHOICE, AT(config_process, seccomp), .choices = SECCOMP_CHOICES,
		.otherwise = CONFIG_SECCOMP_KILL,
		.help = "what becomes of a system call that martletd has no use for: it ends, or "
			"the kernel's log has it" },
};
const struct key_group SCHEMA_PROCESS = { "process", false, PROCESS_KEYS, N(PROCESS_KEYS), "",
	"what was given up is not had back" };

static const struct key LOG_KEYS[] = {
	{ "level", KEY_CHOICE, .live = true, AT(config_log, level), .choices = LOG_CHOICES,
		.otherwise = CONFIG_LOG_INFO, .help = "what is left out of the log" },
};
const struct key_group SCHEMA_LOG = { "log", false, LOG_KEYS, N(LOG_KEYS), "", "" };

static const struct key MODEL_KEYS[] = {
	{ "name", KEY_NAME, TEXT(config_model, name), .min = 1, .max = CONFIG_NAME_MAX - 1,
		.required = true, .help = "the model's name" },
	{ "id", KEY_U16, AT(config_model, id), .min = 1, .max = 65535, .required = true,
		.help = "its number on the wire" },
	{ "image", KEY_STRING, TEXT(config_model, image), .min = 1, .max = CONFIG_PATH_MAX - 1,
		.required = true, .help = "the image (.mlt) that 'martletctl model compile' made" },
};
const struct key_group SCHEMA_MODEL = { "models", true, MODEL_KEYS, N(MODEL_KEYS), "",
	"the store says what is deployed: push, promote, unload or delete it" };

static const struct key INFER_KEYS[] = {
	{ "isa", KEY_ISA, TEXT(config_infer, isa), .choices = ISA_CHOICES,
		.otherwise_text = "native", .help = "the instruction sets that kernels may use" },
	{ "exact", KEY_BOOL, AT(config_infer, exact), .otherwise = false,
		.help = "the same bits for a row in batches of any size, also where that is "
			"slower" },
	{ "refuse_not_finite", KEY_BOOL, AT(config_infer, refuse_not_finite), .otherwise = false,
		.help = "a request with a score that is NaN or infinite is answered NOT_FINITE" },
};
const struct key_group SCHEMA_INFER = { "infer", false, INFER_KEYS, N(INFER_KEYS), "",
	"models are opened by it at start" };

static const struct key CANARY_KEYS[] = {
	{ "differ", KEY_REAL, AT(config_canary, differ), .most = 1,
		.help = "the share of rows that a canary may decide otherwise than live, as in "
			"0.02" },
	{ "mean", KEY_REAL, AT(config_canary, mean), .most = 1e30,
		.help = "what the largest difference of a row's scores may be on average" },
	{ "latency", KEY_REAL, AT(config_canary, latency), .most = 1e6,
		.help = "how many times longer than live a canary may take, as in 1.5" },
	{ "alpha", KEY_REAL, AT(config_canary, alpha), .least = 1e-9, .most = 0.5,
		.otherwise_real = 0.05,
		.help = "the probability that a bound is found broken which is kept" },
	{ "tolerance", KEY_REAL, AT(config_canary, tolerance), .most = 1e6, .otherwise_real = 0.01,
		.help = "how far apart scores without classes may be, as a share of their spread" },
	{ "threshold", KEY_REAL, AT(config_canary, threshold), .least = -1e30, .most = 1e30,
		.otherwise_real = 0.5,
		.help = "the score from which on a row is of the second of two classes" },
	{ "rows_min", KEY_U32, AT(config_canary, rows_min), .min = 1, .max = UINT32_MAX,
		.otherwise = 1000, .help = "rows to compare before a canary may be promoted" },
	{ "every", KEY_U32, AT(config_canary, every), .min = 1, .max = 1000000, .otherwise = 4,
		.help = "one of so many rows that live answers is scored by a canary or shadow" },
};
const struct key_group SCHEMA_CANARY = { "canary", false, CANARY_KEYS, N(CANARY_KEYS), "",
	"comparisons begin with it" };

// A list of who has a role.
#define PRINCIPALS(key, who)                                                                       \
	{                                                                                          \
#key, KEY_TEXTS, .live = true, LIST(config_trust, key),                            \
				 .max = CONFIG_PRINCIPALS_MAX,                                     \
				 .field_bytes = CONFIG_PRINCIPAL_BYTES,                            \
				 .help = "who " who                                                \
					 ", as in [ \"user:noc\", \"group:ops\", "                 \
					 "\"certificate:CN=gate\" ]"                               \
	}
static const struct key TRUST_KEYS[] = {
	{ "keys", KEY_STRING, .live = true, TEXT(config_trust, keys), .min = 1,
		.max = CONFIG_PATH_MAX - 1,
		.help = "the file of keys of authenticated datagrams (martletctl key generate)" },
	{ "require_authentication", KEY_TEXTS, .live = true,
		LIST(config_trust, require_authentication), .max = CONFIG_REQUIRE_MAX,
		.field_bytes = CONFIG_NAME_MAX,
		.help = "models that answer authenticated datagrams alone, as in [ \"fraud\" ]; "
			"[ \"*\" ]: all, and pings" },
	PRINCIPALS(clients, "may score"),
	PRINCIPALS(viewers, "may read everything"),
	PRINCIPALS(operators, "may push and deploy"),
	PRINCIPALS(admins, "may everything"),
	{ "tokens", KEY_STRING, .live = true, TEXT(config_trust, tokens), .min = 1,
		.max = CONFIG_PATH_MAX - 1,
		.help = "the file of the hashes of bearer tokens (martletctl token create)" },
	{ "require_signature", KEY_BOOL, .live = true, AT(config_trust, require_signature),
		.help = "true: an image without the signature of a trusted key is refused" },
	{ "trusted_keys", KEY_GROUPS, .live = true, LIST(config_trust, trusted_keys),
		.max = CONFIG_TRUSTED_MAX,
		.help = "keys that images are signed by, as in ( { model = \"*\"; key = "
			"\"/etc/martlet/lab.pub\"; } )" },
	{ "image_keys", KEY_TEXTS, .live = true, LIST(config_trust, image_keys), .min = 1,
		.max = CONFIG_IMAGE_KEYS_MAX, .field_bytes = CONFIG_PATH_MAX,
		.help = "files of keys of encrypted images, as in [ \"/etc/martlet/image.key\", "
			"\"credential:image.key\" ]" },
	{ "require_encryption", KEY_BOOL, .live = true, AT(config_trust, require_encryption),
		.help = "true: an image that is not encrypted is refused" },
	{ "audit_key", KEY_STRING, TEXT(config_trust, audit_key), .min = 1,
		.max = CONFIG_PATH_MAX - 1,
		.help = "the file of the key that signs the audit log; made where there is none" },
	{ "audit_megabytes", KEY_U32, AT(config_trust, audit_megabytes), .min = 1, .max = 1024,
		.otherwise = 8, .help = "MiB of a file of the audit log, before the next begins" },
};

static const struct key TRUSTED_KEY_KEYS[] = {
	{ "model", KEY_STRING, .live = true, TEXT(config_trusted_key, model), .min = 1,
		.max = CONFIG_NAME_MAX, .required = true,
		.help = "whose images: a model's name, the beginning of names as \"lab*\", or "
			"\"*\"" },
	{ "key", KEY_STRING, .live = true, TEXT(config_trusted_key, key), .min = 1,
		.max = CONFIG_PATH_MAX - 1, .required = true,
		.help = "a public key of minisign: its file, or its line of base64" },
};
const struct key_group SCHEMA_TRUSTED_KEY = { "trusted_keys", false, TRUSTED_KEY_KEYS,
	N(TRUSTED_KEY_KEYS), "", "" };
const struct key_group SCHEMA_TRUST = { "trust", false, TRUST_KEYS, N(TRUST_KEYS), "",
	"the audit log is opened at start" };

// Of a client of the list that has none of its own: clients_check() puts the group's in its place.
#define LIMITS_KEYS(type, none)                                                                    \
	{ "rate", KEY_U32, .live = true, AT(type, limits.rate), .max = 1000000000,                 \
		.otherwise = (none),                                                               \
		.help = "requests a second of one client; more are answered BUSY; 0: no limit" },  \
		{ "burst", KEY_U32_AUTO, .live = true, AT(type, limits.burst), .min = 1,           \
			.max = 1000000000, .otherwise = (none),                                    \
			.help = "as many of them may come at once; \"auto\": a tenth of rate" },   \
		{ "rows", KEY_U32, .live = true, AT(type, limits.rows), .max = 1000000000,         \
			.otherwise = (none),                                                       \
			.help = "rows a second of one client; more are answered BUSY; 0: no "      \
				"limit" },                                                         \
		{ "rows_burst", KEY_U32_AUTO, .live = true, AT(type, limits.rows_burst), .min = 1, \
			.max = 1000000000, .otherwise = (none),                                    \
			.help = "as many of them may come at once; \"auto\": a tenth of rows" },   \
	{                                                                                          \
		"share", KEY_U32,                                                                  \
			.live = true, AT(type, limits.share), .max = 1000, .otherwise = (none),    \
			.help = "while the appliance is busy, what one client gets of it in "      \
				"proportion to others; 0: as much as there is"                     \
	}

static const struct key CLIENTS_KEYS[] = {
	LIMITS_KEYS(config_clients, 0),
	{ "list", KEY_GROUPS, .live = true, LIST(config_clients, list), .max = CONFIG_CLIENTS_MAX,
		.help = "clients with limits of their own" },
};
const struct key_group SCHEMA_CLIENTS = { "clients", false, CLIENTS_KEYS, N(CLIENTS_KEYS), "", "" };

static const struct key CLIENT_KEYS[] = {
	{ "address", KEY_STRING, .live = true, TEXT(config_client, address), .min = 1, .max = 63,
		.help = "an address or a network, as \"10.77.0.0/24\" or \"fd00:77::/64\"" },
	{ "key", KEY_U32, .live = true, AT(config_client, key), .min = 1, .max = 65535,
		.help = "the id of a key (martletctl key list)" },
	LIMITS_KEYS(config_client, UINT32_MAX),
};
const struct key_group SCHEMA_CLIENT = { "list", true, CLIENT_KEYS, N(CLIENT_KEYS), "", "" };
