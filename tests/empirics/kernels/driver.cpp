// Trains each update rule from made-up weights on made-up images and prints a hash of the weights: `driver NETWORK BITS
// BATCH STEPS KEPT LANES`, KEPT of 1000 weights. Compiled with the kernel's source, so that any compiler, processor and
// sanitiser can have it.
#include "../../../empirics/kernels/kernel.cpp"

#include <cstdio>
#include <cstdlib>
#include <string>

static uint64_t state = 88172645463325252ull;
static uint32_t draw() {  // xorshift64, Marsaglia 2003
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return uint32_t(state >> 32);
}
static double noise() { return double(draw()) / 4294967296. - .5; }  // exact

template <class Real> static void run(const char *network, int64_t batch, int64_t steps, int64_t kept, int lanes) {
  const int64_t channels = !std::strcmp(network, "resnet-8") ? 3 : 1;
  const int64_t side = !std::strcmp(network, "small-cnn") ? 8 : !std::strcmp(network, "simple-cnn") ? 28 : 32;
  const int64_t size = kstar_size(network, channels, side), examples = 50;
  if (!size) std::exit(2);
  std::vector<uint8_t> mask(size);
  std::vector<float> images(examples * channels * side * side);
  std::vector<int64_t> labels(examples), rows(batch * steps);
  std::vector<Real> weights(size), velocities(size);
  for (auto &m : mask) m = draw() % 1000 < kept;
  for (auto &x : images) x = float(noise() * 2);
  for (auto &y : labels) y = draw() % 10;
  for (auto &r : rows) r = draw() % examples;
  for (auto &w : weights) w = Real(noise() / 4);
  const Data data{images.data(), labels.data(), examples};
  for (int optimizer = 0; optimizer < 3; optimizer++)
    for (int decays = 0; decays < 2; decays++) {
      const Rule rule{optimizer, decays, 0.01, 0.9, 20., 0.1};
      Study *study = kstar_open(network, channels, side, 8 * sizeof(Real), 1, mask.data(), lanes);
      kstar_put(study, 0, weights.data(), nullptr);
      Outcome outcome;
      if (kstar_train(study, 0, &rule, &data, rows.data(), batch, steps, 0, &outcome)) std::exit(3);
      std::vector<Real> ended(size);
      kstar_get(study, 0, ended.data(), velocities.data());
      std::vector<uint8_t> wrong(examples);
      kstar_errors(study, 0, &data, rows.data(), std::min(examples, batch * steps), wrong.data());
      uint64_t hash = 14695981039346656037ull;  // FNV-1a
      const auto add = [&](const void *from, size_t bytes) {
        for (size_t i = 0; i < bytes; i++) hash = (hash ^ ((const uint8_t *)from)[i]) * 1099511628211ull;
      };
      add(ended.data(), size * sizeof(Real)), add(velocities.data(), size * sizeof(Real));
      add(wrong.data(), wrong.size()), add(&outcome.loss, 8);
      std::printf("%d %d %016llx %lld %g %d\n", optimizer, decays, (unsigned long long)hash, (long long)outcome.steps,
                  outcome.loss, outcome.finite);
      kstar_close(study);
    }
}

int main(int count, char **text) {
  if (count != 7) return 1;
  const auto number = [&](int i) { return std::atoll(text[i]); };
  if (number(2) == 64) run<double>(text[1], number(3), number(4), number(5), int(number(6)));
  else run<float>(text[1], number(3), number(4), number(5), int(number(6)));
}
