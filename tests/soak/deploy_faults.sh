#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every change of a model's deployment with each of its calls failing in every way: `make test` has two of four ways each.
export MARTLET_FAULTS=all CMOCKA_MESSAGE_OUTPUT=TAP
exec "$MARTLET_BUILD"/asan/tests/unit/test_deploy_crash
