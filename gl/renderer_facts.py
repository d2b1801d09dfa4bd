"""What draws, as facts for the diagnosis."""

from dataclasses import fields

from app.diagnosis.picture.picture_facts import FormatSupport, RendererFacts
from app.host.gpu import address_of
from gl.context import Context

# Of OpenGL ES; those of EGL that matter are the fields of DisplayExtensions.
GL_EXTENSIONS = ("GL_OES_EGL_image", "GL_OES_EGL_image_external_essl3")


def facts_of_renderer(context: Context) -> RendererFacts:
    """Asks EGL for all formats and modifiers once for each display; the context must be current."""
    display = context.display
    extensions = display.extensions
    has = [each.name for each in fields(extensions) if getattr(extensions, each.name)]
    has += [each for each in GL_EXTENSIONS if each in context.extensions]
    node = display.render_node
    return RendererFacts(
        name=context.renderer,
        vendor=context.vendor,
        version=context.version,
        egl_vendor=display.vendor,
        egl_version=display.version,
        software=context.software,
        imports_dma_bufs=context.imports_dma_bufs,
        platform=display.origin.platform.value if display.origin is not None else None,
        render_node=node,
        gpu_address=address_of(node) if node is not None and not context.software else None,
        extensions=tuple(has),
        formats=tuple(
            FormatSupport(each, tuple((one.value, one.external_only) for one in display.modifiers(each)))
            for each in display.formats
        ),
        fallback_reason=context.fallback_reason,
    )
