#pragma once
#include "common/native_matrix.h"
#include "common/native_threads.h"

namespace accel {

constexpr std::int64_t FEW = 4;              // rows of which the products take less time than packing the other operand
constexpr std::int64_t WORTH = 1 << 16;      // products of a row that are worth a meeting of threads
constexpr int STRIPES = 4;                   // registers of channels whose sums are kept together

// The largest divisor of n up to `most`.
constexpr int divisor(int n, int most) {
    while (n % most)
        most--;
    return most;
}

// Elements of a head in memory.
template <class B, int SIZE> constexpr int element = block_size<B> ? 1 : SIZE;

template <class T> using Register = typename Lanes<T, REGISTER>::Vector;
template <class T> constexpr int LANES = REGISTER / int(sizeof(T));

template <class T> T total(const Register<T> &sums) {
    T lanes[LANES<T>];
    std::memcpy(lanes, &sums, sizeof lanes);
    #pragma GCC unroll 4
    for (int count = LANES<T> / 2; count; count /= 2)
        for (int i = 0; i < count; i++)
            lanes[i] += lanes[i + count];
    return lanes[0];
}

// Channels of a key or a value as T, and the power of two that all are to be multiplied with.
template <int COUNT, class T, class B> T terms_of(const B *b, std::int64_t channel, T *to) {
    if constexpr (block_size<B> != 0) {
        for (int c = 0; c < COUNT; c++)
            to[c] = T(b->mantissas[channel + c]);
        return T(std::int64_t(1) << b->exponent);
    } else {
        for (int c = 0; c < COUNT; c++)
            to[c] = T(b[channel + c]);
        return T(1);
    }
}

// Scores of HEADS heads, TERMS channels each, for keys first to end − 1 of b, whose rows are `stride` apart.
template <int HEADS, int TERMS, class T, class A, class B, class Y>
void scores_of(const A *a, const B *b, std::int64_t stride, Y *y, std::int64_t keys, std::int64_t first, std::int64_t end) {
    constexpr int count = (TERMS + LANES<T> - 1) / LANES<T>;
    alignas(64) T queries[HEADS][count * LANES<T>] = {}, key[count * LANES<T>] = {};
    for (int h = 0; h < HEADS; h++)
        for (int c = 0; c < TERMS; c++)
            queries[h][c] = T(a[h * TERMS + c]);
    b += first * stride;
    for (std::int64_t u = first; u < end; u++, b += stride) {
        const T unit = terms_of<TERMS>(b, 0, key);
        for (int h = 0; h < HEADS; h++) {
            Register<T> sums = {};
            for (int i = 0; i < count; i++)
                sums += reinterpret_cast<const Register<T> *>(queries[h])[i] * reinterpret_cast<const Register<T> *>(key)[i];
            y[h * keys + u] = stored<Y>(total<T>(sums) * unit);
        }
    }
}

// WIDTH channels from `channel` of the values of HEADS heads. Most of a row's shares are 0.
template <int HEADS, int WIDTH, class T, class A, class B, class Y>
void values_of(const A *a, std::int64_t keys, const B *b, std::int64_t channel, std::int64_t stride, Y *y, std::int64_t size,
               std::int64_t seen) {
    constexpr int count = (WIDTH + LANES<T> - 1) / LANES<T>;
    alignas(64) T value[count * LANES<T>] = {};
    Register<T> sums[HEADS][count] = {};
    for (std::int64_t u = 0; u < seen; u++, b += stride) {
        T shares[HEADS];
        bool any = false;
        for (int h = 0; h < HEADS; h++) {
            shares[h] = T(a[h * keys + u]);
            any |= a[h * keys + u] != 0;
        }
        if (!any)
            continue;
        const T unit = terms_of<WIDTH>(b, channel, value);
        for (int h = 0; h < HEADS; h++)
            for (int i = 0; i < count; i++)
                sums[h][i] += shares[h] * unit * reinterpret_cast<const Register<T> *>(value)[i];
    }
    for (int h = 0; h < HEADS; h++)
        for (int c = 0; c < WIDTH; c++)
            y[h * size + c] = stored<Y>(sums[h][c / LANES<T>][c % LANES<T>]);
}

// A row of all heads. Heads that share keys and values read them together; threads have keys, or channels of values.
template <class N, class A, class B, class Y>
void matmul_row(const A *a, const B *b, Y *__restrict y, std::int64_t seen) {
    using T = typename N::T;
    constexpr bool scores = N::form == Word::scores;
    constexpr int size = N::b_channels / N::kv_heads, keys = N::b_tokens, heads = divisor(N::group, 4);
    constexpr int width = divisor(size, STRIPES * LANES<T>), stripes = scores ? 1 : size / width;
    constexpr std::int64_t stride = N::kv_heads * element<B, size>;
    constexpr std::int64_t units = N::kv_heads * (N::group / heads) * stripes;
    shared_if(seen * size * N::kv_heads * N::group >= WORTH, [&](std::int64_t part, std::int64_t parts) {
        const std::int64_t first = scores ? 0 : units * part / parts, end = scores ? units : units * (part + 1) / parts;
        for (std::int64_t unit = first; unit < end; unit++) {
            const std::int64_t head = unit / stripes * heads, channel = unit % stripes * width;
            const B *right = b + head / N::group * element<B, size>;
            if constexpr (scores)
                scores_of<heads, size, T>(a + head * size, right, stride, y + head * keys, keys,
                                          seen * part / parts, seen * (part + 1) / parts);
            else
                values_of<heads, width, T>(a + head * keys, keys, right, channel, stride, y + head * size + channel, size, seen);
        }
    });
}

// Fills a matrix from the first `seen` keys or values of a head, whose rows are `stride` apart.
template <class F, bool SCORES, int SIZE, class T, class B>
void fill_head(typename F::Weights *to, const B *b, std::int64_t stride, int seen, bool shift) {
    const int *const none = nullptr;
    const int terms = SCORES ? SIZE : seen, columns = SCORES ? seen : SIZE;
    if constexpr (block_size<B> != 0) {
        T *numbers = scratch<T, 4>(std::int64_t(seen) * SIZE);
        for (std::int64_t u = 0; u < seen; u++) {
            const T unit = terms_of<SIZE>(b + u * stride, 0, numbers + u * SIZE);
            for (int c = 0; c < SIZE; c++)
                numbers[u * SIZE + c] *= unit;
        }
        fill<F, SCORES>(to, terms, columns, numbers, SIZE, none, shift);
    } else
        fill<F, SCORES>(to, terms, columns, b, stride, none, shift);
}

// Per sample and head: scores contract the channels of both, values the tokens of b. Keys that no row may see have no score
// yet, and no share.
template <class N, class A, class B, class Y> void matmul(const N &, const A *a, const B *b, Y *__restrict y, Rows rows) {
    using F = Format<N::bytes, typename N::T>;
    constexpr bool scores = N::form == Word::scores;
    constexpr int size = N::b_channels / N::kv_heads, keys = N::b_tokens;
    constexpr std::int64_t stride = N::kv_heads * element<B, size>;
    constexpr int every = scores ? size : keys; // terms of a row of a
    const std::int64_t known = scores ? rows.scores : rows.shares, seen = known ? least<std::int64_t>(known, keys) : keys;
    const int terms = scores ? size : int(seen), columns = scores ? int(seen) : size;
    for (std::int64_t sample = rows.first / N::tokens; sample * N::tokens < rows.end; sample++) {
        const std::int64_t first = most(rows.first, sample * N::tokens);
        const std::int64_t count = least(rows.end, (sample + 1) * N::tokens) - first;
        const A *left = a + first * N::x_channels;
        const B *all_right = b + sample * keys * stride;
        if (count < FEW) {
            for (std::int64_t r = 0; r < count; r++)
                matmul_row<N>(left + r * N::x_channels, all_right, y + (first + r) * N::channels, seen);
            continue;
        }
        const bool aligned = every % F::group == 0 && terms == every; // then the rows of all heads are units as they are
        const auto all = units<F>(left, N::x_channels, count, aligned ? N::x_channels : 0);
        auto *right = scratch<typename F::Weights, 1>(packed_size<F>(terms, columns));
        for (int kv = 0; kv < N::kv_heads; kv++) {
            fill_head<F, scores, size, typename N::T>(right, all_right + kv * element<B, size>, stride, int(seen), std::is_signed_v<A>);
            for (int h = kv * N::group; h < (kv + 1) * N::group; h++) {
                const auto own = aligned ? Left<F>{all.units + h * every / F::group, all.step}
                                         : units<F>(left + h * every, N::x_channels, count, terms);
                product<F>(own, count, right, terms, columns, y + first * N::channels + h * (scores ? keys : size), N::channels);
            }
        }
    }
}

} // namespace accel
