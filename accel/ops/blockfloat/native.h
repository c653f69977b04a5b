#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void blockfloat(const N &node, const X *x, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    constexpr int size = N::group ? N::group : N::channels;
    for (std::int64_t i = rows.first * N::channels; i < rows.end * N::channels; i += size) {
        T largest = 0;
        #pragma omp simd reduction(max : largest)
        for (int c = 0; c < size; c++)
            largest = most(largest, most(T(x[i + c]), T(-T(x[i + c]))));
        const int exponent = most(0, bit_length(std::int64_t(largest)) - int(node.bits - 1));
        const Requantized<Word::half_up, T> mantissa(exponent, -node.top, node.top);
        const T step = T(std::int64_t(1) << exponent);
        if constexpr (block_size<Y> != 0) {
            y[i / size].exponent = std::uint8_t(exponent);
            for (int c = 0; c < size; c++)
                y[i / size].mantissas[c] = stored<std::int8_t>(mantissa(T(x[i + c])));
        } else
            for (int c = 0; c < size; c++)
                y[i + c] = stored<Y>(mantissa(T(x[i + c])) * step);
    }
}

} // namespace accel
