// The lab's CPU kernels behind a plain C interface (see __init__.py, which loads them).
//
// The code of ops.inc is compiled once for every instruction set; the caller says which one runs. Work is shared
// among the threads of whichever OpenMP runtime the process has: its entry points are bound weakly and are never
// linked, since a second runtime beside torch's would fight it for the cores. Without one, one thread computes.
//
// A row's result never depends on the other rows of its call, bit for bit: every sum runs in an order that follows
// from the row alone. So a verify step gives the very logits of the plain steps that it stands for.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#if defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

extern "C" {
__attribute__((weak)) void GOMP_parallel(void (*)(void *), void *, unsigned, unsigned);
__attribute__((weak)) void GOMP_barrier(void);
__attribute__((weak)) int omp_get_thread_num(void);
__attribute__((weak)) int omp_get_num_threads(void);
}

namespace {

// The interface's structures; __init__.py mirrors them field by field.

struct Weight {
    int32_t kind;          // one of the constants below
    int32_t narrow_scales; // the scales are bf16, not float
    int64_t in, out;
    int64_t group;         // columns that share a scale
    const void *data;      // BF16: [out / 16, in / 2, 16, 2]. FOUR_BITS: [out / 16, in / 4, 32], see `place`, or for
                           // AVX-512 [out / 16, in / 8, 16, 2] words, of whose four codes the lowest is of column
                           // 0 or 1, the next of 2 or 3, and so on.
                           // FOUR_BITS_INT8: [out / 16, in / 8, 2, 8, 4], outputs in two halves; a byte holds
                           // column 4 * 0 + i (low) and 4 * 1 + i. EIGHT_BITS: [out / 16, in, 16] signed.
                           // EIGHT_BITS_INT8: [out / 16, in / 4, 2, 8, 4] signed, outputs in two halves
    const void *scales;    // [out / 16, in / group, 16]
    const float *zeros;    // likewise; what a code means is less by this. Or null
    const uint8_t *values; // FOUR_BITS: [2, 16], what the codes mean in bf16, the low bytes and the high bytes
                           // (FOUR_BITS_INT8 does not look: a code means itself less 8)
};
// What is multiplied, and in the kinds called INT8 the rows become 8-bit integers, too.
constexpr int32_t BF16 = 0, FOUR_BITS = 1, FOUR_BITS_INT8 = 2, EIGHT_BITS = 3, EIGHT_BITS_INT8 = 4;

struct Linear {
    const Weight *weight;
    const uint16_t *bias; // [out] bf16, or null
};

struct Layer {
    const uint16_t *input_norm, *post_norm; // [hidden] bf16
    const uint16_t *qk_norm;                // [heads + kv_heads, head_dim] bf16, or null
    Linear qkv, out, gate_up, down;
};

struct Stack {
    int64_t layers, hidden, heads, kv_heads, head_dim, intermediate;
    int64_t window; // positions that a token sees, itself included; 0 for all
    double eps;     // of the norms
    const Layer *layer;
};

struct Rows {
    uint16_t *x;            // [n, hidden] bf16, replaced by what leaves the last layer
    const uint16_t *heads_take; // [n, width] bf16, what the first layer's heads take; null: x, normed
    int64_t n;              // at most BLOCK
    int64_t start;          // slot of the first row
    const uint8_t *visible; // [n, recent]: which of the last slots a row sees, the new ones included; null: causal
    int64_t recent;
    const uint16_t *cos, *sin; // [n, head_dim] bf16
    void *keys, *values;       // [layers, kv_heads, slots, head_dim], the last two contiguous: bf16, or signed
                               // 8-bit integers where there are scales
    float *key_scales, *value_scales; // [layers, kv_heads, slots], or null
    int64_t slots, layer_stride, head_stride;
    const int64_t *taps; // layers whose incoming states are wanted, ascending
    int64_t tap_count;
    uint16_t *tapped; // [tap_count, n, hidden] bf16
};

bool have_threads() { return GOMP_parallel && GOMP_barrier && omp_get_thread_num && omp_get_num_threads; }

// Calls body(part, parts) on each of `threads` threads.
template <class Body> void parallel(int threads, const Body &body) {
    if (threads <= 1 || !have_threads()) {
        body(0, 1);
        return;
    }
    void (*run)(void *) = [](void *data) {
        (*static_cast<const Body *>(data))(omp_get_thread_num(), omp_get_num_threads());
    };
    GOMP_parallel(run, const_cast<Body *>(&body), static_cast<unsigned>(threads), 0);
}

void barrier(int parts) {
    if (parts > 1) GOMP_barrier();
}

struct Span {
    int64_t start, stop;
};

// The part's contiguous share of `total` items.
Span share(int64_t total, int part, int parts) {
    return {total * part / parts, total * (part + 1) / parts};
}

float widen(uint16_t bits) {
    uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
}

// To nearest, ties to even; NaN stays NaN.
uint16_t narrow(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
    return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// What `scratch` is for. Of one use a thread holds one piece: what may be held at the same time has uses of its own.
enum class Use {
    x, normed, qkv, mixed, inner,                            // of the layers
    queries, mixes, scores, keys, values, narrow_attended,   // of attention
    widened, narrow, codes, scales, totals, starts, group_sums, // of a product's rows
    unpacked,                                                // of its weights
};

// Memory that the calling thread keeps from call to call, at the start of a cache line.
template <Use use, class T = float> T *scratch(int64_t count) {
    constexpr int64_t line = 64;
    static thread_local std::vector<T> kept;
    const int64_t spare = line / static_cast<int64_t>(sizeof(T));
    if (static_cast<int64_t>(kept.size()) < count + spare) kept.resize(count + spare);
    const uintptr_t start = reinterpret_cast<uintptr_t>(kept.data());
    return reinterpret_cast<T *>((start + line - 1) / line * line);
}

// Outputs that one tile of weights makes.
constexpr int TILE = 16;
// Rows that share one pass over the weights; their activations stay in the second-level cache.
constexpr int64_t BLOCK = 64;
// Slots of keys and values that one task attends to.
constexpr int CHUNK = 64;

int64_t tiles_of(int64_t out) { return (out + TILE - 1) / TILE; }

// Bytes of a column of a tile.
constexpr int64_t column_bytes(int32_t kind) {
    return kind == BF16 ? 2 * TILE : kind == EIGHT_BITS || kind == EIGHT_BITS_INT8 ? TILE : TILE / 2;
}

// Where tile t of a weight begins.
const uint8_t *tile_at(const Weight &weight, int64_t t) {
    return static_cast<const uint8_t *>(weight.data) + t * weight.in * column_bytes(weight.kind);
}

// Blocks of at most `most` rows, as equal as can be.
int64_t next_rows(int64_t left, int64_t most) {
    int64_t blocks = (left + most - 1) / most;
    return (left + blocks - 1) / blocks;
}

} // namespace

#define LAB_ISA portable
#include "ops.inc"
#undef LAB_ISA

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define LAB_ISA avx2
#define LAB_AVX2
#include "ops.inc"
#undef LAB_ISA
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

// Compilers before these do not know products of bf16.
#if defined(__x86_64__) && (defined(__clang__) ? __clang_major__ >= 14 : __GNUC__ >= 11)
#define LAB_HAS_AVX512
#define LAB_AVX512
#if defined(__clang__)
#pragma clang attribute push(                                                                                          \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
#endif
#define LAB_ISA avx512_vnni
#include "ops.inc"
#undef LAB_ISA
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(                                                                                          \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512vnni"))), apply_to = function)
#else
#pragma GCC target("avx512bf16")
#endif
#define LAB_ISA avx512
#define LAB_BF16
#include "ops.inc"
#undef LAB_ISA
#if defined(__linux__)
#define LAB_HAS_AMX
#define LAB_ISA amx
#define LAB_AMX
#include "ops.inc"
#undef LAB_AMX
#undef LAB_ISA
#endif
#undef LAB_BF16
#undef LAB_AVX512
#undef LAB_AVX2
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#if defined(LAB_HAS_AMX)
// Whether the processor has AMX for bf16 and 8-bit integers and the system lets this process use it: it has to be
// asked.
static bool may_use_amx() {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    constexpr unsigned needed = 1u << 22 | 1u << 24 | 1u << 25; // amx-bf16, amx-tile, amx-int8
    constexpr long request_permission = 0x1023, tile_data = 18;  // of arch_prctl
    return (d & needed) == needed && syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
#endif

extern "C" {

// The best instruction set that this processor has: 0 portable, 1 AVX2 with FMA, 2 AVX-512 with products of 8-bit
// integers, 3 that and products of bf16, 4 that and AMX. To be called before the first kernel: it asks for what the
// system has to allow.
int lab_isa(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
#if defined(LAB_HAS_AVX512)
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")) {
        if (!__builtin_cpu_supports("avx512bf16")) return 2;
#if defined(LAB_HAS_AMX)
        if (may_use_amx()) return 4;
#endif
        return 3;
    }
#endif
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

// Whether the process has an OpenMP runtime to share.
int lab_has_threads(void) { return have_threads(); }

#if defined(LAB_HAS_AVX512)
#define LAB_VNNI_OR_LESS(call) avx512_vnni::call
#define LAB_AVX512_OR_LESS(call) avx512::call
#else
#define LAB_VNNI_OR_LESS(call) avx2::call
#define LAB_AVX512_OR_LESS(call) avx2::call
#endif
#if defined(LAB_HAS_AMX)
#define LAB_AMX_OR_LESS(call) amx::call
#else
#define LAB_AMX_OR_LESS(call) LAB_AVX512_OR_LESS(call)
#endif
// The call on instruction set `isa`.
#if defined(__x86_64__)
#define LAB_DISPATCH(isa, call)                                                                                        \
    switch (isa) {                                                                                                     \
    case 4: return LAB_AMX_OR_LESS(call);                                                                              \
    case 3: return LAB_AVX512_OR_LESS(call);                                                                           \
    case 2: return LAB_VNNI_OR_LESS(call);                                                                             \
    case 1: return avx2::call;                                                                                         \
    default: return portable::call;                                                                                    \
    }
#else
#define LAB_DISPATCH(isa, call) return (void)isa, portable::call
#endif

// y [n, out] = x [n, in] W^T, all bf16.
void lab_linear(int isa, int threads, const Weight *weight, const uint16_t *x, int64_t n, uint16_t *y) {
    LAB_DISPATCH(isa, linears(1, &weight, &x, n, &y, threads));
}

// The same of `count` weights, one after the other as a step has them: ys[i] [n, out] = xs[i] [n, in] W[i]^T.
void lab_linears(int isa, int threads, int64_t count, const Weight *const *weights, const uint16_t *const *xs,
                 int64_t n, uint16_t *const *ys) {
    LAB_DISPATCH(isa, linears(count, weights, xs, n, ys, threads));
}

// The attention of layer `layer`, whose keys and values of the rows are written: of `stack` and `rows` it takes the
// heads, the window, the cache and what is seen. Queries and output are [n, heads, head_dim] bf16.
void lab_attention(int isa, int threads, const Stack *stack, const Rows *rows, int64_t layer, const uint16_t *queries,
                   uint16_t *out) {
    LAB_DISPATCH(isa, attention(*stack, *rows, layer, queries, out, threads));
}

// All layers of a decoder, between the embedding and the last norm.
void lab_stack(int isa, int threads, const Stack *stack, const Rows *rows) {
    LAB_DISPATCH(isa, stack(*stack, *rows, threads));
}
}
