// SPDX-License-Identifier: BSD-3-Clause
// What is another in one configuration than in another, and what of it is taken over.
#include "config/changes.h"

#include "base/device_text.h"
#include "config/config.h"
#include "config/schema.h"
#include "tests/cmocka.h"

#include <string.h>

#define LEAST                                                                                      \
	"lcores = { control = 0; complete = [ 0 ]; idle = \"sleep\"; };"                           \
	"ports = ( { name = \"edge\"; device = \"net_ring0\"; addresses = [ \"10.0.0.1/24\" ]; } " \
	");"

#define MODELS "the store says what is deployed: push, promote, unload or delete it\n"

static struct config now, then;

static void parse(struct config *config, const char *more)
{
	char text[2048];
	struct error err;

	snprintf(text, sizeof(text), "%s%s", LEAST, more);
	if (config_parse("t.conf", text, config, &err) != 0)
		fail_msg("%s", err.text);
}

struct seen {
	char text[16384];
};

static void note(void *arg, const struct config_change *change)
{
	struct seen *seen = arg;
	const size_t used = strlen(seen->text);

	snprintf(seen->text + used, sizeof(seen->text) - used, "%s %s>%s %s\n", change->key,
		change->now, change->then, change->is_live ? "live" : change->why);
}

// Who may read the configuration is not told what lets a memif peer in; that it is another is told.
static void secrets_of_devices_are_not_told(void **state)
{
	static const char PORTS[] =
		"lcores = { control = 0; complete = [ 0 ]; idle = \"sleep\"; };"
		"ports = ( { name = \"edge\"; device = \"net_memif0,role=server,secret=%s,id=3\";"
		" addresses = [ \"10.0.0.1/24\" ]; } );";
	char text[1024];
	struct seen seen = { "" };
	struct error err;

	snprintf(text, sizeof(text), PORTS, "open-sesame");
	assert_int_equal(config_parse("t.conf", text, &now, &err), 0);
	snprintf(text, sizeof(text), PORTS, "x");
	assert_int_equal(config_parse("t.conf", text, &then, &err), 0);
	assert_int_equal(config_changes(&now, &then, note, &seen), 1);
	assert_string_equal(seen.text,
		"ports[edge].device \"net_memif0,role=server,secret=*,id=3\">"
		"\"net_memif0,role=server,secret=*,id=3\" devices are opened at start\n");
	seen.text[0] = '\0';
	config_keys(&now, note, &seen);
	assert_non_null(strstr(seen.text, "secret=*,id=3"));
	assert_null(strstr(seen.text, "sesame"));
	// A quote in it ends it no earlier than the driver does, and a device of a bond has one, too.
	snprintf(text, sizeof(text),
		"lcores = { control = 0; complete = [ 0 ]; idle = \"sleep\"; };"
		"ports = ( { name = \"edge\"; device = "
		"\"net_memif0,secret=ab\\\"open-sesame,id=3\";"
		" addresses = [ \"10.0.0.1/24\" ]; }, { name = \"b\"; device = \"net_bonding0\";"
		" members = [ \"net_memif1,secret=[ab,sesame],id=4\", \"net_memif2,secret=sesame\" "
		"];"
		" addresses = [ \"10.0.1.1/24\" ]; } );");
	assert_int_equal(config_parse("t.conf", text, &now, &err), 0);
	seen.text[0] = '\0';
	config_keys(&now, note, &seen);
	assert_non_null(strstr(seen.text, "\"net_memif0,secret=*,id=3\""));
	assert_non_null(
		strstr(seen.text, "[ \"net_memif1,secret=*,id=4\", \"net_memif2,secret=*\" ]"));
	assert_null(strstr(seen.text, "sesame"));
}

static void a_secret_ends_where_the_argument_does(void **state)
{
	static const char *const CASES[][2] = {
		{ "net_memif0,secret=,secret=abc", "net_memif0,secret=,secret=*" },
		{ "net_memif0,secret=a\"b,id=1", "net_memif0,secret=*,id=1" },
		{ "net_memif0,secret=[a,b],id=1", "net_memif0,secret=*,id=1" },
		{ "net_memif0,secret=[a]b,c],id=1", "net_memif0,secret=*,id=1" },
		{ "net_memif0,secret=[a]b", "net_memif0,secret=*" },
		{ "net_memif0,secret=[a,b", "net_memif0,secret=*" },
		{ "net_memif0,secret=[]", "net_memif0,secret=*" },
		{ "net_memif0,id=1", "net_memif0,id=1" },
	};
	char text[64];

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		snprintf(text, sizeof(text), "%s", CASES[i][0]);
		device_text_hide(text);
		assert_string_equal(text, CASES[i][1]);
		assert_string_equal(device_told(CASES[i][0]).s, CASES[i][1]);
	}
}

