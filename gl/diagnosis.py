"""What EGL and OpenGL offer on this host, as findings."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host.driver_traps import DriverFacts, driver_trap_findings, is_old_mesa
from app.formats.fourcc import fourcc_text
from app.host.gpu import RenderNode
from gl.trial_record import TrialRecord, default_record

if TYPE_CHECKING:
    from gl.context import Context

# The package of a Python module in PyPI and in Debian.
_PACKAGES = {"OpenGL": ("PyOpenGL", "python3-opengl"), "numpy": ("numpy", "python3-numpy")}


def graphics_findings(
    wrong_gpu: Callable[[str, str], Finding | None], exporter: RenderNode | None = None
) -> list[Finding]:
    """Findings about the context that commands without a window draw with. A window gets its display from its session.

    ``exporter`` is the GPU of the vGPUs. ``wrong_gpu`` gets the render node that EGL uses, and why it is not the
    exporter's if that is known. It returns a finding when vGPUs belong to another GPU. The context that was current in
    this thread is not current afterwards.
    """
    try:
        # This loads the OpenGL libraries. A host without them gets a finding.
        from gl.errors import GraphicsError  # noqa: PLC0415
        from gl.offscreen_context import open_context  # noqa: PLC0415
    except ImportError as error:
        module = (error.name or "").partition(".")[0]
        # A library of the system has no module's name; a module of this program lacks one.
        return [_no_context(error) if module in ("", "app", "gl") else _missing_module(module, error)]
    try:
        with open_context(exporter=exporter) as context:
            facts = DriverFacts(context.display.driver, context.version, context.renderer, context.software)
            return [
                *_renderer(context, wrong_gpu),
                *driver_trap_findings(facts),
                _import(context),
                *crash_findings(default_record()),
            ]
    except GraphicsError as error:
        return [_no_context(error)]


def _missing_module(module: str, error: ImportError) -> Finding:
    """A Python module is missing, and perhaps nothing of the system."""
    packages = _PACKAGES.get(module)
    remedy = f"pip install {packages[0]}, or Debian's package {packages[1]}" if packages else f"pip install {module}"
    return Finding(
        "egl",
        Severity.ERROR,
        f"the Python module {module} is missing: screenshot, inspect and windows cannot work",
        " ".join(str(error).split()),
        remedy,
    )


def node_findings(node: str) -> Iterator[Finding]:
    """What EGL offers on one render node (``/dev/dri/renderD128``): driver, version, import, known traps.

    The context that was current in this thread is not current afterwards.
    """
    try:
        from gl.context import SurfacelessContext  # noqa: PLC0415
        from gl.errors import GraphicsError  # noqa: PLC0415
    except ImportError:
        # The finding of the display that EGL chooses says so.
        return
    try:
        with SurfacelessContext(node) as context:
            facts = DriverFacts(context.display.driver, context.version, context.renderer, context.software)
            imports = context.imports_dma_bufs
            count = len(context.display.formats)
    except GraphicsError as error:
        yield Finding(
            "egl-node",
            Severity.INFO,
            f"{node}: EGL cannot draw on it",
            " ".join(str(error).split()),
            "",
        )
        return
    what = f"{count} dma-buf formats" if imports else "no dma-bufs"
    yield Finding(
        "egl-node",
        Severity.OK if imports else Severity.WARNING,
        f"{node}: EGL draws with {facts.renderer} and imports {what}",
        f"driver {facts.driver or 'unknown'}; {facts.version}",
    )
    yield from driver_trap_findings(facts, node)


def _no_context(error: Exception) -> Finding:
    return Finding(
        "egl",
        Severity.ERROR,
        "no EGL context without a window: screenshot and inspect cannot work",
        " ".join(str(error).split()),
        "install Mesa's EGL and drivers (Debian: libegl1 libegl-mesa0 libgles2 libgl1-mesa-dri)",
    )


def _renderer(context: "Context", wrong_gpu: Callable[[str, str], Finding | None]) -> Iterator[Finding]:
    display, why = context.display, context.fallback_reason
    node = display.render_node
    evidence = f"{context.vendor}; {context.version}; EGL {display.version}"
    if why and (context.software or node is None):
        evidence += f"; {why}"
    if context.software:
        yield Finding(
            "egl",
            Severity.WARNING,
            f"EGL draws with the CPU: {context.renderer}",
            evidence,
            "install the driver of this host's GPU and give this user access to /dev/dri/renderD*",
        )
        return
    yield Finding("egl", Severity.OK, f"EGL draws with {context.renderer}{f' on {node}' if node else ''}", evidence)
    other = wrong_gpu(node, why) if node else None
    if other is not None:
        yield other


def _import(context: "Context") -> Finding:
    """Whether EGL imports dma-bufs."""
    display = context.display
    if not context.imports_dma_bufs:
        return Finding(
            "dmabuf-import",
            Severity.WARNING,
            "EGL cannot import dma-bufs: every frame is copied, and what the CPU may not read (GVT-g) cannot be shown",
            context.version,
            "Mesa draws into imported buffers with the CPU from version 24.1 on: update Mesa"
            if context.software and is_old_mesa(context.version)
            else "use a driver with EGL_EXT_image_dma_buf_import",
        )
    modifiers = sum(len(display.modifiers(each)) for each in display.formats)
    return Finding(
        "dmabuf-import",
        Severity.OK,
        f"EGL imports dma-bufs in {len(display.formats)} formats, {modifiers} combinations with modifiers",
        " ".join(sorted(fourcc_text(each).strip() for each in display.formats)),
    )


def crash_findings(record: TrialRecord) -> Iterator[Finding]:
    """The imports that a graphics driver of this user did not survive, with the file that remembers them."""
    crashes = record.crashes()
    if crashes:
        evidence = (f"{each.detail} ({key})" for key, each in crashes.items())
        yield Finding(
            "import-crashes-driver",
            Severity.WARNING,
            "a graphics driver did not survive an import in another process: such planes are copied",
            " | ".join(evidence),
            f"update the graphics driver; to have the imports tried again, remove {record.path}",
        )
