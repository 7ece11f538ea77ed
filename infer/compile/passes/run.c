// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/run.h"

#include "infer/compile/passes/passes.h"

int passes_run(struct graph *graph, struct compile_report *report, struct error *err)
{
#define PASS(name) pass_##name,
	static int (*const PASSES[])(
		struct graph *, struct compile_report *, struct error *) = { PASS_LIST(PASS) };
#undef PASS
	// Every change takes a node away or makes it a simpler kind, so this ends well before.
	uint32_t rounds = graph->n_nodes * 3 + 1;
	int changes;

	do {
		changes = 0;
		for (size_t p = 0; p < sizeof(PASSES) / sizeof(*PASSES); p++) {
			int rc = PASSES[p](graph, report, err);

			if (rc < 0)
				return rc;
			changes += rc;
		}
	} while (changes > 0 && rounds-- > 0);
	return 0;
}
