#pragma once
#include "common/native.h"

namespace accel {

// Causal: key j <= query + (row - tokens).
template <class N, class X, class Y> void softmax(const X *x, Y *y) {
    using T = typename N::T;
    constexpr T last = N::rom_size - 1, top = (std::int64_t(1) << N::out_bits) - 1;
    for (int t = 0; t < N::tokens; t++) {
        const int keys = N::causal ? t + N::row - N::tokens + 1 : int(N::row);
        for (int first = t * N::channels; first < (t + 1) * N::channels; first += N::row) {
            T largest = x[first], sum = 0, exponentials[N::row] = {};
            #pragma omp simd reduction(max : largest)
            for (int k = 0; k < keys; k++)
                largest = std::max(largest, T(x[first + k]));
            for (int k = 0; k < keys; k++)
                exponentials[k] = N::rom[int(std::min(largest - T(x[first + k]), last))];
            #pragma omp simd reduction(+ : sum)
            for (int k = 0; k < N::row; k++)
                sum += exponentials[k];
            const T inverse = quotient(std::int64_t(1) << N::numerator_bits, Wide<T>(sum));
            for (int k = 0; k < N::row; k++)
                y[first + k] = requantized<N::shift, Word::half_up>(T(exponentials[k] * inverse), T(0), top);
        }
    }
}

} // namespace accel
