// Layers as types. Every loop bound is a constant, every kept weight one entry of a list; a register holds one number
// of COUNT examples, so that an entry costs one fused multiply-add an output position and no index an element.
#pragma once
#include <algorithm>
#include <tuple>
#include <vector>

#include "lanes.hpp"

namespace kstar {

template <class V> inline V relu(V x) { return x <= V{} ? V{} : x; }  // NaN stays NaN

// C square images of side H in memory, zeros around them where a convolution reads beyond the border.
template <int C_, int H_, int TOP_ = 0, int LEFT_ = TOP_, int BOTTOM_ = TOP_, int RIGHT_ = LEFT_> struct Image {
  static constexpr int C = C_, H = H_, TOP = TOP_, LEFT = LEFT_;
  static constexpr int ROWS = TOP + H + BOTTOM_, COLUMNS = LEFT + H + RIGHT_, SIZE = C * ROWS * COLUMNS;
  static constexpr int at(int c, int y, int x) { return (c * ROWS + y + TOP) * COLUMNS + x + LEFT; }
};
struct Nowhere {};  // the layout of a gradient that nobody needs

// The kept weights of one convolution or linear layer.
struct Entries {
  int first = 0;  // of its weights among the trial's kept ones
  // Of each output, where its entries begin; of each entry, its input at the first position.
  std::vector<int> row, input;
  // By input channel and group of kernel places, where entries begin; of each, the gradient it reads and its number.
  std::vector<int> group, slope, weight;
  std::vector<int> bias;  // of each output, where its bias is among the kept ones, or -1
};

// What a trial's weights and accumulators look like to a layer.
template <class Real> struct Kept {
  const Entries &entries;
  const Real *weights;   // all kept of the trial
  const Real *by_input;  // those of this layer in the order of `Entries::weight`
  Sixteen<Real> *sums;   // of the gradient, one for each kept of the trial
  int64_t &work;         // multiply-adds so far
  Real bias(int o) const { return entries.bias[o] < 0 ? Real(0) : weights[entries.bias[o]]; }
  const Real *own() const { return weights + entries.first; }
};

template <int CI_, int CO_, int H_, int K_, int PAD_, int STRIDE_ = 1> struct Conv {
  static constexpr int CI = CI_, CO = CO_, H = H_, K = K_, PAD = PAD_, STRIDE = STRIDE_;
  static constexpr int O = STRIDE == 1 ? H + 2 * PAD - K + 1 : H / 2;
  static_assert(STRIDE == 1 || (STRIDE == 2 && K == 3 && H % 2 == 0), "at stride 2: TensorFlow's SAME on even sides");
  using Input = std::conditional_t<STRIDE == 1, Image<CI, H, PAD>, Image<CI, H, 0, 0, 1, 1>>;

  // Tiles of outputs that stay in registers while their entries are added; sums over entries do not depend on them.
  static constexpr bool WIDE = REGISTERS == 32;
  static constexpr int FORWARD_W = O % 12 == 0 ? (WIDE ? 12 : 6) : O % 8 == 0 && WIDE ? 8 : 4;
  static constexpr int FORWARD_H = WIDE && FORWARD_W == 4 ? 4 : 2;
  static constexpr int SIDE = STRIDE == 1 ? H : O;
  static constexpr int INPUT_W = SIDE % 12 == 0 ? 12 : SIDE % 8 == 0 ? 8 : 4;
  static constexpr int INPUT_H = INPUT_W == 12 ? 1 : INPUT_W == 8 ? (WIDE ? 2 : 1) : (WIDE ? 4 : 2);

  // For the gradient of the input, entries come in groups: at stride 2 by the parities of kernel row and column, which
  // reach different inputs; else by kernel row, so that rows without an output are skipped, and where that pays, by
  // pairs of kernel columns, each of which reaches O + 1 columns of H.
  static constexpr int SPLITS = STRIDE == 1 && PAD == 0 && INPUT_W == H ? (K + 1) / 2 : 1;
  static constexpr int GROUPS = STRIDE == 1 ? SPLITS * K : 4;
  static int group(int i, int j) { return STRIDE == 2 ? 2 * (i & 1) + (j & 1) : SPLITS > 1 ? j / 2 * K + i : i; }
  // Large images of few channels: all channels of one tile come before the next tile: its inputs are cached.
  static constexpr bool LARGE = CI >= 16 && CI <= 32 && H >= 16, LARGE_SLOPE = CO <= 32 && H >= 16;
  static constexpr int HALO = K - 1 - PAD, HALO_ROWS = HALO < INPUT_H - 1 ? HALO : INPUT_H - 1;
  static constexpr int HALO_COLUMNS = SPLITS > 1 ? 1 : HALO;
  using Slope = std::conditional_t<STRIDE == 1, Image<CO, O, HALO_ROWS, HALO_COLUMNS>, Image<CO, O, 1, 1, 0, 0>>;

  static constexpr int OUTPUTS = CO, FAN_IN = CI * K * K;
  static void list(const uint8_t *mask, Entries &n) {
    std::vector<std::vector<std::pair<int, int>>> groups(CI * GROUPS);
    n.row.push_back(0);
    for (int o = 0; o < CO; o++) {
      for (int c = 0; c < CI; c++)
        for (int i = 0; i < K; i++)
          for (int j = 0; j < K; j++)
            if (*mask++) {
              const int slope =
                  STRIDE == 1 ? Slope::at(o, PAD - i, PAD - j) : Slope::at(o, i == 2 ? -1 : 0, j == 2 ? -1 : 0);
              groups[c * GROUPS + group(i, j)].push_back({slope, int(n.input.size())});
              n.input.push_back((c * Input::ROWS + i) * Input::COLUMNS + j);
            }
      n.row.push_back(int(n.input.size()));
    }
    n.group.push_back(0);
    for (auto &of : groups) {
      for (auto [slope, entry] : of) n.slope.push_back(slope), n.weight.push_back(entry);
      n.group.push_back(int(n.slope.size()));
    }
  }

  // Calls done(o, y, x, tile) for tiles of FORWARD_H x FORWARD_W outputs. Promise: bias first, then entries in order.
  template <class T, class Done>
  static inline void forward(const Kept<typename T::Real> &n, const typename T::V *in, Done done) {
    constexpr int W = FORWARD_W, N = FORWARD_W * FORWARD_H;
    static_assert(O % FORWARD_W == 0 && O % FORWARD_H == 0, "tiles fill the output");
    const typename T::Real *w = n.own();
    const int *input = n.entries.input.data();
    for (int outer = 0; outer < (LARGE ? 1 : CO); outer++)
      for (int y = 0; y < O; y += FORWARD_H)
        for (int x = 0; x < O; x += W)
          for (int o = outer; o < (LARGE ? CO : outer + 1); o++) {
            const int begin = n.entries.row[o], end = n.entries.row[o + 1];
            const typename T::V bias = T::splat(n.bias(o));
            const typename T::V *base = in + (y * Input::COLUMNS + x) * STRIDE;
            typename T::V a[N];
            for (int i = 0; i < N; i++) a[i] = bias;
            for (int e = begin; e < end; e++) {
              const typename T::V v = T::splat(w[e]), *p = base + input[e];
#pragma GCC unroll 24
              for (int i = 0; i < N; i++) a[i] = fma(v, p[((i / W) * Input::COLUMNS + i % W) * STRIDE], a[i]);
            }
            n.work += (end - begin) * N;
            done(o, y, x, a);
          }
  }

  // Adds to the sums of kept weights and biases. slope(o, y, x, tile) gives the gradient of a tile of 16 outputs.
  // Promise: outputs come in tiles of 2 x 8 (4 x 4 of small images) by rows, each half a tile one sum of eight.
  static constexpr int TILE_W = O % 8 == 0 ? 8 : 4, TILE_H = 16 / TILE_W;
  template <class T, class Slopes>
  static inline void weight_gradient(const Kept<typename T::Real> &n, const typename T::V *in, int lane, Slopes slope) {
    using V = typename T::V;
    const auto place = [](int i) { return ((i / TILE_W) * Input::COLUMNS + i % TILE_W) * STRIDE; };
    const int *input = n.entries.input.data();
    Sixteen<typename T::Real> *sums = n.sums + n.entries.first;
    for (int outer = 0; outer < (LARGE ? 1 : CO); outer++)
      for (int y = 0; y < O; y += TILE_H)
        for (int x = 0; x < O; x += TILE_W)
          for (int o = outer; o < (LARGE ? CO : outer + 1); o++) {
            const int begin = n.entries.row[o], end = n.entries.row[o + 1], bias = n.entries.bias[o];
            if (begin == end && bias < 0) continue;
            const V *base = in + (y * Input::COLUMNS + x) * STRIDE;
            V g[16];
            slope(o, y, x, g);
            if constexpr (WIDE) {
              for (int e = begin; e < end; e++) {
                const V *p = base + input[e];
                V s = V{}, t = V{};
#pragma GCC unroll 8
                for (int i = 0; i < 8; i++) s = fma(g[i], p[place(i)], s), t = fma(g[8 + i], p[place(8 + i)], t);
                V *sum = (V *)(sums[e].lane + lane);
                *sum = (*sum + s) + t;
              }
            } else {
              for (int half = 0; half < 16; half += 8) {
                V h[8];
                for (int i = 0; i < 8; i++) h[i] = g[half + i];
                for (int e = begin; e < end; e++) {
                  const V *p = base + input[e] + place(half);
                  V s = V{};
#pragma GCC unroll 8
                  for (int i = 0; i < 8; i++) s = fma(h[i], p[place(i)], s);
                  *(V *)(sums[e].lane + lane) += s;
                }
              }
            }
            n.work += (end - begin) * 16;
            if (bias >= 0) {
              for (int k = 8; k; k /= 2)
                for (int i = 0; i < k; i++) g[i] += g[i + k];
              *(V *)(n.sums[bias].lane + lane) += g[0];
            }
          }
  }

  // Calls done(c, y, x, value) with the gradient of each input. Promise: an input's entries come by group, then output.
  template <class T, class Done>
  static inline void input_gradient(const Kept<typename T::Real> &n, const typename T::V *slope, Done done) {
    constexpr int W = INPUT_W, N = INPUT_W * INPUT_H, PARITIES = STRIDE * STRIDE;
    static_assert(SIDE % INPUT_W == 0 && SIDE % INPUT_H == 0, "tiles fill the input");
    constexpr int PARTS = CI * PARITIES;
    for (int outer = 0; outer < (LARGE_SLOPE ? 1 : PARTS); outer++)
      for (int y = 0; y < SIDE; y += INPUT_H)
        for (int x = 0; x < SIDE; x += W)
          for (int part = outer; part < (LARGE_SLOPE ? PARTS : outer + 1); part++) {
            const int c = part / PARITIES, parity = part % PARITIES;
            const typename T::V *base = slope + y * Slope::COLUMNS + x;
            typename T::V a[N];
            for (int i = 0; i < N; i++) a[i] = typename T::V{};
            if constexpr (STRIDE == 2) {
              gather<T, 0, W>(n, base, c * GROUPS + parity, 1, a);
            } else {
              const int low = std::max(0, y + PAD - (O - 1)), high = std::min(K - 1, y + INPUT_H - 1 + PAD);
              gather<T, 0, SPLITS == 1 ? W : O + 1>(n, base, c * GROUPS + low, high - low + 1, a);
              if constexpr (SPLITS == 3) {
                gather<T, 2, O + 3>(n, base, c * GROUPS + K + low, high - low + 1, a);
                gather<T, 4, O + 4>(n, base, c * GROUPS + 2 * K + low, high - low + 1, a);
              }
            }
            for (int i = 0; i < N; i++)
              done(c, (y + i / W) * STRIDE + parity / STRIDE, (x + i % W) * STRIDE + parity % STRIDE, a[i]);
          }
  }
  // Adds some groups of entries to the columns FROM up to TO of a tile.
  template <class T, int FROM, int TO>
  static inline __attribute__((always_inline)) void gather(const Kept<typename T::Real> &n, const typename T::V *base,
                                                           int group, int groups, typename T::V *a) {
    static_assert(SPLITS == 1 || SPLITS == 3, "one width, or the three pairs of five kernel columns");
    constexpr int W = TO - FROM, N = W * INPUT_H;
    const int begin = n.entries.group[group], end = n.entries.group[group + groups];
    const int *from = n.entries.slope.data();
    for (int e = begin; e < end; e++) {
      const typename T::V v = T::splat(n.by_input[e]), *p = base + from[e];
#pragma GCC unroll 16
      for (int i = 0; i < N; i++) {
        const int y = i / W, x = FROM + i % W;
        a[y * INPUT_W + x] = fma(v, p[y * Slope::COLUMNS + x], a[y * INPUT_W + x]);
      }
    }
    n.work += (end - begin) * N;
  }
};

// Convolution, maximum over 2 x 2 fields, relu, fused: the convolution's output never touches memory.
template <class C> struct Pooled {
  static constexpr int P = C::O / 2;
  using Input = typename C::Input;
  using Slope = Image<C::CO, P>;
  template <class T> struct State {
    typename T::V slope[C::Slope::SIZE];
    typename T::I winner[Slope::SIZE];  // which of the four was largest, the first of equals; -1 where none is positive
  };
  using Parameters = std::tuple<C>;
  template <class T> static void receive(typename T::V *in, State<T> &, int c, int y, int x, typename T::V value) {
    in[Input::at(c, y, x)] = value;
  }

  template <class T, class Put>
  static void forward(const Kept<typename T::Real> *n, const typename T::V *in, State<T> &state, Put put,
                      typename T::I &broken) {
    using V = typename T::V;
    using I = typename T::I;
    C::template forward<T>(n[0], in, [&](int o, int y0, int x0, const V *a) {
      constexpr int W = C::FORWARD_W, FIELDS = W * C::FORWARD_H / 4;
#pragma GCC unroll 8
      for (int j = 0; j < FIELDS; j++) {
        const int y = j / (W / 2) * 2, x = j % (W / 2) * 2;
        const V *upper = a + y * W + x, *lower = upper + W;
        V m = upper[0];
        I k = I{}, g = upper[1] > m;
        m = g ? upper[1] : m, k = g ? I{} + 1 : k;
        g = lower[0] > m, m = g ? lower[0] : m, k = g ? I{} + 2 : k;
        g = lower[1] > m, m = g ? lower[1] : m, k = g ? I{} + 3 : k;
        broken |= (upper[0] != upper[0]) | (upper[1] != upper[1]) | (lower[0] != lower[0]) | (lower[1] != lower[1]);
        const I positive = m > V{};
        put(o, (y0 + y) / 2, (x0 + x) / 2, positive ? m : V{});
        state.winner[Slope::at(o, (y0 + y) / 2, (x0 + x) / 2)] = positive ? k : I{} - 1;
      }
    });
  }

  template <class T, class Before>
  static void backward(const Kept<typename T::Real> *n, const typename T::V *in, State<T> &state,
                       const typename T::V *slope, typename T::V *before, int lane) {
    using V = typename T::V;
    using I = typename T::I;
    C::template weight_gradient<T>(n[0], in, lane, [&](int o, int y0, int x0, V *g) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const int y = j / (C::TILE_W / 2) * 2, x = j % (C::TILE_W / 2) * 2;
        const int at = Slope::at(o, (y0 + y) / 2, (x0 + x) / 2);
        const V value = slope[at];
        const I k = state.winner[at];
        V *upper = g + y * C::TILE_W + x, *lower = upper + C::TILE_W;
        upper[0] = k == 0 ? value : V{}, upper[1] = k == 1 ? value : V{};
        lower[0] = k == 2 ? value : V{}, lower[1] = k == 3 ? value : V{};
      }
      if constexpr (!std::is_same_v<Before, Nowhere>)
        for (int i = 0; i < 16; i++) state.slope[C::Slope::at(o, y0 + i / C::TILE_W, x0 + i % C::TILE_W)] = g[i];
    });
    if constexpr (!std::is_same_v<Before, Nowhere>)
      C::template input_gradient<T>(n[0], state.slope,
                                    [&](int c, int y, int x, V value) { before[Before::at(c, y, x)] = value; });
  }
};

