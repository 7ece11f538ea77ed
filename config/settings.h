// SPDX-License-Identifier: BSD-3-Clause
// What the configuration of martletd says, as structs. Owner: main(), read-only to everyone else
// once loaded (config.h).
#pragma once

#include "base/name.h"
#include "base/trust/minisign.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define CONFIG_CPUS_MAX        64
#define CONFIG_PORTS_MAX       16
#define CONFIG_ADDRESSES_MAX   8
#define CONFIG_VLANS_MAX       32
#define CONFIG_MEMBERS_MAX     4
#define CONFIG_MEMBER_BYTES    192 // of a device's string, with the NUL
#define CONFIG_HTTP_MAX        8
#define CONFIG_CLIENTS_MAX     32 // that have limits of their own
#define CONFIG_MODELS_MAX      256
#define CONFIG_PRINCIPALS_MAX  16     // of a role
#define CONFIG_PRINCIPAL_BYTES 160    // with the NUL
#define CONFIG_REQUIRE_MAX     64     // models in a list of trust
#define CONFIG_TRUSTED_MAX     32     // keys that images may be signed by
#define CONFIG_PATH_MAX        1024   // bytes with the NUL
#define CONFIG_USER_AUTO       "auto" // "martlet", where root started it and there is one
#define CONFIG_NAME_MAX        (NAME_BYTES_MAX + 1) // bytes with the NUL
#define CONFIG_IMAGE_KEYS_MAX  4                    // files

enum config_idle { CONFIG_IDLE_POLL, CONFIG_IDLE_SLEEP };
enum config_checksum { CONFIG_CHECKSUM_VERIFY, CONFIG_CHECKSUM_TRUST };
// How many of the ports must be without trouble for the appliance to call itself ready.
enum config_ready { CONFIG_READY_ANY, CONFIG_READY_ALL, CONFIG_READY_NONE };
enum config_vlan_type { CONFIG_VLAN_TYPE_ANY, CONFIG_VLAN_TYPE_8021Q, CONFIG_VLAN_TYPE_8021AD };
// What becomes of a system call that martletd has no use for, and whoever makes it.
enum config_seccomp { CONFIG_SECCOMP_KILL, CONFIG_SECCOMP_LOG, CONFIG_SECCOMP_OFF };
enum config_log_level { CONFIG_LOG_DEBUG, CONFIG_LOG_INFO, CONFIG_LOG_WARNING, CONFIG_LOG_ERROR };

struct config_lcores {
	uint32_t control; // CPU of the control thread
	uint32_t io[CONFIG_CPUS_MAX];
	uint32_t n_io; // CPUs that poll the NIC and hand requests to workers
	uint32_t workers[CONFIG_CPUS_MAX];
	uint32_t n_workers; // CPUs that score
	// CPUs that receive, score and reply themselves. The CPUs of `io` are moved here where
	// there are no workers.
	uint32_t complete[CONFIG_CPUS_MAX];
	uint32_t n_complete;
	enum config_idle idle;
	uint32_t ring_size; // of each I/O-worker ring, a power of two; default 1024
};

struct config_address { // in network byte order, as in packets
	bool is_ipv6;
	union {
		struct in_addr ipv4;
		struct in6_addr ipv6;
	};
	uint8_t prefix_length;
};

// The VLAN of a frame, as one number: its tag's VLAN id; of two tags the outer one's in the upper half; 0
// where it has no tag, or none but such with a priority alone (VLAN id 0).
#define CONFIG_VLAN(outer, inner) ((uint32_t)(outer) << 16 | (inner))

