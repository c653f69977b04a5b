/* microGPT in float on one core: what the decode engine is measured beside.
 *
 * Shape: 27 tokens, 16 positions, 16 channels, 4 heads of 4, one layer, 64 hidden units; norms without gains, no
 * biases, a head of its own. A vector holds the 16 channels of a position, or the 16 positions of a channel. Vectors
 * are the compiler's own, which makes of them what the processor has.
 *
 *     gcc -O3 -march=native -ffast-math engine_micro.c -lm -o engine_micro
 *     engine_micro WEIGHTS logits TOKEN...    27 logits at every position of a sequence
 *     engine_micro WEIGHTS speed COUNT        COUNT greedy tokens, sequences of 16: tokens per processor second
 *
 * WEIGHTS are 4,192 floats: tokens, positions, query, key, value, output, the two of the MLP, the head, each as rows of
 * outputs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WIDTH = 16, CONTEXT = 16, HEADS = 4, SIZE = WIDTH / HEADS, HIDDEN = 4, VOCABULARY = 27, TOP = 2 };

typedef float Vector __attribute__((vector_size(64)));
typedef int Lanes __attribute__((vector_size(64)));

static const Lanes LANE = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static struct {
    Vector token[VOCABULARY], position[CONTEXT];
    Vector query[WIDTH], key[WIDTH], value[WIDTH], output[WIDTH]; /* one vector of outputs per input */
    Vector up[HIDDEN][WIDTH], down[HIDDEN * WIDTH], head[TOP][WIDTH];
} weights;

static Vector keys[WIDTH];     /* of a channel at every position */
static Vector values[CONTEXT]; /* of a position in every channel */

static inline Vector all(float x) { return (Vector){} + x; }

static inline Vector chosen(Lanes where, Vector yes, Vector no) {
    return (Vector)((where & (Lanes)yes) | (~where & (Lanes)no));
}

static inline Vector larger(Vector a, Vector b) { return chosen(a > b, a, b); }

/* In every lane, the sum of all lanes. */
static inline Vector sum(Vector x) {
    x += __builtin_shuffle(x, LANE ^ 8);
    x += __builtin_shuffle(x, LANE ^ 4);
    x += __builtin_shuffle(x, LANE ^ 2);
    return x + __builtin_shuffle(x, LANE ^ 1);
}

static inline Vector maximum(Vector x) {
    x = larger(x, __builtin_shuffle(x, LANE ^ 8));
    x = larger(x, __builtin_shuffle(x, LANE ^ 4));
    x = larger(x, __builtin_shuffle(x, LANE ^ 2));
    return larger(x, __builtin_shuffle(x, LANE ^ 1));
}

static inline Vector norm(Vector x) { return x * (1.0f / __builtin_sqrtf(sum(x * x)[0] * (1.0f / WIDTH) + 1e-5f)); }

/* exp(x) for x <= 0: 2^(whole + part), with a polynomial for 2^part, |part| <= 1/2. */
static inline Vector exponential(Vector x) {
    x = larger(x, all(-80)) * 1.44269504f;
    Lanes whole = __builtin_convertvector(x - 0.5f, Lanes); /* the nearest */
    Vector part = x - __builtin_convertvector(whole, Vector);
    Vector power = part * 0.0013333558f + 0.0096181291f;
    power = power * part + 0.0555041087f;
    power = power * part + 0.2402265069f;
    power = power * part + 0.6931471806f;
    power = power * part + 1;
    return (Vector)((Lanes)power + (whole << 23));
}

/* A matrix times a vector in four sums, so that an addition need not wait for the one before. */
static inline Vector product(const Vector *matrix, Vector input) {
    Vector sums[4] = {};
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH; i++) sums[i % 4] += matrix[i] * input[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* Four vectors of the positions of a head become four of the heads of four positions. */
static inline void transpose(const Vector head[HEADS], Vector four[HEADS]) {
    const Lanes low = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23};
    const Lanes pairs = {0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23};
    for (int half = 0; half < 2; half++) {
        Vector left = __builtin_shuffle(head[0], head[1], low + half * 8);
        Vector right = __builtin_shuffle(head[2], head[3], low + half * 8);
        four[2 * half] = __builtin_shuffle(left, right, pairs);
        four[2 * half + 1] = __builtin_shuffle(left, right, pairs + 8);
    }
}

/* Scores of all positions, -1e9 for those to come; a vector has the heads of four positions. */
static inline void score(Vector query, int position, Vector four[HEADS]) {
    Vector head[HEADS] = {};
#pragma GCC unroll 16
    for (int c = 0; c < WIDTH; c++) head[c / SIZE] += keys[c] * query[c];
    for (int h = 0; h < HEADS; h++) head[h] = chosen(LANE > position, all(-1e9f), head[h] * 0.5f);
    transpose(head, four);
}

