// SPDX-License-Identifier: BSD-3-Clause
// Whether an image may be believed: its minisign signature (base/trust/minisign.h), by what the configuration's
// trust says. Any thread.
#pragma once

#include "base/error.h"
#include "base/trust/minisign.h"
#include "config/settings.h"

struct signature_claim {
	char key[MINISIGN_ID_TEXT]; // who signed it, as it says; "": it is not signed
	uint64_t version;           // as the trusted comment says; 0: it was not looked at
	bool is_good; // of a trusted key, and the signature and what it says are right
};

// Of bytes[size] that are, or are to be, an image of `model`, and the text of its signature (NULL: there is none).
// -EACCES: it is not signed, or by a key that is not trusted, or not for this model. -EINVAL, -ENOTSUP or -EBADMSG: the
// signature, or what it says, is wrong. Where signatures are not required one by a key that nobody trusts is let pass, and
// one by a key that is trusted is to be right all the same.
int signature_check(const struct config_trust *trust, const char *model, const void *bytes,
	size_t size, const char *signature, size_t signature_size, struct signature_claim *claim,
	struct error *err);

// Whether a key of that id is trusted for the model; "" is none.
bool signature_is_trusted(const struct config_trust *trust, const char *model, const char *key);
