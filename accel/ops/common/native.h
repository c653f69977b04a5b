#pragma once
// What the operators' native.h share. A kernel is a template over a struct N of its node, whose members hold the fields
// of the operator: sizes and words are constants of the struct, so that loops have known ends; numbers and pointers to
// arrays are read at run time, so that nodes of one shape share a kernel. N::T carries the node's integers: float,
// std::int32_t, double or std::int64_t, whichever its peak allows (accel/reference/native.py).

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace accel {

// Of the standard library these few: reading <cmath> and <algorithm> takes as long as compiling three kernels.
template <class T> constexpr T least(T a, T b) { return b < a ? b : a; }
template <class T> constexpr T most(T a, T b) { return a < b ? b : a; }
inline float floor(float x) { return __builtin_floorf(x); }
inline double floor(double x) { return __builtin_floor(x); }
inline float nearest(float x) { return __builtin_rintf(x); } // half to even
inline double nearest(double x) { return __builtin_rint(x); }
inline float magnitude(float x) { return __builtin_fabsf(x); }
inline double magnitude(double x) { return __builtin_fabs(x); }
inline float with_sign(float x, float y) { return __builtin_copysignf(x, y); }
inline double with_sign(double x, double y) { return __builtin_copysign(x, y); }

// The words that fields of operators hold.
enum class Word {
    half_even, half_up, half_away, floor, toward_zero, ceil, away, half_toward_zero, layer, rms, l2, scores, values
};

struct Rows;

// Nodes that go on with columns as soon as a kernel knows them, in the thread that made them.
struct Followers {
    virtual void run(const Rows &rows) const = 0;
};

// Rows first to end − 1 of an edge: row r is token r % tokens of sample r / tokens. Edges begin at sample 0. Where tokens of
// one sample come in turn, `scores` is how many columns of every head are known if the output has scores, and `shares` how
// many may differ from 0 if the first input has shares; else they are 0. Followers get columns left to right − 1; right is 0
// for all of them.
struct Rows {
    std::int64_t first, end, scores = 0, shares = 0, left = 0, right = 0;
    const Followers *followers = nullptr;
};

// For sums that outgrow float and std::int32_t.
template <class T> using Wide = std::conditional_t<std::is_same_v<T, std::int64_t>, std::int64_t, double>;

// An integer that Y holds, carried in another type. Processors convert floating point to 32 bits fastest.
template <class Y, class T> Y stored(T x) {
    if constexpr (std::is_floating_point_v<T> && sizeof(Y) < 4)
        return Y(std::int32_t(x));
    else
        return Y(x);
}

template <class X, class Y> void convert(const X *x, Y *y, std::int64_t count) {
    for (std::int64_t i = 0; i < count; i++)
        y[i] = stored<Y>(x[i]);
}

// x / 2^shift, rounded to an integer, clipped to lo..hi.
template <Word ROUNDING, class T> struct Requantized {
    int shift;
    T lo, hi, scale, half, mask;

    // Without a shift nothing is rounded: `half` is then a number that no remainder reaches.
    Requantized(std::int64_t shift, std::int64_t lo, std::int64_t hi) : shift(int(shift)), lo(T(lo)), hi(T(hi)) {
        mask = T((std::int64_t(1) << shift) - 1);
        scale = T(1 / double(std::int64_t(1) << shift));
        half = std::is_floating_point_v<T> ? T(shift ? 0.5 : 0) : T(shift ? std::int64_t(1) << (shift - 1) : 1);
    }

    T operator()(T x) const {
        if constexpr (std::is_floating_point_v<T>)
            x = rounded(x * scale);
        else
            x = (x >> shift) + T(up(x, x & mask));
        return least(most(x, lo), hi);
    }

    T rounded(T y) const {
        switch (ROUNDING) {
        case Word::half_even: return nearest(y);
        case Word::half_up: return accel::floor(y + half);
        case Word::half_away: return with_sign(accel::floor(magnitude(y) + half), y);
        case Word::half_toward_zero: return with_sign(-accel::floor(half - magnitude(y)), y);
        case Word::floor: return accel::floor(y);
        case Word::ceil: return -accel::floor(-y);
        case Word::toward_zero: return with_sign(accel::floor(magnitude(y)), y);
        default: return with_sign(-accel::floor(-magnitude(y)), y);
        }
    }

    bool up(T x, T rest) const {
        switch (ROUNDING) {
        case Word::half_even: return (rest > half) | ((rest == half) & ((x >> shift) & 1));
        case Word::half_up: return rest >= half;
        case Word::half_away: return (rest > half) | ((rest == half) & (x > 0));
        case Word::half_toward_zero: return (rest > half) | ((rest == half) & (x < 0));
        case Word::floor: return false;
        case Word::ceil: return rest > 0;
        case Word::toward_zero: return (rest > 0) & (x < 0);
        default: return (rest > 0) & (x > 0);
        }
    }
};

// floor(sqrt(x)); a double root is exact up to 2^52, that of an int64_t is corrected.
inline double root(double x) { return floor(__builtin_sqrt(x)); }

inline std::int64_t root(std::int64_t x) {
    std::int64_t r = std::int64_t(__builtin_sqrt(double(x)));
    r -= r * r > x;
    return r + ((r + 1) * (r + 1) <= x);
}

// Bits of x >= 0.
inline int bit_length(std::int64_t x) { return x ? 64 - __builtin_clzll(std::uint64_t(x)) : 0; }

// floor(numerator / x)
inline double quotient(double numerator, double x) { return floor(numerator / x); }
inline std::int64_t quotient(std::int64_t numerator, std::int64_t x) { return numerator / x; }

// Channels with one exponent: how an edge of a BlockFloat is held that only products of attention read.
template <int SIZE> struct Block {
    std::int8_t mantissas[SIZE];
    std::uint8_t exponent;
};

template <class X> constexpr int block_size = 0; // of numbers
template <int SIZE> constexpr int block_size<Block<SIZE>> = SIZE;

// Memory of this thread that begins at a line of the cache; `slot` tells apart what is needed at the same time.
struct Memory {
    char *bytes = nullptr;
    std::int64_t size = 0;

    ~Memory() { delete[] bytes; }

    void *at_least(std::int64_t wanted) {
        if (wanted > size) {
            delete[] bytes;
            bytes = new char[wanted + 64];
            size = wanted;
        }
        return bytes + (-reinterpret_cast<std::uintptr_t>(bytes) & 63);
    }
};

template <class T, int SLOT> T *scratch(std::int64_t count) {
    static thread_local Memory memory;
    return static_cast<T *>(memory.at_least(count * sizeof(T)));
}

} // namespace accel