static inline Vector attention(Vector query, int position) {
    Vector part[HEADS], sums[4] = {};
    score(query, position, part);
    Vector top = larger(larger(part[0], part[1]), larger(part[2], part[3]));
    top = larger(top, __builtin_shuffle(top, LANE ^ 8));
    top = larger(top, __builtin_shuffle(top, LANE ^ 4));
    for (int k = 0; k < 4; k++) part[k] = exponential(part[k] - top);
    Vector total = (part[0] + part[1]) + (part[2] + part[3]);
    total += __builtin_shuffle(total, LANE ^ 8);
    total += __builtin_shuffle(total, LANE ^ 4);
#pragma GCC unroll 16
    for (int p = 0; p < CONTEXT; p++) {
        Vector share = __builtin_shuffle(part[p / 4], p % 4 * 4 + LANE / SIZE); /* of the head of a channel */
        sums[p % 4] += share * values[p];
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) / __builtin_shuffle(total, LANE / SIZE);
}

static inline Vector feed_forward(Vector x) {
    Vector sums = {};
#pragma GCC unroll 4
    for (int k = 0; k < HIDDEN; k++) {
        Vector hidden = larger(product(weights.up[k], x), all(0));
        sums += product(weights.down + k * WIDTH, hidden);
    }
    return sums;
}

static void step(int token, int position, Vector logits[TOP]) {
    if (position == 0) memset(keys, 0, sizeof keys);
    Vector x = norm(weights.token[token] + weights.position[position]), normed = norm(x);
    Vector key = product(weights.key, normed), here = chosen(LANE == position, all(1), all(0));
#pragma GCC unroll 16
    for (int c = 0; c < WIDTH; c++) keys[c] += here * key[c]; /* there was a zero */
    values[position] = product(weights.value, normed);
    x += product(weights.output, attention(product(weights.query, normed), position));
    x += feed_forward(norm(x));
    for (int k = 0; k < TOP; k++) logits[k] = product(weights.head[k], x);
}

/* The first of the largest logits. */
static inline int best(const Vector logits[TOP]) {
    Vector rest = chosen(LANE < VOCABULARY - WIDTH, logits[1], all(-1e9f));
    Vector top = maximum(larger(logits[0], rest));
    Vector lane = __builtin_convertvector(LANE, Vector);
    Vector index = chosen(rest == top, -lane - WIDTH, all(-99));
    return (int)-maximum(chosen(logits[0] == top, -lane, index))[0];
}

/* A matrix of rows of outputs becomes a vector of outputs for every input; blocks of 16 outputs follow each other. */
static void read_matrix(FILE *file, Vector *matrix, int outputs, int inputs) {
    for (int o = 0; o < outputs; o++)
        for (int i = 0; i < inputs; i++) {
            float x;
            if (fread(&x, sizeof x, 1, file) != 1) exit(1);
            matrix[o / WIDTH * inputs + i][o % WIDTH] = x;
        }
}

static void read_weights(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fread(weights.token, sizeof weights.token + sizeof weights.position, 1, file) != 1) exit(1);
    Vector *square[] = {weights.query, weights.key, weights.value, weights.output};
    for (int m = 0; m < 4; m++) read_matrix(file, square[m], WIDTH, WIDTH);
    read_matrix(file, weights.up[0], HIDDEN * WIDTH, WIDTH);
    read_matrix(file, weights.down, WIDTH, HIDDEN * WIDTH);
    read_matrix(file, weights.head[0], VOCABULARY, WIDTH);
    fclose(file);
}

int main(int count, char **words) {
    Vector logits[TOP];
    if (count < 4) return 1;
    read_weights(words[1]);
    if (!strcmp(words[2], "logits")) {
        for (int p = 0; p < count - 3; p++) {
            step(atoi(words[3 + p]), p, logits);
            for (int v = 0; v < VOCABULARY; v++) printf("%.7g ", logits[v / WIDTH][v % WIDTH]);
        }
        return 0;
    }
    int token = 0, total = atoi(words[3]);
    clock_t start = clock();
    for (int t = 0; t < total; t++) {
        step(t % CONTEXT ? token : t / CONTEXT % VOCABULARY, t % CONTEXT, logits);
        token = best(logits);
    }
    printf("%.0f %d\n", total / ((double)(clock() - start) / CLOCKS_PER_SEC), token);
}
