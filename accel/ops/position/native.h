#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void position(const X *x, Y *y) {
    using T = typename N::T;
    for (int i = 0; i < N::tokens * N::channels; i++)
        y[i] = T(x[i]) * T(N::multiplier) + N::table[i];
}

} // namespace accel
