"""What the paper reports, claim by claim and constant by constant, to be set beside what was measured."""

from collections.abc import Mapping
from types import MappingProxyType

# Lee et al. 2021: Section 3 for C1-C9, Section 4 and Appendix C for C10-C12 and C18, Section 3.4 for C13-C16,
# Appendix D for C17. Claims without a number are read off its figures.
CLAIMS: Mapping[str, str] = MappingProxyType(
    {
        "C1": "drawn beside every curve, never fitted",
        "C2": "linear scaling at small B, in every workload",
        "C3": "maximal data parallelism at large B, in every workload",
        "C4": "K\\*_90/K\\*_0 in (1.5, 4.5)",
        "C5": "in every workload",
        "C6": "falls, most for momentum",
        "C7": "about 2^9 dense, 2^11 at 90% (MNIST, Simple-CNN, momentum)",
        "C8": "general difficulty: the curve shifts as a whole",
        "C9": "momentum and Nesterov extend linear scaling",
        "C10": "mean L 0.57, 0.72, 0.81, 1.76 at S = 0, 50, 70, 90 (Simple-CNN)",
        "C11": "Delta 4.68/4.66 = 1.00, beta 107.39/197.06 = 0.54",
        "C12": "1.67 predicted, held against (1.5, 4.5)",
        "C13": "best rates grow, then saturate",
        "C14": "like 1/L",
        "C15": "in every workload",
        "C16": "in every workload",
        "C17": "in every workload",
        "C18": "for Simple-CNN and ResNet-8",
    }
)
SPARSITIES = (0.0, 50.0, 70.0, 90.0)
MEAN_SMOOTHNESS = (0.57, 0.72, 0.81, 1.76)
STEPS_RATIO = (1.5, 4.5)
C1_RATIO = 1.67
