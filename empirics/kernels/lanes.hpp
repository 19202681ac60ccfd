// Numbers, one a lane: lane l of a register belongs to one example. Compile with -ffp-contract=off: a product and a sum
// are fused where `fma` says so and nowhere else, which is what makes the bits those of IEEE 754 and of this source.
#pragma once
#include <cstdint>
#include <type_traits>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace kstar {

// Promise: example i of a batch adds to virtual lane i mod 16, in the order of i, whatever the width of the registers.
constexpr int VIRTUAL = 16;

#if defined(__AVX512F__)
constexpr int REGISTERS = 32, REGISTER_BYTES = 64;
#elif defined(__AVX2__)
constexpr int REGISTERS = 16, REGISTER_BYTES = 32;
#elif defined(__aarch64__)
constexpr int REGISTERS = 32, REGISTER_BYTES = 16;
#else
#error "needs AVX2 with FMA or NEON"
#endif

template <class Number, int N> struct Lanes {
  using Real = Number;
  static constexpr int COUNT = N;
  using Whole = std::conditional_t<sizeof(Number) == 4, int32_t, int64_t>;
  typedef Number V __attribute__((vector_size(sizeof(Number) * N)));
  typedef Whole I __attribute__((vector_size(sizeof(Number) * N)));
  static V splat(Number x) { return x - V{}; }
};

#if defined(__x86_64__)
inline Lanes<float, 4>::V fma(Lanes<float, 4>::V a, Lanes<float, 4>::V b, Lanes<float, 4>::V c) {
  return (Lanes<float, 4>::V)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
}
inline Lanes<float, 8>::V fma(Lanes<float, 8>::V a, Lanes<float, 8>::V b, Lanes<float, 8>::V c) {
  return (Lanes<float, 8>::V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
inline Lanes<double, 4>::V fma(Lanes<double, 4>::V a, Lanes<double, 4>::V b, Lanes<double, 4>::V c) {
  return (Lanes<double, 4>::V)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
#if defined(__AVX512F__)
inline Lanes<float, 16>::V fma(Lanes<float, 16>::V a, Lanes<float, 16>::V b, Lanes<float, 16>::V c) {
  return (Lanes<float, 16>::V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
inline Lanes<double, 8>::V fma(Lanes<double, 8>::V a, Lanes<double, 8>::V b, Lanes<double, 8>::V c) {
  return (Lanes<double, 8>::V)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
#endif
#else
inline Lanes<float, 4>::V fma(Lanes<float, 4>::V a, Lanes<float, 4>::V b, Lanes<float, 4>::V c) {
  return (Lanes<float, 4>::V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
inline Lanes<double, 2>::V fma(Lanes<double, 2>::V a, Lanes<double, 2>::V b, Lanes<double, 2>::V c) {
  return (Lanes<double, 2>::V)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#endif
inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

template <class Real> struct Format;  // of a number, and how many terms its exp and log take
template <> struct Format<float> {
  static constexpr int MANTISSA = 23, BIAS = 127, EXP_TERMS = 7, LOG_TERMS = 4;
  static constexpr float ROUNDER = 12582912.f, LEAST = -87.f, LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;
};
template <> struct Format<double> {
  static constexpr int MANTISSA = 52, BIAS = 1023, EXP_TERMS = 13, LOG_TERMS = 11;
  static constexpr double ROUNDER = 6755399441055744., LEAST = -708.;
  static constexpr double LN2_HIGH = 6.93147180369123816490e-01, LN2_LOW = 1.90821492927058770002e-10;
};

// exp(x) for x <= 0, by a polynomial: no two mathematics libraries agree in the last bit. 0 below LEAST.
template <class T> inline typename T::V exponential(typename T::V x) {
  using V = typename T::V;
  using I = typename T::I;
  using Real = typename T::Real;
  using F = Format<Real>;
  const V least = T::splat(F::LEAST), y = x > least ? x : least;
  const V shifted =
      fma(y, T::splat(Real(1.4426950408889634)), T::splat(F::ROUNDER));  // its low bits are y/ln 2, rounded
  const V n = shifted - T::splat(F::ROUNDER);
  const V r = fma(n, T::splat(-F::LN2_LOW), fma(n, T::splat(-F::LN2_HIGH), y));
  double factorial = 1;
  for (int k = 2; k <= F::EXP_TERMS; k++) factorial *= k;
  V p = T::splat(Real(1 / factorial));
  for (int k = F::EXP_TERMS; k > 0; k--) {
    factorial /= k;
    p = fma(p, r, T::splat(Real(1 / factorial)));
  }
  const I exponent = (I)shifted - (I)T::splat(F::ROUNDER) + F::BIAS;
  const V scaled = p * (V)(exponent << F::MANTISSA);
  return x > least ? scaled : (x == x ? V{} : x);
}

// log(s) for s >= 1, likewise.
template <class T> inline typename T::V logarithm(typename T::V s) {
  using V = typename T::V;
  using I = typename T::I;
  using Real = typename T::Real;
  using F = Format<Real>;
  using Whole = typename T::Whole;
  const I bits = (I)s, one = (I)T::splat(Real(1)), large = (bits & ((Whole(1) << F::MANTISSA) - 1)) | one;
  I exponent = (bits >> F::MANTISSA) - F::BIAS;
  V m = (V)large;
  const I beyond = m > T::splat(Real(1.4142135623730951));
  m = beyond ? m * T::splat(Real(0.5)) : m;
  exponent = exponent - beyond;  // a true lane is -1
  const V t = (m - T::splat(Real(1))) / (m + T::splat(Real(1))), square = t * t;
  V p = T::splat(Real(1. / (2 * F::LOG_TERMS + 1)));
  for (int k = F::LOG_TERMS - 1; k >= 0; k--) p = fma(p, square, T::splat(Real(1. / (2 * k + 1))));
  const V result = fma(__builtin_convertvector(exponent, V), T::splat(Real(0.69314718055994531)), (t + t) * p);
  return s == s ? result : s;
}

// Promise: the sum over the virtual lanes is this tree.
template <class Real> struct alignas(VIRTUAL * sizeof(Real)) Sixteen {
  Real lane[VIRTUAL];
  Real sum() const {
    Real s[8];
    for (int i = 0; i < 8; i++) s[i] = lane[i] + lane[i + 8];
    for (int i = 0; i < 4; i++) s[i] += s[i + 4];
    return (s[0] + s[2]) + (s[1] + s[3]);
  }
};

// Rounding to nearest with subnormal numbers, as IEEE 754 has it, while this lives; then what the caller had.
class Arithmetic {
#if defined(__x86_64__)
  unsigned before = _mm_getcsr();

 public:
  Arithmetic() { _mm_setcsr(0x1f80); }
  ~Arithmetic() { _mm_setcsr(before); }
#else
  uint64_t before;

 public:
  Arithmetic() {
    asm volatile("mrs %0, fpcr" : "=r"(before));
    asm volatile("msr fpcr, %0" ::"r"(uint64_t(0)) : "memory");
  }
  ~Arithmetic() { asm volatile("msr fpcr, %0" ::"r"(before) : "memory"); }
#endif
  Arithmetic(const Arithmetic &) = delete;
};

}  // namespace kstar
