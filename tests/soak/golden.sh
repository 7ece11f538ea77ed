#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The self-check of a compilation on 1,000 random models: `make test` has a fifth of them.
export MARTLET_MODELS=1000 CMOCKA_MESSAGE_OUTPUT=TAP
exec "$MARTLET_BUILD"/asan/tests/unit/test_golden
