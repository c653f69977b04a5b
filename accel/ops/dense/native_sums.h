#pragma once
// Dense whose outputs are sums of equally many inputs each, side by side: those of the exponentials of every head.

#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void dense_sums(const N &, const X *x, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    constexpr int size = N::x_channels / N::channels;
    const std::int64_t used = rows.shares && size == N::tokens ? least<std::int64_t>(rows.shares, size) : size;
    for (std::int64_t i = rows.first * N::channels; i < rows.end * N::channels; i++) {
        T sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (std::int64_t k = 0; k < used; k++)
            sum += T(x[i * size + k]);
        y[i] = stored<Y>(sum);
    }
}

} // namespace accel
