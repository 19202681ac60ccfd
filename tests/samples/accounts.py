"""Records of gradient descent on quadratics: what `empirics` would have measured along runs without noise."""

import numpy as np
from reference.empirics.flow import quadratic_time

from empirics.followed import ConstantsRecord, TrajectoryPoint
from empirics.records import Study

CURVATURES, START = np.array([4.0, 1.0, 0.25]), np.array([1.0, 2.0, 3.0])


def descent(sparsity=0.0, replicate=0, *, rate=0.4, steps=20, every=1, curvatures=CURVATURES, flow=True, momentum=None):
    """Return the record of a run of K steps, measured at some of them and at the last, by heavy ball where asked."""
    weights, velocity, points = START.copy(), np.zeros_like(START), []
    values = {"Delta": float(curvatures @ weights**2), "hessian_top": float(curvatures.max())}
    for step in range(1, steps + 1):
        gradient = curvatures * weights
        velocity = (momentum or 0.0) * velocity + gradient
        if step == steps or (step - 1) % every == 0:
            found = {
                "gradient_square": float(gradient @ gradient),
                "step_slope": -rate * float(velocity @ gradient),
                "training_loss": float(curvatures @ weights**2) / 2,
            }
            points += [TrajectoryPoint(name, step, value) for name, value in found.items()]
        weights = weights - rate * velocity
    loss = float(curvatures @ weights**2) / 2
    points.append(TrajectoryPoint("training_loss", steps + 1, loss))
    if flow:
        for name, goal in (("T_at_goal", loss), ("T_at_40", 0.2 * values["Delta"])):
            values[name] = quadratic_time(curvatures, START, goal)
    point = {"learning_rate": rate} | ({} if momentum is None else {"momentum": momentum})
    return ConstantsRecord(
        Study(sparsity, replicate, 32), 60, 0, point, values, tuple(points), 1.0, goal_step=steps, steps=steps
    )
