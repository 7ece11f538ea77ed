// SPDX-License-Identifier: BSD-3-Clause
// minisign's texts: what is written is what is read, by the program minisign, too, where it is installed
// (tests/smoke/model_sign.py); and of all that is bent something is said.
#include "base/trust/minisign.h"

#include "base/trust/minisign_secret.h"
#include "base/trust/signed_comment.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Made by minisign 0.11 of Debian 12: -G -W, and -S of the six bytes "hello\n".
#define PUBLIC_LINE "RWSu7tdAYLclLsBWHum3GrEa54t2VCFzChSSG7hKlXA+GuQL5mX2vPMS"
#define PUBLIC_FILE "untrusted comment: minisign public key 2E25B76040D7EEAE\n" PUBLIC_LINE "\n"
#define SECRET_FILE                                                                                \
	"untrusted comment: minisign encrypted secret key\n"                                       \
	"RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAru7XQGC3JS7+"     \
	"QQGLb7"                                                                                   \
	"bTRWsP/jh0qVM+jbBhLdUH4QTozjnGMTQL28BWHum3GrEa54t2VCFzChSSG7hKlXA+GuQL5mX2vPMSAAAAAAAAAA" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
#define SIGNATURE_1 "untrusted comment: signature from minisign secret key\n"
#define SIGNATURE_2                                                                                \
	"RUSu7tdAYLclLvHA4iPlXhn4svYUsW82rBdFTPnGQqnuN852821f4IeZtmbqRjBrcDDy+YCxZMhO2hB9yQFEPzGw" \
	"IstrN/IY4g8=\n"
#define SIGNATURE_3 "trusted comment: timestamp:1795970496\tfile:f\thashed\n"
#define SIGNATURE_4                                                                                \
	"W4IhDZrmujxf8KCxpi41ClCVCmLaQH7ledN4NruLW/"                                               \
	"N731kJkwEtYmRv3ZuKtYd1MtQStXLz9+yzXXGZUDcLCg==\n"
#define SIGNATURE_FILE SIGNATURE_1 SIGNATURE_2 SIGNATURE_3 SIGNATURE_4

// Scrypt's least, so that a test takes no second and no gigabyte.
static const struct minisign_cost CHEAP = { 32768, 16 << 20 };

static void check_peer_signature(const char *text, const char *sentence)
{
	struct minisign_public key;
	struct minisign_signature signature;
	struct error err = { .text = "" };
	uint8_t hash[MINISIGN_HASH_BYTES];

	assert_int_equal(minisign_public_parse(PUBLIC_FILE, strlen(PUBLIC_FILE), &key, &err), 0);
	minisign_hash("hello\n", 6, hash);
	if (minisign_signature_parse(text, strlen(text), &signature, &err) == 0 &&
		minisign_check(&key, hash, &signature, &err) == 0)
		err.text[0] = '\0';
	assert_string_equal(err.text, sentence);
}

static void peer_is_read(void **state)
{
	struct minisign_secret secret;
	struct minisign_public key, of;
	struct minisign_signature signature;
	struct error err;
	char id[MINISIGN_ID_TEXT], line[MINISIGN_PUBLIC_BYTES], *text;
	uint8_t hash[MINISIGN_HASH_BYTES];
	bool is_locked;

	check_peer_signature(SIGNATURE_FILE, "");
	assert_int_equal(minisign_public_parse(PUBLIC_FILE, strlen(PUBLIC_FILE), &key, &err), 0);
	minisign_id_text(key.id, id);
	assert_string_equal(id, "2E25B76040D7EEAE");
	assert_int_equal(minisign_public_parse(PUBLIC_LINE, strlen(PUBLIC_LINE), &of, &err), 0);
	assert_memory_equal(&of, &key, sizeof(of));
	minisign_public_text(&key, line);
	assert_string_equal(line, PUBLIC_LINE);
	text = minisign_public_format(&key);
	assert_string_equal(text, PUBLIC_FILE);
	free(text);

	assert_int_equal(
		minisign_secret_is_locked(SECRET_FILE, strlen(SECRET_FILE), &is_locked, &err), 0);
	assert_false(is_locked);
	assert_int_equal(
		minisign_secret_parse(SECRET_FILE, strlen(SECRET_FILE), NULL, &secret, &err), 0);
	minisign_public_of(&secret, &of);
	assert_memory_equal(&of, &key, sizeof(of));
	// Ed25519 has no chance in it: the same is signed in the same bytes.
	minisign_hash("hello\n", 6, hash);
	minisign_sign(&secret, hash, "timestamp:1795970496\tfile:f\thashed", &signature);
	text = minisign_signature_format(&signature);
	assert_string_equal(text, SIGNATURE_FILE);
	free(text);
	minisign_secret_fini(&secret);
	assert_true(sodium_is_zero((const uint8_t *)&secret, sizeof(secret)));
}

