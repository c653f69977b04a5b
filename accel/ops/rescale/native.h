#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void rescale(const X *x, Y *y) {
    using T = typename N::T;
    for (int t = 0; t < N::tokens; t++)
        for (int c = 0; c < N::channels; c++) {
            const int i = t * N::channels + c;
            const T product = T(x[i]) * N::multiplier[N::multiplier_size == 1 ? 0 : c];
            y[i] = requantized<N::shift, N::rounding>(product, T(N::lo), T(N::hi));
        }
}

} // namespace accel
