// SPDX-License-Identifier: BSD-3-Clause
// What would be left on the disk, for nobody to find, if the process ended at this moment: files under a temporary name,
// folders of intermediate results. Whoever makes one says so, and whoever ends the process early takes all of them away.
//
//     leftovers_lock();
//     made = mkdtemp(folder);
//     leftovers_add(&leftover);
//     leftovers_unlock();
//
// Any thread.
#pragma once

// Owner: who made it; stays where it is from leftovers_add() to leftovers_drop(). A zeroed one is not known of.
struct leftover {
	void (*remove)(void *arg); // called with the lock held
	void *arg;
	struct leftover *next;
	struct leftover **link; // what points to it; NULL: it is not known of
};

// Between the two nothing is taken away, so that what is made and what is known of are the same.
void leftovers_lock(void);
void leftovers_unlock(void);
// With the lock held. `leftover` has remove and arg.
void leftovers_add(struct leftover *leftover);
// It is gone, or is no leftover any more. With the lock held. Does nothing where it is not known of.
void leftovers_drop(struct leftover *leftover);
// Takes all away, and keeps the lock for ever: the process must end now.
void leftovers_remove(void);
