#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void embedding(const X *x, Y *y) {
    for (int t = 0; t < N::tokens; t++)
        convert(N::table + (std::int64_t(x[t]) - N::base) * N::channels, y + t * N::channels, N::channels);
}

} // namespace accel
