#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void pool(const N &, const X *x, Y *__restrict y, Rows rows) {
    for (std::int64_t sample = rows.first; sample < rows.end; sample++) {
        typename N::T sums[N::channels] = {};
        for (int t = 0; t < N::x_tokens; t++)
            for (int c = 0; c < N::channels; c++)
                sums[c] += typename N::T(x[(sample * N::x_tokens + t) * N::channels + c]);
        convert(sums, y + sample * N::channels, N::channels);
    }
}

} // namespace accel