static void signature_bent(void **state)
{
	static const struct {
		const char *text, *sentence;
	} BENT[] = {
		{ "", "the signature ends behind its line 0: it is cut" },
		{ SIGNATURE_1 SIGNATURE_2 SIGNATURE_3,
			"the signature ends behind its line 3: it is cut" },
		{ SIGNATURE_FILE "\n",
			"the signature goes on behind its line 4, where it should end" },
		{ SIGNATURE_FILE SIGNATURE_FILE,
			"the signature goes on behind its line 4, where it should end" },
		{ "comment: x\n" SIGNATURE_2 SIGNATURE_3 SIGNATURE_4,
			"the signature's first line does not begin with 'untrusted comment: '" },
		{ SIGNATURE_1 SIGNATURE_2 "comment: x\n" SIGNATURE_4,
			"the signature's third line does not begin with 'trusted comment: '" },
		{ SIGNATURE_1 "RUSu\n" SIGNATURE_3 SIGNATURE_4,
			"line 2 is not a signature of minisign: it must be base64 of 74 bytes" },
		{ SIGNATURE_1 SIGNATURE_2 SIGNATURE_3 "W4Ih\n",
			"line 4 is not the signature of a trusted comment: it must be base64 of 64 "
			"bytes" },
		// The last digit's unused bits are not zero: another text of the same bytes.
		{ SIGNATURE_1
			"RUSu7tdAYLclLvHA4iPlXhn4svYUsW82rBdFTPnGQqnuN852821f4IeZtmbqRjBrcDDy+"
			"YCxZMhO2hB9yQFEPzGwIstrN/IY4g9=\n" SIGNATURE_3 SIGNATURE_4,
			"line 2 is not a signature of minisign: it must be base64 of 74 bytes" },
		// A byte above 127 for the letter 'R', which libsodium 1.0.18 may take for it.
		{ SIGNATURE_1
			"\xd2USu7tdAYLclLvHA4iPlXhn4svYUsW82rBdFTPnGQqnuN852821f4IeZtmbqRjBrcDDy+"
			"YCxZMhO2hB9yQFEPzGwIstrN/IY4g8=\n" SIGNATURE_3 SIGNATURE_4,
			"line 2 is not a signature of minisign: it must be base64 of 74 bytes" },
		{ "untrusted comment: x\r\n" SIGNATURE_2 SIGNATURE_3 SIGNATURE_4,
			"the signature has a carriage return or a zero byte in line 1; lines end "
			"in a "
			"newline alone" },
		{ SIGNATURE_1 SIGNATURE_2 "trusted comment: \x1b[31m\n" SIGNATURE_4,
			"the trusted comment holds what is no printable UTF-8, at its byte 1" },
		{ SIGNATURE_1 SIGNATURE_2 "trusted comment: a\xc3\n" SIGNATURE_4,
			"the trusted comment holds what is no printable UTF-8, at its byte 2" },
		{ SIGNATURE_1 SIGNATURE_2
			"trusted comment: timestamp:1795970496\tfile:g\thashed\n" SIGNATURE_4,
			"the trusted comment is not the one that key 2E25B76040D7EEAE signed" },
		// "Ed": the same bytes but for the algorithm.
		{ SIGNATURE_1
			"RWSu7tdAYLclLvHA4iPlXhn4svYUsW82rBdFTPnGQqnuN852821f4IeZtmbqRjBrcDDy+"
			"YCxZMhO2hB9yQFEPzGwIstrN/IY4g8=\n" SIGNATURE_3 SIGNATURE_4,
			"is a legacy signature (Ed), over the file and not over its hash; sign "
			"again, "
			"with martletctl model sign or minisign 0.10 or later" },
		{ SIGNATURE_1
			"QUSu7tdAYLclLvHA4iPlXhn4svYUsW82rBdFTPnGQqnuN852821f4IeZtmbqRjBrcDDy+"
			"YCxZMhO2hB9yQFEPzGwIstrN/IY4g8=\n" SIGNATURE_3 SIGNATURE_4,
			"is a signature of another kind than minisign's ED, which is Ed25519 over "
			"BLAKE2b-512" },
		// A byte of the signature.
		{ SIGNATURE_1
			"RUSu7tdAYLclLvHA4iPlXhn4svYUsW82rBdFTPnGQqnuN852821f4IeZtmbqRjBrcDDy+"
			"YCxZMhO2hB9yQFEPzGwIstrN/IY4gA=\n" SIGNATURE_3 SIGNATURE_4,
			"the signature does not fit: either what it signs was changed since, or "
			"another "
			"key than 2E25B76040D7EEAE made it" },
	};

	for (size_t i = 0; i < sizeof(BENT) / sizeof(BENT[0]); i++)
		check_peer_signature(BENT[i].text, BENT[i].sentence);
}

