// SPDX-License-Identifier: BSD-3-Clause
// For whom the gate has room, and who is closed to make some. Control thread only.
#pragma once

#include "ctl/server/http/gate_state.h"

// Whether a warning is due, which is then taken as said.
bool gate_room_says(struct gate *gate, enum gate_warning warning);
struct gate_bucket *gate_room_bucket(struct gate *gate, const struct gate_address *address);

// As many connections as the limits and this process' descriptors allow.
void gate_room_fit(struct gate *gate, const struct gate_limits *limits);

// Whether one more may come in by a door as things are.
bool gate_room_is_there(const struct gate *gate, const struct gate_door *door);
// ... after closing a silent or slow one if need be. Otherwise the door is shut.
bool gate_room_make(struct gate_listening *listening);
// Whether another of the address may come in. Where it has its share, one of its own is closed for it.
bool gate_room_has_address(struct gate *gate, const struct gate_address *address);
// Nothing can be accepted for want of descriptors: the door is shut.
void gate_room_lacks_descriptors(struct gate_listening *listening, int why);

// Doors that are shut listen again: all of them, or those of TLS, of which a handshake has ended.
void gate_room_reopen(struct gate *gate, bool is_tls_alone);
