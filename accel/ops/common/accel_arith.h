#ifndef ACCEL_ARITH_H_
#define ACCEL_ARITH_H_
// Exact integer arithmetic for the kernels: rounding shift, clip, square root, division.
//
// No name of a vendor's integer type appears in any accel_*.h: every width is a typedef of the kernel's CONFIG, so one
// source serves ap_int and ac_int back ends. Rules that keep it portable: C++11, no ternary over two types, indices
// through .to_int(), values widened by assignment to a typedef before they are shifted.

namespace nnet {

// In the order of accel.numeric.ROUNDINGS.
enum accel_rounding {
    ACCEL_HALF_EVEN,
    ACCEL_HALF_UP,
    ACCEL_HALF_AWAY,
    ACCEL_FLOOR,
    ACCEL_TOWARD_ZERO,
    ACCEL_CEIL,
    ACCEL_AWAY,
    ACCEL_HALF_TOWARD_ZERO
};

// x / 2^SHIFT, rounded to an integer. V is signed and holds |x| + 2^(SHIFT-1).
template <int SHIFT, int ROUNDING, class V> V accel_shift_round(const V &x) {
    #pragma HLS INLINE
    if (SHIFT == 0)
        return x;
    const int half_shift = SHIFT > 0 ? SHIFT - 1 : 0;
    V half = 1;
    half = half << half_shift;
    V quotient = x >> SHIFT;
    V rest = quotient << SHIFT;
    rest = x - rest;
    bool up = false;
    if (ROUNDING == ACCEL_HALF_EVEN) {
        V parity = 1;
        parity = quotient & parity;
        up = rest > half || (rest == half && parity != 0);
    } else if (ROUNDING == ACCEL_HALF_UP) {
        up = rest >= half;
    } else if (ROUNDING == ACCEL_HALF_AWAY) {
        up = rest > half || (rest == half && x > 0);
    } else if (ROUNDING == ACCEL_TOWARD_ZERO) {
        up = rest > 0 && x < 0;
    } else if (ROUNDING == ACCEL_CEIL) {
        up = rest > 0;
    } else if (ROUNDING == ACCEL_AWAY) {
        up = rest > 0 && x > 0;
    } else if (ROUNDING == ACCEL_HALF_TOWARD_ZERO) {
        up = rest > half || (rest == half && x < 0);
    }
    if (up)
        quotient += 1;
    return quotient;
}

// x / 2^shift, rounded half up, for a shift of at least 0 that is known at run time. V is signed and holds |x| + 2^shift / 2.
template <class V> V accel_shift_half_up(const V &x, int shift) {
    #pragma HLS INLINE
    V half = 0;
    if (shift > 0) {
        half = 1;
        half = half << (shift - 1);
    }
    V sum = x + half;
    sum = sum >> shift;
    return sum;
}

// How often x has to be shifted right by STEP until it is below 2^BITS, at most MOST times. x is not negative.
template <int BITS, int MOST, int STEP = 1, class V> int accel_excess(const V &x) {
    #pragma HLS INLINE
    int found = 0;
    for (int k = 0; k < MOST; k++) {
        #pragma HLS UNROLL
        V rest = x >> (BITS + STEP * k);
        if (rest != 0)
            found = k + 1;
    }
    return found;
}

// x limited to low..high, which V holds.
template <class V> V accel_clip(const V &x, const V &low, const V &high) {
    #pragma HLS INLINE
    if (x < low)
        return low;
    if (x > high)
        return high;
    return x;
}

// One bit of floor(sqrt(x)), the highest first: call it BITS times with root = rest = 0 at first. x is unsigned and exactly
// 2·BITS wide; REST has BITS + 2 bits, unsigned.
template <int BITS, class V, class ROOT, class REST> void accel_isqrt_step(V &x, ROOT &root, REST &rest) {
    #pragma HLS INLINE
    REST pair = x >> (2 * BITS - 2);
    x = x << 2;
    rest = rest << 2;
    rest = rest | pair;
    REST trial = root;
    trial = trial << 2;
    trial += 1;
    root = root << 1;
    if (rest >= trial) {
        rest -= trial;
        root += 1;
    }
}

// One bit of floor(2^K / divisor), restoring, the highest first. For divisor > 0 and a quotient below 2^BITS with
// BITS <= K the first K - BITS steps would give zeros: start with quotient = 0 and rest = 2^(K - BITS), then call it
// BITS times. REST is unsigned and holds 2·divisor.
template <class QUOTIENT, class REST> void accel_divide_step(const REST &divisor, QUOTIENT &quotient, REST &rest) {
    #pragma HLS INLINE
    rest = rest << 1;
    quotient = quotient << 1;
    if (rest >= divisor) {
        rest -= divisor;
        quotient += 1;
    }
}

} // namespace nnet

#endif