// Each character of a public key as each other byte: it is another key's, or no key.
static void key_has_one_form(void **state)
{
	char text[] = PUBLIC_LINE;
	struct minisign_public key, other;
	struct error err;

	assert_int_equal(minisign_public_parse(text, strlen(text), &key, &err), 0);
	for (size_t i = 0; i < strlen(PUBLIC_LINE); i++) {
		for (int byte = 1; byte < 256; byte++) {
			text[i] = (char)byte;
			if (text[i] != PUBLIC_LINE[i] &&
				minisign_public_parse(text, sizeof(text) - 1, &other, &err) == 0) {
				assert_true(byte < 128);
				assert_memory_not_equal(&key, &other, sizeof(key));
			}
		}
		text[i] = PUBLIC_LINE[i];
	}
}

// Each bit of a signature's bytes, and of its comment.
static void signature_any_bit(void **state)
{
	struct minisign_secret secret;
	struct minisign_public key;
	struct minisign_signature good, bent;
	uint8_t hash[MINISIGN_HASH_BYTES];
	struct error err;

	minisign_make(&secret, &key);
	minisign_hash("image", 5, hash);
	minisign_sign(&secret, hash, "model:lab version:1", &good);
	assert_int_equal(minisign_check(&key, hash, &good, &err), 0);
	for (size_t bit = 0; bit < 8 * 64; bit++) {
		bent = good;
		bent.of_hash[bit / 8] ^= 1u << bit % 8;
		assert_int_equal(minisign_check(&key, hash, &bent, &err), -EBADMSG);
		bent = good;
		bent.of_comment[bit / 8] ^= 1u << bit % 8;
		assert_int_equal(minisign_check(&key, hash, &bent, &err), -EBADMSG);
		hash[bit / 8] ^= 1u << bit % 8;
		assert_int_equal(minisign_check(&key, hash, &good, &err), -EBADMSG);
		hash[bit / 8] ^= 1u << bit % 8;
	}
	for (size_t i = 0; i < strlen(good.comment); i++) {
		bent = good;
		bent.comment[i] ^= 1;
		assert_int_equal(minisign_check(&key, hash, &bent, &err), -EBADMSG);
	}
	bent = good; // a comment that goes on
	strcat(bent.comment, "0");
	assert_int_equal(minisign_check(&key, hash, &bent, &err), -EBADMSG);
}

