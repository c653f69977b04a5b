#pragma once
#include "common/native.h"

namespace accel {

template <class N, class A, class B, class Y>
void divide(const N &node, const A *a, const B *b, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    constexpr int heads = N::b_channels, size = N::channels / heads;
    const std::int64_t numerator = std::int64_t(1) << node.numerator_bits, divisor = std::int64_t(1) << node.least;
    for (std::int64_t h = rows.first * heads; h < rows.end * heads; h++) {
        std::int64_t kept = most(std::int64_t(b[h]), divisor);
        if constexpr (N::kept) {
            const int below = most(0, bit_length(kept) - N::kept);
            kept = kept >> below << below;
        }
        const std::int64_t inverse = quotient(numerator, kept);
        const int spare = most(0, bit_length(inverse) - N::significant);
        const T factor = T(inverse >> spare);
        const Requantized<Word::half_up, T> rounded(node.numerator_bits - node.fraction - spare, node.lo, node.hi);
        for (int c = 0; c < size; c++)
            y[h * size + c] = stored<Y>(rounded(T(a[h * size + c]) * factor));
    }
}

} // namespace accel
