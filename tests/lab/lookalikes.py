"""Drivers whose names and types are those of other vendors' drivers, made from mbochs_rw.

The lab has neither an Intel nor an NVIDIA GPU. With these drivers the program, and QEMU, decide as they do there:

- gvt_like: the types of GVT-g (drivers/gpu/drm/i915/gvt/kvmgt.c), and the PCI identity and the OpRegion of an Intel
  GPU, which QEMU and SeaBIOS look for;
- nvidia_like: a type of NVIDIA's vGPUs. Their driver has no public source; the names are those that users report.
"""

from tests.lab.edits import NAME, Edit


def _names(parent: str, driver: str, types: tuple[str, str, str]) -> tuple[Edit, ...]:
    """A type's id is the name of the parent's class, or driver, and that of the type."""
    return (
        Edit(f'_NAME\t\t  "{NAME}"', f'_NAME\t\t  "{parent}"'),
        Edit(f'_NAME\t  "{NAME}"', f'_NAME\t  "{parent}"'),
        Edit(f'.name = "{NAME}"', f'.name = "{driver}"'),
        *(
            Edit(f'#define MBOCHS_TYPE_{number} "{old}"', f'#define MBOCHS_TYPE_{number} "{new}"')
            for number, (old, new) in enumerate(zip(("small", "medium", "large"), types, strict=True), 1)
        ),
    )


# The video memory is read in place of an OpRegion: what is in there does not matter, but that it can be read.
_OPREGION = (
    Edit("_NUM_REGIONS        (MBOCHS_EDID_REGION_INDEX+1)", "_NUM_REGIONS        (MBOCHS_EDID_REGION_INDEX+2)"),
    Edit(
        "\tdefault:\n\t\tregion_info->size   = 0;\n",
        """\
	case MBOCHS_EDID_REGION_INDEX + 1:
		ext->base.argsz = sizeof(*ext);
		ext->base.offset = MBOCHS_MEMORY_BAR_OFFSET;
		ext->base.size = 2 * PAGE_SIZE;
		ext->base.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_CAPS;
		ext->base.cap_offset = offsetof(typeof(*ext), type);
		ext->type.header.id = VFIO_REGION_INFO_CAP_TYPE;
		ext->type.header.version = 1;
		ext->type.header.next = 0;
		ext->type.type = VFIO_REGION_TYPE_PCI_VENDOR_TYPE | PCI_VENDOR_ID_INTEL;
		ext->type.subtype = VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION;
		break;
	default:
		region_info->size   = 0;
""",
    ),
    # A GPU of the ninth generation.
    Edit("\t\t   0x1234);", "\t\t   PCI_VENDOR_ID_INTEL);"),
    Edit("\t\t   0x1111);", "\t\t   0x1916);"),
    Edit("PCI_CLASS_DISPLAY_OTHER);", "PCI_CLASS_DISPLAY_VGA);"),
)

EDITS = {
    "gvt_like": (*_names("i915", "intel_vgpu_mdev", ("GVTg_V5_8", "GVTg_V5_4", "GVTg_V5_2")), *_OPREGION),
    "nvidia_like": _names("nvidia", "nvidia-vgpu-vfio", ("63", "64", "65")),
}
