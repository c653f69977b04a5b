#pragma once
#include "common/native.h"

namespace accel {

// Sums over the channels are T, what is made of them is wider, as in the reference.
template <class N, class X, class Y> void norm(const X *x, Y *y) {
    using T = typename N::T;
    using W = Wide<T>;
    constexpr W guard = std::int64_t(1) << N::guard;
    constexpr int channels = N::row ? N::row : N::channels;
    for (int t = 0; t < N::tokens * N::channels / channels; t++, x += channels, y += channels) {
        T squares = 0, sum = 0;
        #pragma omp simd reduction(+ : squares, sum)
        for (int c = 0; c < channels; c++) {
            squares += T(x[c]) * T(x[c]);
            sum += x[c];
        }
        if (N::form == Word::rms)
            sum = 0;
        const W variance = W(squares) * channels + N::offset - W(sum) * W(sum);
        const W inverse = quotient(std::int64_t(1) << N::numerator_bits, std::max(root(variance * guard * guard), guard));
        for (int c = 0; c < channels; c++) {
            W product = W(channels * T(x[c]) - sum) * inverse;
            if (N::has_affine)
                product = product * N::gamma[N::gamma_size == 1 ? 0 : c] + N::beta[N::beta_size == 1 ? 0 : c];
            y[c] = requantized<N::shift, Word::half_up>(product, W(N::lo), W(N::hi));
        }
    }
}

} // namespace accel
