// SPDX-License-Identifier: BSD-3-Clause
// The two sides of a replay: images by file, or out of the running appliance's store.
#pragma once

#include "ctl/tool/command.h"
#include "infer/infer.h"

struct replay_image {
	char name[512]; // as it is called: the file, or MODEL:VERSION
	struct model *model;
	struct command_target target; // of the appliance; version 0: a file
	uint16_t id;                  // that one's on the wire; 0: it has none
	const struct image_keys *keys;
};

// `said`: a file, MODEL:VERSION, or MODEL, which is the version that is live. Fetched images are checked by
// their hash. False: refused, and said.
// `keys`: of encrypted images; NULL: none.
bool replay_image_open(const char *said, const struct image_keys *keys, struct replay_image *image);
// Whether it is a file that is meant; else the appliance's.
bool replay_image_is_file(const char *said);
void replay_image_fini(struct replay_image *image); // a zeroed one is fine
// Whether the same rows mean the same to both, and their scores likewise. Where names, labels or the numbers of
// texts differ that is refused, or, by `force`, only said. False: refused, and said.
bool replay_images_match(
	const struct replay_image *live, const struct replay_image *other, bool force);