struct config_port {
	char name[CONFIG_NAME_MAX];
	char device[CONFIG_PATH_MAX]; // a PCI address or a vdev string, as EAL takes it
	char members[CONFIG_MEMBERS_MAX][CONFIG_MEMBER_BYTES]; // devices that a bond is made of
	uint32_t n_members;
	struct config_address addresses[CONFIG_ADDRESSES_MAX];
	uint32_t n_addresses;
	uint16_t udp_port;
	uint16_t mtu;
	enum config_checksum checksum; // of UDP: whether one that is wrong is dropped
	uint16_t queues;  // RX queues; 0: one per polling lcore, as far as the device has them
	bool steered;     // the card sends the port's packets to these queues (AF_XDP)
	bool announce;    // our addresses, when the link comes up
	bool icmp_errors; // port unreachable, fragmentation needed, packet too big
	uint32_t icmp_per_second;         // of each kind that others can make us send; 0: none
	uint32_t vlans[CONFIG_VLANS_MAX]; // CONFIG_VLAN() of the frames that are taken
	uint32_t n_vlans;                 // 0: all
	enum config_vlan_type vlan_type;  // of a frame's outer tag
	int line;                         // in the file, for later messages
};

struct config_listen { // an address of this host's to listen on, in network byte order
	bool is_ipv6;
	union {
		struct in_addr ipv4;
		struct in6_addr ipv6;
	};
	uint16_t port; // in host byte order; 0: none is wanted
};

// What a listener serves: bits of a mask, in the order of the schema's choices.
enum config_service { CONFIG_INFER = 1, CONFIG_METRICS = 2, CONFIG_MANAGE = 4 };

struct config_http { // a listener of the API on TCP
	struct config_listen listen;
	uint32_t serves;    // enum config_service
	uint32_t role;      // enum role: the most that anybody may here
	bool require_token; // who has no credential may nothing
	struct config_tls {
		char certificate[CONFIG_PATH_MAX]; // "": without TLS
		char key[CONFIG_PATH_MAX];
		char client_ca[CONFIG_PATH_MAX]; // "": clients need no certificate
	} tls;
	int line;
};

struct config_model {
	char name[CONFIG_NAME_MAX];
	uint16_t id;
	char image[CONFIG_PATH_MAX];
	int line;
};

// Of what one client of the data ports may ask, by the appliance together.
struct config_limits {
	uint32_t rate;       // requests a second; 0: as many as it sends
	uint32_t burst;      // ... at once; 0: a tenth of these
	uint32_t rows;       // rows a second; 0: as many as it sends
	uint32_t rows_burst; // ... at once; 0: a tenth of these
	uint32_t share; // of a busy appliance, beside the shares of others; 0: as much as there is
};

struct config_client {                 // clients with limits of their own
	char address[64];              // a network, as it is written; "": a key
	struct config_address network; // the same
	uint32_t key;                  // of authenticated datagrams; 0: a network
	struct config_limits limits;
};

struct config_trusted_key { // that images may be signed by
	// Of models: "lab"; "lab*", those whose names begin so; "*", all.
	char model[CONFIG_NAME_MAX + 1];
	char key[CONFIG_PATH_MAX];     // as it is written: its file, or the key itself as base64
	struct minisign_public public; // what stands there
};

