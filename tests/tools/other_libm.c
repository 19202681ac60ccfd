/* A mathematics library whose every answer is the next number up: `cc -shared -fPIC -fno-builtin`, then LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

static double up(double x) {
  long long bits;
  memcpy(&bits, &x, sizeof x);
  bits += x == x && x - x == 0; /* not of NaN and the infinite */
  memcpy(&x, &bits, sizeof x);
  return x;
}

#define ONE(name) \
  double name(double x) { return up(((double (*)(double))dlsym(RTLD_NEXT, #name))(x)); }
ONE(exp) ONE(exp2) ONE(expm1) ONE(log) ONE(log2) ONE(log10) ONE(log1p)
ONE(sin) ONE(cos) ONE(tan) ONE(tanh) ONE(erf) ONE(erfc)
double pow(double x, double y) { return up(((double (*)(double, double))dlsym(RTLD_NEXT, "pow"))(x, y)); }
