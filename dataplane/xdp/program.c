// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/xdp/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// libxdp's names, as the kernel keeps them.
#define DEFAULT_NAME    "xsk_def_prog"
#define DISPATCHER_NAME "xdp_dispatcher"

static void program_read_name(struct xdp_program *program, int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		snprintf(program->name, sizeof(program->name), "%s", info.name);
}

int xdp_program_look(uint32_t if_index, struct xdp_program *program, int *fd)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, have);
	int rc = bpf_xdp_query((int)if_index, 0, &have), mine;

	*program = (struct xdp_program){ .id = 0 };
	if (fd)
		*fd = XDP_PROGRAM_NONE;
	if (rc != 0)
		return rc;
	program->id = have.prog_id ? have.prog_id
		: have.drv_prog_id ? have.drv_prog_id
				   : have.skb_prog_id;
	if (have.attach_mode == XDP_ATTACHED_DRV)
		program->flags = XDP_FLAGS_DRV_MODE;
	else if (have.attach_mode == XDP_ATTACHED_SKB)
		program->flags = XDP_FLAGS_SKB_MODE;
	if (!program->id)
		return 0;
	mine = bpf_prog_get_fd_by_id(program->id);
	if (mine < 0)
		return 0;
	program_read_name(program, mine);
	if (fd)
		*fd = mine;
	else
		close(mine);
	return 0;
}

bool xdp_program_is_dispatcher(const struct xdp_program *program)
{
	return strcmp(program->name, DISPATCHER_NAME) == 0;
}

bool xdp_program_is_default(const struct xdp_program *program)
{
	return strcmp(program->name, DEFAULT_NAME) == 0 || xdp_program_is_dispatcher(program);
}

int xdp_program_put(uint32_t if_index, int fd, uint32_t flags)
{
	return bpf_xdp_attach((int)if_index, fd, flags | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
}

int xdp_program_take_away(uint32_t if_index, int fd, uint32_t flags)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, old, .old_prog_fd = fd);

	return bpf_xdp_attach((int)if_index, -1, flags | XDP_FLAGS_REPLACE, &old);
}
