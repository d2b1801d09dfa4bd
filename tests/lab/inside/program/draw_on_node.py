"""Draws a simulated device where a DRM node is that of the GPU which exports: ``python -m ... NODE SIMULATION``.

Prints a JSON document: what was drawn on, how the picture reached the GPU, and whether it is the guest's picture.
"""

import json
import sys

import numpy as np

from app.host.gpu import find_gpu, render_nodes
from app.open.opening import open_target
from app.open.target import Simulated
from app.sim.profile import open_simulated
from gl.offscreen_context import open_context
from gl.renderer import Renderer


def main() -> None:
    node, spec = sys.argv[1:]
    gpu = find_gpu(node, render_nodes())
    device = open_simulated(spec)
    expected = device.picture()
    device.close()
    session = open_target(Simulated(spec))
    with open_context(exporter=gpu) as context:
        renderer = Renderer(context)
        frame = session.source.latest()
        assert frame.primary is not None
        outcome = renderer.outcome(frame.primary)
        picture = renderer.capture(frame)
        renderer.release()
    session.close()
    document = {
        "node": context.display.render_node,
        "fallback_reason": context.fallback_reason,
        "path": outcome.path.value if outcome.path is not None else None,
        "reason": outcome.status.reason.key,
        "detail": outcome.status.detail,
        "right": picture is not None and expected is not None and np.array_equal(picture, expected),
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
