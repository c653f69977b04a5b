#pragma once
#include "common/native.h"

namespace accel {

// Causal: key j <= query + (row - tokens). Some rows are worked on together, in passes whose numbers have one width: compilers
// vectorize these, however short the rows are.
template <class N, class X, class Y> void softmax(const N &node, const X *x, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    using W = Wide<T>;
    using Index = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
    constexpr int row = N::row, heads = N::channels / row, together = row < 256 ? 16 : 4;
    const Requantized<Word::half_up, T> requantized(node.shift, 0, (std::int64_t(1) << node.out_bits) - 1);
    const T last = T(node.rom_size - 1);
    const auto *const rom = node.rom;
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
        for (int r = 0; r < count; r++) {
            T *const of = values + r * row;
            T largest = of[0];
            #pragma omp simd reduction(max : largest)
            for (int k = 0; k < (N::causal ? keys[r] : row); k++)
                largest = most(largest, of[k]);
            for (int k = 0; k < row; k++) // a key that does not count may lie above the largest
                of[k] = least(N::causal ? most(largest - of[k], T(0)) : largest - of[k], last);
        }
        for (int i = 0; i < count * row; i++)
            values[i] = T(rom[Index(values[i])]);
        for (int r = 0; r < count; r++) {
            T *const of = values + r * row;
            for (int k = keys[r]; k < row; k++)
                of[k] = 0;
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
