// A network is a list of layers; a machine takes one group of examples forward and backward through it.
#pragma once
#include <algorithm>

#include "layers.hpp"

namespace kstar {

template <class First, class... Rest> struct Network {
  using Images = typename First::Input;
  // Calls visit(layer) for what has weights and biases, in the order of the flat ones.
  template <class Visit> static void parameters(Visit visit) {
    std::apply([&](auto... layer) { (visit(layer), ...); },
               decltype(std::tuple_cat(typename First::Parameters{}, typename Rest::Parameters{}...)){});
  }
};

constexpr int CLASSES = 10;

// Activations of a group of COUNT examples, layer by layer, and what they need for the way back.
template <class T, int AT, class... Layers> struct Stack;
template <class T, int AT> struct Stack<T, AT> {
  typename T::V in[CLASSES];
  void receive(int c, int, int, typename T::V value) { in[c] = value; }
  void forward(const Kept<typename T::Real> *, typename T::I &) {}
  template <class Before> void backward(const Kept<typename T::Real> *, typename T::V *before, int) {
    for (int k = 0; k < CLASSES; k++) before[k] = in[k];
  }
  typename T::V *outputs() { return in; }
};
template <class T, int AT, class First, class... Rest> struct Stack<T, AT, First, Rest...> {
  typename T::V in[First::Input::SIZE], slope[First::Slope::SIZE];
  typename First::template State<T> state;
  Stack<T, AT + int(std::tuple_size_v<typename First::Parameters>), Rest...> rest;

  void receive(int c, int y, int x, typename T::V value) { First::template receive<T>(in, state, c, y, x, value); }
  void forward(const Kept<typename T::Real> *n, typename T::I &broken) {
    const auto put = [this](int c, int y, int x, typename T::V value) { rest.receive(c, y, x, value); };
    First::template forward<T>(n + AT, in, state, put, broken);
    rest.forward(n, broken);
  }
  template <class Before> void backward(const Kept<typename T::Real> *n, typename T::V *before, int lane) {
    rest.template backward<typename First::Slope>(n, slope, lane);
    First::template backward<T, Before>(n + AT, in, state, slope, before, lane);
  }
  typename T::V *outputs() { return rest.outputs(); }
};

struct Data {           // a set of examples
  const float *images;  // [example][channel][row][column]
  const int64_t *labels;
  int64_t examples;
};

template <class Net, class T> struct Machine;
template <class T, class First, class... Rest> struct Machine<Network<First, Rest...>, T> {
  using Real = typename T::Real;
  using V = typename T::V;
  using I = typename T::I;
  static constexpr int COUNT = T::COUNT;
  Stack<T, 0, First, Rest...> stack;
  I label, real;  // of each lane: its class; whether it holds an example (-1) or is left over (0)
  I broken;       // lanes in which a NaN would be lost in a maximum

  void load(const Data &data, const int64_t *rows, int count) {
    using Images = typename First::Input;
    constexpr int SIZE = Images::C * Images::H * Images::H;
    const float *from[COUNT];
    for (int l = 0; l < COUNT; l++) {
      from[l] = data.images + rows[l < count ? l : 0] * SIZE;
      label[l] = data.labels[rows[l < count ? l : 0]];
      real[l] = -(l < count);
    }
    for (int c = 0; c < Images::C; c++)
      for (int y = 0; y < Images::H; y++)
        for (int x = 0; x < Images::H; x++) {
          Real *to = (Real *)(stack.in + Images::at(c, y, x));
          for (int l = 0; l < COUNT; l++) to[l] = *from[l]++;
        }
  }
  void forward(const Kept<Real> *n) {
    broken = I{};
    stack.forward(n, broken);
  }
  // Cross-entropy of each lane; the outputs become their gradients over the batch size. The largest output is taken off
  // first, so that no exponential overflows. Promise: the exponentials are summed in the order of the classes.
  V loss_and_slopes(int64_t batch) {
    V *z = stack.outputs(), largest = z[0], sum = V{}, own = V{}, e[CLASSES];
    for (int k = 1; k < CLASSES; k++) largest = z[k] > largest ? z[k] : largest;
    for (int k = 0; k < CLASSES; k++) {
      sum += e[k] = exponential<T>(z[k] - largest);
      own = label == k ? z[k] : own;
    }
    const V share = T::splat(Real(batch)), one = T::splat(Real(1));
    for (int k = 0; k < CLASSES; k++) {
      const V p = e[k] / sum;
      z[k] = real ? (label == k ? p - one : p) / share : V{};
    }
    const V loss = logarithm<T>(sum) + largest - own, nan = loss * T::splat(Real(__builtin_nanf("")));
    return broken ? nan : loss;
  }
  void backward(const Kept<Real> *n, int lane) { stack.template backward<Nowhere>(n, nullptr, lane); }
  // Which lanes' highest output, the first of equals, is not their class; NaN is never right.
  I wrong() {
    const V *z = stack.outputs();
    V largest = z[0];
    I best = I{}, nan = broken | (z[0] != z[0]);
    for (int k = 1; k < CLASSES; k++) {
      const I more = z[k] > largest;
      largest = more ? z[k] : largest;
      best = more ? I{} + k : best;
      nan |= z[k] != z[k];
    }
    return (best != label) | nan;
  }
};

}  // namespace kstar
