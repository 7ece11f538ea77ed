// SPDX-License-Identifier: BSD-3-Clause
// Large layers by OpenBLAS: the bias goes into y first, the product is added, the activation
// follows over what was just written. OpenBLAS picks its own instructions: see `uncapped` in
// kernels.h.
#include "infer/kernels/kernels.h"

#include <assert.h>
#include <cblas.h>
#include <string.h>

void f32_dense_blas__openblas(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const float *bias = dense->packed;
	const float *w = bias + dense->n; // [k][n]
	int k = (int)dense->k, n = (int)dense->n;

	assert(dense->k > 0 && dense->n > 0 && ldx >= dense->k && ldy >= dense->n);
	for (uint32_t row = 0; row < m; row++)
		memcpy(y + row * ldy, bias, dense->n * sizeof(float));
	if (m == 1)
		cblas_sgemv(CblasRowMajor, CblasTrans, k, n, 1.0f, w, n, x, 1, 1.0f, y, 1);
	else if (m > 1)
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, n, k, 1.0f, x,
			(int)ldx, w, n, 1.0f, y, (int)ldy);
	if (dense->act.kind != ACTIVATION_NONE) {
		const struct activate_kernel *activate = activate_pick(isa_detected());

		for (uint32_t row = 0; row < m; row++)
			activate->run(&dense->act, dense->n, y + row * ldy, y + row * ldy);
	}
}
