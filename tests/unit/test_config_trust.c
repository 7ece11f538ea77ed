// SPDX-License-Identifier: BSD-3-Clause
// Configuration: the keys whose signatures are trusted, and whose their files may be.
#include "config/config.h"
#include "tests/cmocka.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LCORES "lcores = { control = 0; io = [ 0 ]; idle = \"sleep\"; };\n"
#define PORT                                                                                       \
	"ports = ( { name = \"p\"; device = \"net_null0\"; addresses = [ \"10.0.0.1/24\" ]; } "    \
	");\n"
#define BASE LCORES PORT

static struct config config;

#define KEY_LINE "RWSu7tdAYLclLsBWHum3GrEa54t2VCFzChSSG7hKlXA+GuQL5mX2vPMS"

static void trusted_keys_are_read(void **state)
{
	static const struct {
		const char *keys, *sentence; // "" where they are taken
	} CASES[] = {
		{ "", "" },
		{ "{ model = \"*\"; key = \"" KEY_LINE "\"; }", "" },
		{ "{ model = \"lab*\"; key = \"" KEY_LINE
		  "\"; }, { model = \"lab\"; key = \"" KEY_LINE "\"; }",
			"" },
		{ "{ model = \"lab\"; }",
			"t.conf:3: trust.trusted_keys[0].key is missing: a public key of minisign: "
			"its file, or "
			"its line of base64" },
		{ "{ model = \"*lab\"; key = \"" KEY_LINE "\"; }",
			"t.conf:3: trust.trusted_keys[0].model: '*lab' is neither a model's name, "
			"nor the "
			"beginning of names and \"*\", as \"lab*\"" },
		{ "{ model = \"lab**\"; key = \"" KEY_LINE "\"; }",
			"t.conf:3: trust.trusted_keys[0].model: 'lab**' is neither a model's name, "
			"nor the "
			"beginning of names and \"*\", as \"lab*\"" },
		{ "{ model = \"lab\"; key = \"/nowhere/lab.pub\"; }",
			"t.conf:3: trust.trusted_keys[0].key: /nowhere: No such file or directory; "
			"make "
			"this folder, or name a file elsewhere; "
			"it must be a "
			"public key of minisign, a file or its line of base64" },
		{ "{ model = \"lab\"; key = \"" KEY_LINE
		  "\"; }, { model = \"lab\"; key = \"" KEY_LINE "\"; }",
			"t.conf:3: trust.trusted_keys[1]: key 2E25B76040D7EEAE of model 'lab' "
			"stands at line 3 "
			"already" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct error err = { .text = "" };
		char text[2048];

		snprintf(text, sizeof(text),
			BASE "trust = { require_signature = true; trusted_keys = ( %s ); };\n",
			CASES[i].keys);
		if (config_parse("t.conf", text, &config, &err) == 0)
			err.text[0] = '\0';
		assert_string_equal(err.text, CASES[i].sentence);
		assert_true(config.trust.require_signature);
	}
}

// Whose the file of a key may be is said by the same configuration, wherever in it process.user stands.
static void trusted_keys_are_read_as_the_user_that_is_named(void **state)
{
	static const struct {
		const char *user;
		bool taken;
		const char *whose; // it might be beside root's
	} CASES[] = { { "nobody", true, "" }, { "daemon", false, " or user daemon's;" },
		{ "auto", false, " or user martlet's;" }, { "", false, ";" } };
	char path[] = "/tmp/martlet-key-XXXXXX", text[4096], wanted[256];
	const struct passwd *nobody = getpwnam("nobody");
	const int fd = mkstemp(path);
	bool is_nobodys;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, KEY_LINE "\n", sizeof(KEY_LINE)), sizeof(KEY_LINE));
	is_nobodys = geteuid() == 0 && nobody && fchown(fd, nobody->pw_uid, nobody->pw_gid) == 0;
	close(fd);
	if (!is_nobodys) {
		unlink(path);
		skip();
	}
	for (size_t i = 0; i < 2 * sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *user = CASES[i / 2].user;
		struct error err = { .text = "" };
		int rc;

		snprintf(text, sizeof(text),
			BASE
			"%s%s%strust = { trusted_keys = ( { model = \"lab\"; key = \"%s\"; } ); "
			"};\n%s%s%s",
			i % 2 ? "" : "process = { user = \"", i % 2 ? "" : user,
			i % 2 ? "" : "\"; };\n", path, i % 2 ? "process = { user = \"" : "",
			i % 2 ? user : "", i % 2 ? "\"; };\n" : "");
		rc = config_parse("t.conf", text, &config, &err);
		assert_int_equal(rc, CASES[i / 2].taken ? 0 : -EINVAL);
		snprintf(wanted, sizeof(wanted), "%s: belongs to uid %u; it must be root's%s", path,
			(unsigned)nobody->pw_uid, CASES[i / 2].whose);
		if (rc != 0)
			assert_non_null(strstr(err.text, wanted));
		else
			assert_int_equal(config.trust.n_trusted_keys, 1);
		assert_string_equal(
			config_service_user(&config), strcmp(user, "auto") == 0 ? "martlet" : user);
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trusted_keys_are_read),
		cmocka_unit_test(trusted_keys_are_read_as_the_user_that_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