// A convolution whose output is taken as it is.
template <class C> struct Plain {
  using Input = typename C::Input;
  using Slope = typename C::Slope;
  template <class T> struct State {};
  using Parameters = std::tuple<C>;
  template <class T> static void receive(typename T::V *in, State<T> &, int c, int y, int x, typename T::V value) {
    in[Input::at(c, y, x)] = value;
  }

  template <class T, class Put>
  static void forward(const Kept<typename T::Real> *n, const typename T::V *in, State<T> &, Put put, typename T::I &) {
    C::template forward<T>(n[0], in, [&](int o, int y, int x, const typename T::V *a) {
      for (int i = 0; i < C::FORWARD_W * C::FORWARD_H; i++) put(o, y + i / C::FORWARD_W, x + i % C::FORWARD_W, a[i]);
    });
  }

  template <class T, class Before>
  static void backward(const Kept<typename T::Real> *n, const typename T::V *in, State<T> &, const typename T::V *slope,
                       typename T::V *before, int lane) {
    C::template weight_gradient<T>(n[0], in, lane, tile_of<T, C>(slope));
    if constexpr (!std::is_same_v<Before, Nowhere>)
      C::template input_gradient<T>(n[0], slope,
                                    [&](int c, int y, int x, typename T::V g) { before[Before::at(c, y, x)] = g; });
  }

  template <class T, class Of> static auto tile_of(const typename T::V *slope) {
    return [slope](int o, int y, int x, typename T::V *g) {
      for (int i = 0; i < 16; i++) g[i] = slope[Of::Slope::at(o, y + i / Of::TILE_W, x + i % Of::TILE_W)];
    };
  }
};

