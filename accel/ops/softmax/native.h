#pragma once
#include "exponential/native.h"

namespace accel {

// Some rows are worked on together, in passes whose numbers have one width: compilers vectorize these, however short the
// rows are.
template <class N, class X, class Y> void softmax(const N &node, const X *x, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    using W = Wide<T>;
    constexpr int row = N::row, heads = N::channels / row, together = row < 256 ? 16 : 4;
    const Requantized<Word::half_up, T> requantized(node.shift, 0, (std::int64_t(1) << node.out_bits) - 1);
    const W numerator = W(std::int64_t(1) << node.numerator_bits);
    T *const values = scratch<T, 0>(together * row);
    for (std::int64_t first = rows.first * heads; first < rows.end * heads; first += together) {
        const int count = int(least<std::int64_t>(together, rows.end * heads - first));
        int keys[together];
        W inverses[together];
        convert(x + first * row, values, count * row);
        for (int r = 0; r < together; r++) {
            keys[r] = N::causal ? int((first + r) / heads % N::tokens) + row - N::tokens + 1 : row;
            inverses[r] = 1;
        }
        exponentials<row, N::causal>(values, keys, count, node.rom, T(node.rom_size - 1));
        hide<row>(values, keys, count);
        for (int r = 0; r < count; r++) {
            const T *const of = values + r * row;
            T sum = 0;
            #pragma omp simd reduction(+ : sum)
            for (int k = 0; k < row; k++)
                sum += of[k];
            inverses[r] = W(sum);
        }
        for (int r = 0; r < together; r++)
            inverses[r] = quotient(numerator, inverses[r]);
        for (int r = 0; r < count; r++)
            for (int k = 0; k < row; k++)
                values[r * row + k] *= T(inverses[r]);
        for (int i = 0; i < count * row; i++)
            y[first * row + i] = stored<Y>(requantized(values[i]));
    }
}

} // namespace accel