static void changes_are_named_with_both_values(void **state)
{
	static const struct {
		const char *now, *then, *wanted;
	} CASES[] = {
		{ "", "", "" },
		{ "", "control = { idle_seconds = 9; };", "control.idle_seconds 60>9 live\n" },
		{ "log = { level = \"debug\"; };", "", "log.level \"debug\">\"info\" live\n" },
		{ "", "memory = { mbufs = 65536; };",
			"memory.mbufs \"auto\">65536 memory is taken at start\n" },
		{ "", "store = { path = \"/else\"; };",
			"store.path \"/var/lib/martlet\">\"/else\" the store is opened at "
			"start\n" },
		{ "", "metrics = { listen = \"[::1]:9797\"; };",
			"metrics.listen ->[::1]:9797 live\n" },
		{ "control = { http = ( { listen = \"127.0.0.1:1\"; serves = [ \"infer\" ]; } ); "
		  "};",
			"control = { http = ( { listen = \"127.0.0.1:2\"; serves = [ \"infer\" ]; "
			"}, "
			"{ listen = \"127.0.0.1:1\"; serves = [ \"metrics\" ]; } ); };",
			"control.http[127.0.0.1:1].serves [ \"infer\" ]>[ \"metrics\" ] live\n"
			"control.http[127.0.0.1:2].listen ->127.0.0.1:2 live\n"
			"control.http[127.0.0.1:2].serves ->[ \"infer\" ] live\n"
			"control.http[127.0.0.1:2].role ->\"admin\" live\n"
			"control.http[127.0.0.1:2].require_token ->false live\n" },
		{ "models = ( { name = \"a\"; id = 1; image = \"/etc/hostname\"; } );",
			"models = ( { name = \"b\"; id = 2; image = \"/etc/hostname\"; } );",
			"models[a].name \"a\">- " MODELS "models[a].id 1>- " MODELS
			"models[a].image \"/etc/hostname\">- " MODELS
			"models[b].name ->\"b\" live\nmodels[b].id ->2 live\n"
			"models[b].image ->\"/etc/hostname\" live\n" },
		{ "clients = { rate = 5; list = ( { key = 7; share = 2; } ); };",
			"clients = { rate = 6; list = ( { key = 7; share = 3; } ); };",
			"clients.rate 5>6 live\nclients.list[key 7].rate 5>6 live\n"
			"clients.list[key 7].share 2>3 live\n" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct seen seen = { "" };

		parse(&now, CASES[i].now);
		parse(&then, CASES[i].then);
		config_changes(&now, &then, note, &seen);
		assert_string_equal(seen.text, CASES[i].wanted);
		// What is live is no change any more once it is taken over; the rest stays.
		config_take_live(&now, &then);
		memset(&seen, 0, sizeof(seen));
		config_changes(&now, &then, note, &seen);
		assert_null(strstr(seen.text, " live\n"));
	}
}

// Of each key that is not taken over there is a reason, and each is visited.
static void each_key_is_live_or_says_why(void **state)
{
	static const struct key_group *const GROUPS[] = { &SCHEMA_LCORES, &SCHEMA_MEMORY,
		&SCHEMA_PORT, &SCHEMA_CONTROL, &SCHEMA_HTTP, &SCHEMA_TLS, &SCHEMA_STORE,
		&SCHEMA_METRICS, &SCHEMA_SCORING, &SCHEMA_DRIFT, &SCHEMA_PROCESS, &SCHEMA_LOG,
		&SCHEMA_MODEL, &SCHEMA_INFER, &SCHEMA_CANARY, &SCHEMA_CLIENTS, &SCHEMA_CLIENT };
	struct seen seen = { "" };

	parse(&now,
		"models = ( { name = \"a\"; id = 1; image = \"/etc/hostname\"; } ); control = { "
		"http = ( { listen = \"127.0.0.1:1\"; serves = [ \"infer\" ]; tls = { certificate "
		"= \"/etc/hostname\"; key = \"/etc/hostname\"; }; } ); }; clients = { list = ( { "
		"address = \"10.0.0.0/8\"; } ); };");
	config_keys(&now, note, &seen);
	for (size_t g = 0; g < sizeof(GROUPS) / sizeof(GROUPS[0]); g++)
		for (size_t k = 0; k < GROUPS[g]->n_keys; k++) {
			const struct key *key = &GROUPS[g]->keys[k];
			char name[64];

			if (!key->live)
				assert_true(strlen(GROUPS[g]->why_restart) > 0);
			if (key->type == KEY_GROUP || key->type == KEY_GROUPS)
				continue;
			snprintf(name, sizeof(name), ".%s ", key->name);
			assert_non_null(strstr(seen.text, name));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(secrets_of_devices_are_not_told),
		cmocka_unit_test(a_secret_ends_where_the_argument_does),
		cmocka_unit_test(changes_are_named_with_both_values),
		cmocka_unit_test(each_key_is_live_or_says_why) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
