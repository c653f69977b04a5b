#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void rotary(const X *x, Y *y) {
    using T = typename N::T;
    for (int t = 0; t < N::tokens; t++)
        for (int head = 0; head < N::channels; head += N::period)
            for (int c = 0; c < N::period; c++) {
                const int i = t * N::channels + head + c, k = t * N::period + c;
                T sum = T(x[i]) * T(N::cos[k]);
                if constexpr (N::turns != 0)
                    sum += T(x[i ^ 1]) * T(N::sin[k]);
                y[i] = sum;
            }
}

} // namespace accel
