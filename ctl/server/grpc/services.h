// SPDX-License-Identifier: BSD-3-Clause
// The services that are offered, by their full names. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SERVICE_INFERENCE        "inference.GRPCInferenceService"
#define SERVICE_HEALTH           "grpc.health.v1.Health"
#define SERVICE_REFLECTION       "grpc.reflection.v1.ServerReflection"
#define SERVICE_REFLECTION_ALPHA "grpc.reflection.v1alpha.ServerReflection"

// Whether name[size] is one of them.
bool services_have(const char *name, size_t size);
// Whether a path, "/SERVICE/METHOD", is of one of them.
bool services_have_path(const char *path);