// relu, convolution, relu, convolution, added to the shortcut: the input, or at stride 2 the rectified input averaged
// over 2 x 2 fields with channels of zeros. A relu keeps no mask: what it let through is positive.
template <int CI, int CO, int H, int STRIDE> struct Block {
  static constexpr int O = H / STRIDE;
  using A = Conv<CI, CO, H, 3, 1, STRIDE>;
  using B = Conv<CO, CO, O, 3, 1>;
  using Input = typename A::Input;  // rectified
  using Slope = typename B::Slope;
  template <class T> struct State {
    typename T::V raw[STRIDE == 1 ? CI * H * H : 1], hidden[B::Input::SIZE], slope[A::Slope::SIZE];
  };
  using Parameters = std::tuple<A, B>;
  template <class T> static void receive(typename T::V *in, State<T> &state, int c, int y, int x, typename T::V value) {
    if (STRIDE == 1) state.raw[(c * H + y) * H + x] = value;
    in[Input::at(c, y, x)] = relu(value);
  }

  template <class T, class Put>
  static void forward(const Kept<typename T::Real> *n, const typename T::V *in, State<T> &state, Put put,
                      typename T::I &) {
    using V = typename T::V;
    A::template forward<T>(n[0], in, [&](int o, int y, int x, const V *a) {
      for (int i = 0; i < A::FORWARD_W * A::FORWARD_H; i++)
        state.hidden[B::Input::at(o, y + i / A::FORWARD_W, x + i % A::FORWARD_W)] = relu(a[i]);
    });
    B::template forward<T>(n[1], state.hidden, [&](int o, int y0, int x0, const V *a) {
      for (int i = 0; i < B::FORWARD_W * B::FORWARD_H; i++) {
        const int y = y0 + i / B::FORWARD_W, x = x0 + i % B::FORWARD_W;
        V shortcut = V{};
        if constexpr (STRIDE == 1) {
          shortcut = state.raw[(o * H + y) * H + x];
        } else if (o < CI) {
          const V *field = in + Input::at(o, 2 * y, 2 * x), *below = field + Input::COLUMNS;
          shortcut = ((field[0] + field[1]) + (below[0] + below[1])) * T::splat(0.25);
        }
        put(o, y, x, a[i] + shortcut);
      }
    });
  }

  template <class T, class Before>
  static void backward(const Kept<typename T::Real> *n, const typename T::V *in, State<T> &state,
                       const typename T::V *slope, typename T::V *before, int lane) {
    using V = typename T::V;
    B::template weight_gradient<T>(n[1], state.hidden, lane, Plain<B>::template tile_of<T, B>(slope));
    B::template input_gradient<T>(n[1], slope, [&](int c, int y, int x, V g) {
      state.slope[A::Slope::at(c, y, x)] = state.hidden[B::Input::at(c, y, x)] > V{} ? g : V{};
    });
    A::template weight_gradient<T>(n[0], in, lane, Plain<A>::template tile_of<T, A>(state.slope));
    A::template input_gradient<T>(n[0], state.slope, [&](int c, int y, int x, V g) {
      const auto positive = in[Input::at(c, y, x)] > V{};
      if constexpr (STRIDE == 1) g = (positive ? g : V{}) + slope[Slope::at(c, y, x)];
      else g = positive ? fma(T::splat(0.25), slope[Slope::at(c, y / 2, x / 2)], g) : V{};
      before[Before::at(c, y, x)] = g;
    });
  }
};

