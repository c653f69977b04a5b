#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void window(const X *x, Y *y) {
    for (int t = 0; t < N::tokens; t++) {
        const int from = N::first + t;
        if (from >= 0 && from < N::x_tokens)
            convert(x + from * N::channels, y + t * N::channels, N::channels);
        else
            convert(N::fill + t * N::channels, y + t * N::channels, N::channels);
    }
}

} // namespace accel
