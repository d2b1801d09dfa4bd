"""The process of a check of a display: ``python -m gl.display_check_child NODE PARENT [EXPORTING ...]``.

It opens the display on a DRM node, or if NODE is empty the one that commands without a window use, and prints findings
as JSON. ``EXPORTING`` are the addresses of the GPUs that export the vGPUs' dma-bufs.
"""

import json
import sys

from app.host.child_checks import answer_of_child, prepare_child


def main() -> None:
    """Check the display and end the process."""
    node, parent, *exporting = sys.argv[1:]
    answers = prepare_child(int(parent))
    # Imported here: prepare_child() comes before the libraries are loaded.
    from app.diagnosis.host.gpu_findings import wrong_gpu  # noqa: PLC0415
    from app.diagnosis.report.finding_document import finding_document  # noqa: PLC0415
    from app.host.gpu import address_of, render_nodes  # noqa: PLC0415
    from gl.diagnosis import graphics_findings, node_findings  # noqa: PLC0415

    if node:
        findings = list(node_findings(node))
    else:
        exporter = next((each for each in render_nodes() if each.address in exporting), None)
        findings = graphics_findings(lambda used, why: wrong_gpu(address_of(used), exporting, why), exporter)
    answer_of_child(answers, json.dumps([finding_document(each) for each in findings]))


if __name__ == "__main__":
    main()