// relu, then the mean over each image.
template <int C, int H> struct Mean {
  using Input = Image<C, H>;
  using Slope = Image<C, 1>;
  template <class T> struct State {};
  using Parameters = std::tuple<>;

  template <class T> static void receive(typename T::V *in, State<T> &, int c, int y, int x, typename T::V value) {
    in[Input::at(c, y, x)] = relu(value);
  }

  template <class T, class Put>
  static void forward(const Kept<typename T::Real> *, const typename T::V *in, State<T> &, Put put, typename T::I &) {
    for (int c = 0; c < C; c++) {
      typename T::V sum{};
      for (int i = 0; i < H * H; i++) sum += in[c * H * H + i];
      put(c, 0, 0, sum * T::splat(typename T::Real(1) / (H * H)));
    }
  }

  template <class T, class Before>
  static void backward(const Kept<typename T::Real> *, const typename T::V *in, State<T> &, const typename T::V *slope,
                       typename T::V *before, int) {
    using V = typename T::V;
    static_assert((H & (H - 1)) == 0, "the division by H * H is exact");
    for (int c = 0; c < C; c++) {
      const V g = slope[c] * T::splat(typename T::Real(1) / (H * H));
      for (int y = 0; y < H; y++)
        for (int x = 0; x < H; x++) before[Before::at(c, y, x)] = in[Input::at(c, y, x)] > V{} ? g : V{};
    }
  }
};

