"""The document and the table of an observed program: those of ``measure``, with what the kernel's trace tells."""

from typing import Any

from app.host.observed_process import ObservedProcess
from app.measure.record.observation import Observation, ObservedDevice
from app.measure.record.run_text import stage_lines

_VERSION = 1
# Of a run of our own: what is true of the device, whoever looks at it.
_OF_DEVICE = ("target", "state", "reason", "detail", "hint", "planes", "display", "device", "findings")
# These tell who draws our pictures. The observed program draws its own.
_OF_OUR_RENDERER = ("path", "renderer", "gl_vendor", "gl_version", "render_node")


def observation_document(
    process: ObservedProcess,
    observation: Observation,
    meta: dict[str, Any],
    picture: dict[str, Any],
    duration_ns: int,
    *,
    complete: bool,
    fd: int | None = None,
) -> dict[str, Any]:
    """``meta`` and ``picture`` are those of our own run, ``picture`` is empty if there was none. ``fd`` is the wanted
    device.

    The stages are those of one device: the one with the most queries, if none is wanted. The others are in ``devices``.
    Only one device has flips: without a wanted one, the time after a flip is left out if there are several.
    """
    devices = observation.devices
    chosen = next((each for each in devices if fd is None or each.fd == fd), None)
    flips_fit = fd is not None or len(devices) == 1
    documents = {each.fd: _device(each, flips_fit and each is chosen) for each in devices}
    return {
        **{key: picture[key] for key in _OF_DEVICE if key in picture},
        "version": _VERSION,
        "kind": "measure",
        "meta": {
            **{key: value for key, value in meta.items() if key not in _OF_OUR_RENDERER},
            "observed": {
                "pid": process.pid,
                "name": process.name,
                "program": process.program,
                "fd": chosen.fd if chosen is not None else None,
            },
        },
        "complete": complete,
        "duration_s": round(duration_ns / 1e9, 3),
        **(documents[chosen.fd] if chosen is not None else {"stages": {}, "polls": 0, "queries": 0, "fetches": 0}),
        "flips_seen": observation.flips_seen,
        "events_lost": observation.events_lost,
        "devices": [{"fd": number, **each} for number, each in documents.items() if len(documents) > 1],
    }


def _device(device: ObservedDevice, flips_fit: bool) -> dict[str, Any]:
    document = device.document()
    if not flips_fit:
        document["stages"].pop("flip_to_poll", None)
    return document


def observation_text(document: dict[str, Any]) -> str:
    """The stages in milliseconds, and the counters."""
    observed = document["meta"]["observed"]
    lines = [f"{observed['name'] or 'process'} {observed['pid']}", *stage_lines(document["stages"])]
    if (flip := document["stages"].get("flip_to_poll")) is not None:
        low, high = flip["p50_low_us"] / 1000, flip["p50_high_us"] / 1000
        lines.append(f"the median of flip to poll is between {low:.3f} and {high:.3f}: a flip is between two polls")
    rate = document.get("poll_rate_hz")
    lines.append(f"polls: {document['polls']}" + (f" ({rate:g} per second)" if rate is not None else ""))
    for name in ("queries", "fetches"):
        failed = document.get(f"{name}_failed")
        lines[-1] += f"; {name}: {document[name]}" + (f" ({failed} failed)" if failed else "")
    if document["events_lost"]:
        lines.append(f"events lost by the kernel: {document['events_lost']}; polls near them are left out")
    if document["devices"]:
        fds = ", ".join(str(each["fd"]) for each in document["devices"])
        lines.append(f"it polls several devices, by the fds {fds}: name one with pid:N,fd=M")
    return "\n".join(lines)
