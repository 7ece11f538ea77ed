// SPDX-License-Identifier: BSD-3-Clause
// A file of keys (base/trust/keys.h): whatever it says, it is read as keys that are all possible, or refused with its
// line; and no sentence has a secret in it.
#include "base/trust/keys.h"
#include "base/trust/utc.h"
#include "tests/fuzz/must.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return sodium_init() < 0 ? -1 : 0;
}

static void fuzz_key(const struct wire_keys *keys, const struct wire_key *key)
{
	char text[UTC_BYTES], models[KEY_MODELS_BYTES];
	struct wire_key again = { .id = 0 };
	int64_t time;

	must(key->id >= 1 && name_is_valid(key->name));
	must(keys_find(keys, key->id) == key);
	must(key->n_models <= KEY_MODELS_MAX);
	must(!key->retires || key->retires > key->not_before);
	for (uint32_t i = 0; i < key->n_models; i++)
		must(name_is_valid(key->models[i]));
	wire_key_models_text(key, models);
	must(wire_key_models_parse(&again, models, NULL) == 0);
	must(again.n_models == key->n_models);
	must(memcmp(again.models, key->models, key->n_models * sizeof(key->models[0])) == 0);
	utc_text(key->retires, text);
	must(utc_parse(text, &time) && time == key->retires);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct error err = { .text = "" };
	struct wire_keys *keys;

	must(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (keys_parse("keys", text, size, &keys, &err) == 0) {
		for (uint32_t i = 0; i < keys->n; i++)
			fuzz_key(keys, &keys->keys[i]);
		keys_free(keys);
	} else {
		must(err.code == -EINVAL && strncmp(err.text, "keys:", 5) == 0 && !keys);
	}
	free(text);
	return 0;
}