// A linear layer of C images of side H, flattened.
template <int C, int H, int CLASSES> struct Linear {
  static constexpr int OUTPUTS = CLASSES, FAN_IN = C * H * H;
  using Input = Image<C, H>;
  using Slope = Image<CLASSES, 1>;
  template <class T> struct State {};
  using Parameters = std::tuple<Linear>;
  template <class T> static void receive(typename T::V *in, State<T> &, int c, int y, int x, typename T::V value) {
    in[Input::at(c, y, x)] = value;
  }

  static void list(const uint8_t *mask, Entries &n) {
    n.row.push_back(0);
    for (int o = 0; o < CLASSES; o++) {
      for (int i = 0; i < FAN_IN; i++)
        if (*mask++) n.input.push_back(i);
      n.row.push_back(int(n.input.size()));
    }
  }

  // Promise: bias first, then entries in flat order.
  template <class T, class Put>
  static void forward(const Kept<typename T::Real> *layer, const typename T::V *in, State<T> &, Put put,
                      typename T::I &) {
    const Kept<typename T::Real> &n = layer[0];
    const typename T::Real *w = n.own();
    const int *input = n.entries.input.data();
    for (int o = 0; o < CLASSES; o++) {
      typename T::V a = T::splat(n.bias(o));
      for (int e = n.entries.row[o]; e < n.entries.row[o + 1]; e++) a = fma(T::splat(w[e]), in[input[e]], a);
      n.work += n.entries.row[o + 1] - n.entries.row[o];
      put(o, 0, 0, a);
    }
  }

  template <class T, class Before>
  static void backward(const Kept<typename T::Real> *layer, const typename T::V *in, State<T> &,
                       const typename T::V *slope, typename T::V *before, int lane) {
    using V = typename T::V;
    static_assert(Before::SIZE == FAN_IN, "the gradient of a flattened image has no border");
    const Kept<typename T::Real> &n = layer[0];
    const typename T::Real *w = n.own();
    const int *input = n.entries.input.data();
    for (int i = 0; i < FAN_IN; i++) before[i] = V{};
    for (int o = 0; o < CLASSES; o++) {
      const V g = slope[o];
      for (int e = n.entries.row[o]; e < n.entries.row[o + 1]; e++) {
        V *sum = (V *)(n.sums[n.entries.first + e].lane + lane);
        *sum = fma(g, in[input[e]], *sum);
        before[input[e]] = fma(T::splat(w[e]), g, before[input[e]]);
      }
      n.work += 2 * (n.entries.row[o + 1] - n.entries.row[o]);
      if (n.entries.bias[o] >= 0) *(V *)(n.sums[n.entries.bias[o]].lane + lane) += g;
    }
  }
};

}  // namespace kstar
