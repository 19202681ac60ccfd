// Trials of one study on the kept weights alone, and the C interface through which Python drives them.
#include <cmath>
#include <cstring>
#include <memory>

#include "network.hpp"

namespace kstar {

using SmallCnn = Network<Pooled<Conv<1, 16, 8, 3, 1>>, Pooled<Conv<16, 32, 4, 3, 1>>, Linear<32, 2, CLASSES>>;
using SimpleCnn = Network<Pooled<Conv<1, 32, 28, 5, 0>>, Pooled<Conv<32, 64, 12, 5, 0>>, Linear<64, 4, CLASSES>>;
using ResNet8 = Network<Plain<Conv<3, 16, 32, 3, 1>>, Block<16, 16, 32, 1>, Block<16, 32, 32, 2>, Block<32, 64, 16, 2>,
                        Mean<64, 8>, Linear<64, 1, CLASSES>>;

enum Optimizer : int32_t { SGD, MOMENTUM, NESTEROV };
struct Rule {
  int32_t optimizer, decays;
  double learning_rate, momentum, decay_steps, end_factor;
  // eta (1 + (f - 1) min(k/d, 1)) at step k from 0, in double whatever the weights are.
  double rate(int64_t step) const {
    return decays ? learning_rate * (1 + (end_factor - 1) * std::min(double(step) / decay_steps, 1.)) : learning_rate;
  }
};
struct Outcome {
  int64_t steps;   // taken, the one that was not finite included
  double loss;     // mean over the batch of the last
  int32_t finite;  // whether it and every weight are
};

struct Study {
  int64_t work = 0;  // multiply-adds so far
  virtual ~Study() = default;
  virtual int64_t kept(int64_t trial) const = 0;
  virtual void put(int64_t trial, const void *weights, const void *velocities) = 0;
  virtual void get(int64_t trial, void *weights, void *velocities) const = 0;
  virtual Outcome train(int64_t trial, const Rule &, const Data &, const int64_t *rows, int64_t batch, int64_t steps,
                        int64_t first) = 0;
  virtual void errors(int64_t trial, const Data &, const int64_t *rows, int64_t count, uint8_t *wrong) = 0;
  virtual double gradient(int64_t trial, const Data &, const int64_t *rows, int64_t count, void *gradient) = 0;
  virtual double moments(int64_t trial, const Data &, const int64_t *rows, int64_t count, double *first,
                         double *second) = 0;
};

template <class Net, class Real> class StudyOf final : public Study {
  static constexpr int WIDEST = std::min(REGISTER_BYTES / int(sizeof(Real)), VIRTUAL);
  static constexpr int NARROWEST = sizeof(Real) == 4 ? 4 : WIDEST;

  struct Trial {
    std::vector<Entries> layers;
    std::vector<int> flat;  // of each kept weight or bias: where it is among all
    std::vector<Real> weights, velocities;
  };
  std::vector<Trial> trials;
  int widest = WIDEST;
  int64_t size = 0;
  // What one step needs, the same memory for every trial.
  std::vector<Sixteen<Real>> sums;
  std::vector<Real> slopes;
  std::vector<std::vector<Real>> by_input;
  template <int N> using MachineOf = Machine<Net, Lanes<Real, N>>;
  std::unique_ptr<MachineOf<WIDEST>> wide;
  std::unique_ptr<MachineOf<std::max(WIDEST / 2, NARROWEST)>> half;
  std::unique_ptr<MachineOf<NARROWEST>> narrow;

 public:
  StudyOf(int64_t count, const uint8_t *masks, int lanes)
      : trials(count) {
    while (lanes && widest > std::max(lanes, NARROWEST)) widest /= 2;
    size_t most = 0;
    for (Trial &trial : trials) {
      size = 0;
      Net::parameters([&](auto layer) {
        using Layer = decltype(layer);
        Entries n;
        n.first = int(trial.flat.size());
        const auto keep = [&](int64_t i) { trial.flat.push_back(int(i)); };
        for (int i = 0; i < Layer::OUTPUTS * Layer::FAN_IN; i++)
          if (masks[size + i]) keep(size + i);
        Layer::list(masks + size, n);
        size += Layer::OUTPUTS * Layer::FAN_IN;
        for (int o = 0; o < Layer::OUTPUTS; o++, size++) {
          n.bias.push_back(masks[size] ? int(trial.flat.size()) : -1);
          if (masks[size]) keep(size);
        }
        trial.layers.push_back(std::move(n));
      });
      masks += size;
      trial.weights.resize(trial.flat.size());
      trial.velocities.resize(trial.flat.size());
      most = std::max(most, trial.flat.size());
    }
    sums.resize(most);
    slopes.resize(most);
    by_input.resize(trials.empty() ? 0 : trials[0].layers.size());
  }

  int64_t kept(int64_t trial) const override { return int64_t(trials[trial].flat.size()); }
  void put(int64_t trial, const void *weights, const void *velocities) override {
    Trial &t = trials[trial];
    for (size_t e = 0; e < t.flat.size(); e++) {
      t.weights[e] = ((const Real *)weights)[t.flat[e]];
      t.velocities[e] = velocities ? ((const Real *)velocities)[t.flat[e]] : 0;
    }
  }
  void get(int64_t trial, void *weights, void *velocities) const override {
    const Trial &t = trials[trial];
    std::fill_n((Real *)weights, size, Real(0));
    if (velocities) std::fill_n((Real *)velocities, size, Real(0));
    for (size_t e = 0; e < t.flat.size(); e++) {
      ((Real *)weights)[t.flat[e]] = t.weights[e];
      if (velocities) ((Real *)velocities)[t.flat[e]] = t.velocities[e];
    }
  }

  Outcome train(int64_t trial, const Rule &rule, const Data &data, const int64_t *rows, int64_t batch, int64_t steps,
                int64_t first) override {
    Trial &t = trials[trial];
    Outcome outcome{0, 0, 1};
    while (outcome.steps < steps && outcome.finite) {
      const Real sum = Real(losses_and_slopes(t, data, rows + outcome.steps * batch, batch));
      outcome.loss = double(sum) / double(batch);
      outcome.finite = update(t, rule, Real(rule.rate(first + outcome.steps))) && std::isfinite(sum);
      outcome.steps++;
    }
    return outcome;
  }
  void errors(int64_t trial, const Data &data, const int64_t *rows, int64_t count, uint8_t *wrong) override {
    const std::vector<Kept<Real>> kept = views(trials[trial]);
    groups(count, [&](auto &machine, int64_t start, int filled) {
      machine.load(data, rows + start, filled);
      machine.forward(kept.data());
      const auto is_wrong = machine.wrong();
      for (int l = 0; l < filled; l++) wrong[start + l] = is_wrong[l] != 0;
    });
  }
  double gradient(int64_t trial, const Data &data, const int64_t *rows, int64_t count, void *gradient) override {
    Trial &t = trials[trial];
    const double sum = losses_and_slopes(t, data, rows, count);
    std::fill_n((Real *)gradient, size, Real(0));
    for (size_t e = 0; e < t.flat.size(); e++) ((Real *)gradient)[t.flat[e]] = slopes[e];
    return sum / double(count);
  }
  // A lane of a sum holds the gradient of one example until the next sixteen come: its square costs nothing more.
  // Promise: both sums are taken in double, over the lanes of sixteen examples, then over sixteens.
  double moments(int64_t trial, const Data &data, const int64_t *rows, int64_t count, double *first,
                 double *second) override {
    Trial &t = trials[trial];
    const std::vector<Kept<Real>> kept = begin(t);
    std::fill_n(first, size, 0.);
    std::fill_n(second, size, 0.);
    double sum = 0;
    groups(count, [&](auto &machine, int64_t start, int filled) {
      pass(machine, kept, data, rows, 1, start, filled, sum);
      if ((start + filled) % VIRTUAL && start + filled < count) return;
      for (size_t e = 0; e < t.flat.size(); e++) {
        double s = 0, squares = 0;
        for (int l = 0; l < VIRTUAL; l++) {
          const double g = double(sums[e].lane[l]);
          s += g, squares += g * g;
        }
        first[t.flat[e]] += s, second[t.flat[e]] += squares;
        sums[e] = Sixteen<Real>{};
      }
    });
    return sum;
  }

 private:
  std::vector<Kept<Real>> views(Trial &t) {
    std::vector<Kept<Real>> kept;
    for (size_t i = 0; i < t.layers.size(); i++)
      kept.push_back({t.layers[i], t.weights.data(), by_input[i].data(), sums.data(), work});
    return kept;
  }
  template <class M> static M &made(std::unique_ptr<M> &machine) {
    if (!machine) machine = std::make_unique<M>();  // zeroed, borders included
    return *machine;
  }
  // Calls visit(machine, start, filled) for groups of examples: wide ones, then what is left in narrower ones. A group
  // begins at a multiple of its width, so its first example's virtual lane is start mod 16.
  template <class Visit> void groups(int64_t count, Visit visit) {
    for (int64_t start = 0; start < count;) {
      int lanes = widest;
      while (lanes > NARROWEST && count - start <= lanes / 2) lanes /= 2;
      const int filled = int(std::min<int64_t>(lanes, count - start));
      const int64_t before = work;
      if (lanes == WIDEST) visit(made(wide), start, filled);
      else if (lanes == NARROWEST) visit(made(narrow), start, filled);
      else visit(made(half), start, filled);
      work = before + (work - before) * filled;  // the machine counts registers
      start += filled;
    }
  }
  // Makes ready for passes with the trial's present weights.
  std::vector<Kept<Real>> begin(Trial &t) {
    for (size_t i = 0; i < t.layers.size(); i++) {
      const Entries &n = t.layers[i];
      by_input[i].resize(n.weight.size());
      for (size_t e = 0; e < n.weight.size(); e++) by_input[i][e] = t.weights[n.first + n.weight[e]];
    }
    std::fill_n(sums.data(), t.flat.size(), Sixteen<Real>{});
    return views(t);
  }
  // Takes a group of examples forward and backward. Promise: losses are added in double, in the order of the examples.
  template <class M>
  static void pass(M &machine, const std::vector<Kept<Real>> &kept, const Data &data, const int64_t *rows, int64_t batch,
                   int64_t start, int filled, double &losses) {
    machine.load(data, rows + start, filled);
    machine.forward(kept.data());
    const auto loss = machine.loss_and_slopes(batch);
    for (int l = 0; l < filled; l++) losses += double(loss[l]);
    machine.backward(kept.data(), int(start % VIRTUAL));
  }
  // The sum of the losses, and the gradient of their mean in `slopes`.
  double losses_and_slopes(Trial &t, const Data &data, const int64_t *rows, int64_t batch) {
    const std::vector<Kept<Real>> kept = begin(t);
    double sum = 0;
    groups(batch, [&](auto &machine, int64_t start, int filled) {
      pass(machine, kept, data, rows, batch, start, filled, sum);
    });
    for (size_t e = 0; e < t.flat.size(); e++) slopes[e] = sums[e].sum();
    return sum;
  }
  // v <- m v + g; w <- w - eta v, or with Nesterov's look-ahead w <- w - eta (g + m v), or without momentum w - eta g.
  // Returns whether every weight is finite.
  bool update(Trial &t, const Rule &rule, Real rate) {
    const Real momentum = Real(rule.momentum);
    Real *w = t.weights.data(), *v = t.velocities.data();
    const Real *g = slopes.data();
    const size_t kept = t.flat.size();
    if (rule.optimizer == SGD) {
      for (size_t e = 0; e < kept; e++) w[e] = fma(-rate, g[e], w[e]);
    } else {
      for (size_t e = 0; e < kept; e++) {
        v[e] = fma(momentum, v[e], g[e]);
        // The velocity of a dead unit falls for ever: below this it is none, before it gets subnormal and slow.
        v[e] = std::abs(v[e]) < Real(1e-30) ? Real(0) : v[e];
      }
      if (rule.optimizer == MOMENTUM)
        for (size_t e = 0; e < kept; e++) w[e] = fma(-rate, v[e], w[e]);
      else
        for (size_t e = 0; e < kept; e++) w[e] = fma(-rate, fma(momentum, v[e], g[e]), w[e]);
    }
    Real residue = 0;
    for (size_t e = 0; e < kept; e++) residue += w[e] - w[e];  // 0, or NaN of an infinite one
    return residue == 0;
  }
};

struct Named {  // which network for which images
  const char *name;
  int64_t channels, side;
};
// Calls visit(network) for the one that is meant; returns whether there is one.
template <class Visit> bool find(const Named &named, Visit visit) {
  const auto is = [&](const char *name, auto net) {
    using Images = typename decltype(net)::Images;
    return !std::strcmp(named.name, name) && named.channels == Images::C && named.side == Images::H;
  };
  if (is("small-cnn", SmallCnn{})) return visit(SmallCnn{}), true;
  if (is("simple-cnn", SimpleCnn{})) return visit(SimpleCnn{}), true;
  if (is("resnet-8", ResNet8{})) return visit(ResNet8{}), true;
  return false;
}

static bool within(const Data &data, const int64_t *rows, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (rows[i] < 0 || rows[i] >= data.examples || data.labels[rows[i]] < 0 || data.labels[rows[i]] >= CLASSES)
      return false;
  return true;
}

// Does some work on examples; returns 0, or 1 where a row or label is out of range, or 2 where memory does not suffice.
template <class Work> int on_examples(const Data &data, const int64_t *rows, int64_t count, Work work) {
  if (!within(data, rows, count)) return 1;
  const Arithmetic ieee;
  try {
    work();
  } catch (const std::bad_alloc &) {
    return 2;
  }
  return 0;
}

}  // namespace kstar

