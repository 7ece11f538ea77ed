// SPDX-License-Identifier: BSD-3-Clause
// The client's hot half: bursts of requests out, bursts of replies in. The client's thread.
#pragma once

#include "ctl/load/client.h"

// Sends up to `n` <= CLIENT_BURST requests; due_cycles[i] is when each should have left; NULL
// stands for now.
// Returns how many were taken: fewer where the queue is full or no slot is free.
uint32_t exchange_send(struct client *client, uint32_t n, const uint64_t *due_cycles);
// Takes in what has arrived, and gives up requests that have waited too long.
void exchange_receive(struct client *client);
