"""Numbers of the paper beside measured ones; `verification.claims.rules` has its claims."""

from verification.prediction.inputs import Inputs

# Simple-CNN on MNIST, Lee et al. 2021, Appendix C and Section 5: Delta, mean L over training, beta at w_1.
DENSE = Inputs(Delta=4.66, L=0.57, noise=197.06)
SPARSE = Inputs(Delta=4.68, L=1.76, noise=107.39)
SPARSITY = 90.0  # of SPARSE, percent
# Mean L by sparsity in percent, the same.
MEAN_SMOOTHNESS = {0.0: DENSE.L, 50.0: 0.72, 70.0: 0.81, SPARSITY: SPARSE.L}
# K*_90/K*_0 over all workloads and batch sizes.
STEPS_RATIO = (1.5, 4.5)
# Printed, of rounded factors; `SPARSE.c1 / DENSE.c1` is 1.69.
C1_RATIO = 1.67
# Where curves leave linear scaling, read off Figure 1: MNIST, Simple-CNN, momentum, by sparsity in percent.
CRITICAL_BATCH_SIZES = {0.0: 2**9, SPARSITY: 2**11}