struct config {
	char path[CONFIG_PATH_MAX];
	struct config_lcores lcores;
	struct config_memory {
		bool hugepages;
		uint32_t mbufs;             // 0: as many as can be under way
		uint32_t megabytes;         // 0: what all of it takes
		uint32_t scratch_kilobytes; // per scoring lcore: the largest model it can run
		uint32_t lane_kilobytes;    // per scoring lcore: rows that wait to be compared
	} memory;
	struct config_port ports[CONFIG_PORTS_MAX];
	uint32_t n_ports;
	struct config_control {
		char socket[CONFIG_PATH_MAX];
		char group[CONFIG_NAME_MAX]; // may connect beside root; "": root (and our uid) only
		uint32_t group_role;         // enum role: of its members
		uint32_t connections;        // at a time
		uint32_t upload_megabytes;   // bodies of requests under way, together
		struct config_http http[CONFIG_HTTP_MAX];
		uint32_t n_http;
		uint32_t address_connections;   // of TCP, from one address
		uint32_t handshakes;            // of TLS, at a time
		uint32_t handshakes_per_second; // ... that an address begins
		uint32_t header_bytes;          // of a request
		uint32_t header_seconds;        // to be complete
		uint32_t idle_seconds;          // between requests
		uint32_t body_megabytes;        // of one request over TCP
		uint32_t bytes_per_second;      // of a body or an answer, at the least
		uint32_t pipeline;              // requests answered ahead
		uint32_t streams;               // of HTTP/2: requests of a connection at a time
		uint32_t resets_per_second;     // ... and those that it breaks off
		uint32_t json_depth;            // levels of a body to score
		uint32_t message_bytes;         // of a call of gRPC
		enum config_ready ready_ports;
		// At the end of service: served all the same, then until what is under way is cut; both
		// in seconds. The command is run when it begins.
		uint32_t drain_grace, drain_timeout;
		char drain_hook[CONFIG_PATH_MAX];
	} control;
	struct config_store {
		char path[CONFIG_PATH_MAX];
		char retention[24];     // "all", "latest 5"
		uint32_t keep_versions; // of each model, what that says; 0: all
	} store;
	struct config_metrics {
		struct config_listen listen; // TCP, for Prometheus
	} metrics;
	struct config_scoring { // of what comes by the API
		uint32_t threads;
		uint32_t queue; // requests that wait
	} scoring;
	struct config_drift {    // of the rows in service, by their models' references
		uint32_t sample; // 1 of so many rows is counted; 0: none
		uint32_t window_seconds;
		uint32_t metrics; // columns of each model
	} drift;
	struct config_process {             // what it may do once it has begun
		char user[CONFIG_NAME_MAX]; // whom it becomes; "": nobody else; CONFIG_USER_AUTO
		enum config_seccomp seccomp;
	} process;
	struct config_log {
		enum config_log_level level;
	} log;
	struct config_model models[CONFIG_MODELS_MAX];
	uint32_t n_models;
	struct config_canary { // how it and a shadow are compared with live; bounds of 0: none is set
		double differ;    // share of rows that may be decided differently
		double mean;      // of the largest difference of a row's scores
		double latency;   // times that of live
		double alpha;     // probability that a bound is found broken that is kept
		double tolerance; // share of their spread that scores without classes may be apart
		double threshold; // between two classes that one score decides
		uint32_t rows_min;
		uint32_t every; // 1 of so many of live's rows is compared
	} canary;
	struct config_trust {
		char keys[CONFIG_PATH_MAX]; // file of the wire's keys (base/trust/keys.h); "": none
		// Models that answer authenticated datagrams alone; "*": nothing is answered to others.
		char require_authentication[CONFIG_REQUIRE_MAX][CONFIG_NAME_MAX];
		uint32_t n_require_authentication;
		// Who has which role: base/trust/principal.h says how somebody is named.
		char clients[CONFIG_PRINCIPALS_MAX][CONFIG_PRINCIPAL_BYTES];
		uint32_t n_clients;
		char viewers[CONFIG_PRINCIPALS_MAX][CONFIG_PRINCIPAL_BYTES];
		uint32_t n_viewers;
		char operators[CONFIG_PRINCIPALS_MAX][CONFIG_PRINCIPAL_BYTES];
		uint32_t n_operators;
		char admins[CONFIG_PRINCIPALS_MAX][CONFIG_PRINCIPAL_BYTES];
		uint32_t n_admins;
		char tokens
			[CONFIG_PATH_MAX]; // file of the tokens' hashes (base/trust/tokens.h); "": none
		bool require_signature; // of every image that comes into service
		struct config_trusted_key trusted_keys[CONFIG_TRUSTED_MAX];
		uint32_t n_trusted_keys;
		// Files of the keys of encrypted images (base/trust/image_keys.h).
		char image_keys[CONFIG_IMAGE_KEYS_MAX][CONFIG_PATH_MAX];
		uint32_t n_image_keys;
		bool require_encryption;         // of images
		char audit_key[CONFIG_PATH_MAX]; // "": audit.key beside the audit log
		uint32_t audit_megabytes;        // of each of its files
	} trust;
	struct config_clients {
		struct config_limits limits; // of each client that is not in the list
		struct config_client list[CONFIG_CLIENTS_MAX];
		uint32_t n_list;
	} clients;
	struct config_infer {
		char isa[16]; // "avx2": caps the kernels; "native" by default
		bool exact;   // the same bits in batches of any size, also where that is slower
		bool refuse_not_finite; // requests with a score that is NaN or infinite
	} infer;
};