using namespace kstar;
#ifndef KSTAR_SOURCE
#define KSTAR_SOURCE "unknown"
#endif

#pragma GCC visibility push(default)
extern "C" {
// Version of this interface and hash of the source, by which a loader knows what it has; bytes of a register.
const char *kstar_kernel() { return "kstar sparse kernel 1 " KSTAR_SOURCE; }
int kstar_register_bytes() { return REGISTER_BYTES; }

// Number of weights and biases; 0 where there is no such network.
int64_t kstar_size(const char *name, int64_t channels, int64_t side) {
  int64_t size = 0;
  find({name, channels, side},
       [&](auto net) { net.parameters([&](auto layer) { size += layer.OUTPUTS * (layer.FAN_IN + 1); }); });
  return size;
}

// masks: one byte a weight, shape (trials, P). bits: 32 or 64 of a number. lanes: at most so many examples in a
// register, 0 for as many as there are. Null where there is no such network or no memory.
Study *kstar_open(const char *name, int64_t channels, int64_t side, int bits, int64_t trials, const uint8_t *masks,
                  int lanes) {
  Study *study = nullptr;
  try {
    find({name, channels, side}, [&](auto net) {
      if (bits == 64) study = new StudyOf<decltype(net), double>(trials, masks, lanes);
      else study = new StudyOf<decltype(net), float>(trials, masks, lanes);
    });
  } catch (const std::bad_alloc &) {
  }
  return study;
}
void kstar_close(Study *study) { delete study; }
int64_t kstar_kept(const Study *study, int64_t trial) { return study->kept(trial); }
int64_t kstar_work(const Study *study) { return study->work; }

// weights, velocities: of all P, zero where pruned; velocities may be null.
void kstar_put(Study *study, int64_t trial, const void *weights, const void *velocities) {
  study->put(trial, weights, velocities);
}
void kstar_get(const Study *study, int64_t trial, void *weights, void *velocities) {
  study->get(trial, weights, velocities);
}

// The rest return what `on_examples` does. rows: of the examples, shape (steps, batch).
int kstar_train(Study *study, int64_t trial, const Rule *rule, const Data *data, const int64_t *rows, int64_t batch,
                int64_t steps, int64_t first, Outcome *outcome) {
  return on_examples(*data, rows, steps * batch,
                     [&] { *outcome = study->train(trial, *rule, *data, rows, batch, steps, first); });
}
int kstar_errors(Study *study, int64_t trial, const Data *data, const int64_t *rows, int64_t count, uint8_t *wrong) {
  return on_examples(*data, rows, count, [&] { study->errors(trial, *data, rows, count, wrong); });
}
int kstar_gradient(Study *study, int64_t trial, const Data *data, const int64_t *rows, int64_t count, double *loss,
                   void *gradient) {
  return on_examples(*data, rows, count, [&] { *loss = study->gradient(trial, *data, rows, count, gradient); });
}
// Sums over the examples of their gradients and of the squares of these, entry by entry; loss: the sum of theirs.
int kstar_moments(Study *study, int64_t trial, const Data *data, const int64_t *rows, int64_t count, double *loss,
                  double *first, double *second) {
  return on_examples(*data, rows, count, [&] { *loss = study->moments(trial, *data, rows, count, first, second); });
}
}
#pragma GCC visibility pop