// Another key may have the same id: it is a label that nobody signs.
static void key_of_the_same_id(void **state)
{
	struct minisign_secret secret, other;
	struct minisign_public key, other_key;
	struct minisign_signature signature;
	uint8_t hash[MINISIGN_HASH_BYTES];
	struct error err;

	minisign_make(&secret, &key);
	minisign_make(&other, &other_key);
	memcpy(other.id, secret.id, sizeof(other.id));
	minisign_hash("image", 5, hash);
	minisign_sign(&other, hash, "model:lab version:1", &signature);
	assert_memory_equal(signature.id, key.id, sizeof(key.id));
	assert_int_equal(minisign_check(&key, hash, &signature, &err), -EBADMSG);
}

static void secret_locked(void **state)
{
	struct minisign_secret secret, read;
	struct minisign_public key;
	char text[MINISIGN_SECRET_BYTES];
	struct error err;
	bool is_locked;

	minisign_make(&secret, &key);
	assert_int_equal(minisign_secret_format(&secret, "good", &CHEAP, text, &err), 0);
	assert_int_equal(minisign_secret_is_locked(text, strlen(text), &is_locked, &err), 0);
	assert_true(is_locked);
	assert_int_equal(minisign_secret_parse(text, strlen(text), "good", &read, &err), 0);
	assert_memory_equal(&read, &secret, sizeof(read));
	assert_int_equal(minisign_secret_parse(text, strlen(text), "bad", &read, &err), -EACCES);
	assert_string_equal(err.text, "the password is wrong, or the file damaged");
	assert_true(sodium_is_zero((const uint8_t *)&read, sizeof(read)));
	assert_int_equal(minisign_secret_parse(text, strlen(text), NULL, &read, &err), -EACCES);
	assert_string_equal(err.text, "the secret key takes a password, and none was given");

	assert_int_equal(minisign_secret_format(&secret, NULL, &CHEAP, text, &err), 0);
	assert_int_equal(minisign_secret_parse(text, strlen(text), NULL, &read, &err), 0);
	assert_memory_equal(&read, &secret, sizeof(read));
}

// Each byte of a secret key's bytes is another: none of them is taken.
static void secret_damaged(void **state)
{
	struct minisign_secret secret, read;
	struct minisign_public key;
	char text[MINISIGN_SECRET_BYTES], bent[MINISIGN_SECRET_BYTES];
	const size_t at = strlen("untrusted comment: minisign encrypted secret key\n");
	uint8_t bytes[158];
	struct error err;

	minisign_make(&secret, &key);
	assert_int_equal(minisign_secret_format(&secret, NULL, &CHEAP, text, &err), 0);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		assert_int_equal(
			sodium_base642bin(bytes, sizeof(bytes), text + at, strlen(text + at), "\n",
				NULL, NULL, sodium_base64_VARIANT_ORIGINAL),
			0);
		bytes[i] ^= 0xff;
		memcpy(bent, text, at);
		sodium_bin2base64(bent + at, sizeof(bent) - at, bytes, sizeof(bytes),
			sodium_base64_VARIANT_ORIGINAL);
		if (i >= 6 && i < 54) // what scrypt is told, where there is a password
			continue;
		assert_int_equal(
			minisign_secret_parse(bent, strlen(bent), NULL, &read, &err), -EINVAL);
	}
}

static void secret_asks_too_much(void **state)
{
	struct minisign_secret secret, read;
	struct minisign_public key;
	const struct minisign_cost much = { 32768, MINISIGN_COST.memory_bytes };
	char text[MINISIGN_SECRET_BYTES];
	const size_t at = strlen("untrusted comment: minisign encrypted secret key\n");
	uint8_t bytes[158];
	struct error err;

	minisign_make(&secret, &key);
	assert_int_equal(minisign_secret_format(&secret, "x", &CHEAP, text, &err), 0);
	sodium_base642bin(bytes, sizeof(bytes), text + at, strlen(text + at), "\n", NULL, NULL,
		sodium_base64_VARIANT_ORIGINAL);
	bytes[46 + 4] = 1; // 4 GiB more
	sodium_bin2base64(
		text + at, sizeof(text) - at, bytes, sizeof(bytes), sodium_base64_VARIANT_ORIGINAL);
	assert_int_equal(minisign_secret_parse(text, strlen(text), "x", &read, &err), -EINVAL);
	assert_string_equal(err.text,
		"asks for more of scrypt than minisign does: 32768 operations and 4311744512 "
		"bytes, at "
		"most 33554432 and 1073741824 are spent");
	assert_true(much.memory_bytes < 4311744512u);
}

