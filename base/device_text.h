// SPDX-License-Identifier: BSD-3-Clause
// What may be told of a device's arguments ("net_memif0,role=server,secret=...") to who may only read: any of them but
// the secret that a memif peer must know. Any thread.
#pragma once

// Puts an asterisk in the place of each secret that the text, one device's, names. No other text is changed.
void device_text_hide(char *text);

// A device for a sentence: without its secrets, cut where it is long.
struct device_told {
	char s[256];
};
struct device_told device_told(const char *device);