static void file_is_hashed_in_a_stream(void **state)
{
	char path[] = "/tmp/test_minisign.XXXXXX";
	const size_t size = (3 << 20) + 17;
	uint8_t *bytes = malloc(size), whole[MINISIGN_HASH_BYTES], stream[MINISIGN_HASH_BYTES];
	int fd = mkstemp(path);

	randombytes_buf(bytes, size);
	assert_int_equal(write(fd, bytes, size), size);
	lseek(fd, 0, SEEK_SET);
	minisign_hash(bytes, size, whole);
	assert_int_equal(minisign_hash_file(fd, stream), 0);
	assert_memory_equal(whole, stream, sizeof(whole));
	close(fd);
	unlink(path);
	free(bytes);
	assert_int_equal(minisign_hash_file(-1, stream), -EBADF);
}

static void comment_is_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t version; // of model lab; 0: refused
	} CASES[] = {
		{ "timestamp:1\tfile:f\thashed\tmodel:lab\tversion:7", 7 },
		{ "version:9223372036854775807 model:lab", 9223372036854775807u },
		{ "  model:lab \t version:1 ", 1 },
		{ "model:lab version:9223372036854775808", 0 },
		{ "model:lab version:0", 0 },
		{ "model:lab version:07", 0 },
		{ "model:lab version:-7", 0 },
		{ "model:lab version:+7", 0 },
		{ "model:lab version:7x", 0 },
		{ "model:lab version:", 0 },
		{ "model:lab", 0 },
		{ "version:7", 0 },
		{ "", 0 },
		{ "model:lab version:7 version:7", 0 },
		{ "model:lab model:lab version:7", 0 },
		{ "model:../lab version:7", 0 },
		{ "model:-lab version:7", 0 },
		{ "xmodel:lab version:7", 0 },
		{ "model:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		  "version:7",
			0 },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct signed_comment comment;
		struct error err;
		int rc = signed_comment_parse(CASES[i].text, &comment, &err);

		assert_int_equal(rc, CASES[i].version ? 0 : -EINVAL);
		if (rc != 0)
			continue;
		assert_string_equal(comment.model, "lab");
		assert_true(comment.version == CASES[i].version);
	}
}

// A file's name cannot say what only the signer may.
static void comment_of_a_hostile_name(void **state)
{
	const struct signed_comment said = { .model = "lab", .version = 3 };
	struct signed_comment read;
	char text[MINISIGN_COMMENT_BYTES], small[64];
	struct error err;

	assert_int_equal(signed_comment_format(&said, "a\tmodel:b version:9\n\x1b\xff\xc3\xbc.mlt",
				 12, text, sizeof(text), &err),
		0);
	assert_string_equal(text,
		"timestamp:12\tfile:a_model:b_version:9___\xc3\xbc.mlt\thashed\tmodel:lab\tversion:"
		"3");
	assert_int_equal(signed_comment_parse(text, &read, &err), 0);
	assert_string_equal(read.model, "lab");
	assert_true(read.version == 3);
	for (size_t size = 1; size < sizeof(small); size++)
		assert_int_equal(signed_comment_format(&said, "a-name-that-is-rather-long.mlt", 12,
					 small, size, &err),
			-ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peer_is_read),
		cmocka_unit_test(signature_bent),
		cmocka_unit_test(key_has_one_form),
		cmocka_unit_test(signature_any_bit),
		cmocka_unit_test(key_of_the_same_id),
		cmocka_unit_test(secret_locked),
		cmocka_unit_test(secret_damaged),
		cmocka_unit_test(secret_asks_too_much),
		cmocka_unit_test(file_is_hashed_in_a_stream),
		cmocka_unit_test(comment_is_read),
		cmocka_unit_test(comment_of_a_hostile_name),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
