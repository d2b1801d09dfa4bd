"""A measured run as a table for a person."""

from typing import Any

from app.planes.status import State

_LABELS = {
    "poll_interval": "poll interval",
    "query": "query",
    "fetch": "fetch of a buffer",
    "import": "import of a buffer",
    "submit": "draw (CPU)",
    "gpu": "draw (GPU)",
    "present": "submit to screen",
    "flip_to_submit": "flip to submit",
    "flip_to_present": "flip to screen",
    "change_to_submit": "change to submit",
    "true_flip_to_submit": "true flip to submit",
    "jitter": "jitter of flip to submit",
    "flip_to_poll": "flip to poll",
    "input_to_acknowledge": "input to acknowledgement",
    "input_to_change": "input to change",
    "input_to_submit": "input to submit",
    "look": "look at the region",
}
_SHOWS = (State.SHOWING.value, State.DEGRADED.value)
_COLUMNS = (("median", "p50"), ("p90", "p90"), ("p99", "p99"), ("p99.9", "p999"), ("max", "max"))


def stage_lines(stages: dict[str, Any]) -> list[str]:
    """The stages of a document as a table, in milliseconds."""
    lines = [f"{'milliseconds':<25}" + "".join(f"{title:>9}" for title, _ in _COLUMNS) + f"{'count':>9}"]
    for name, stage in stages.items():
        values = "".join(f"{stage[f'{key}_us'] / 1000:>9.3f}" for _, key in _COLUMNS)
        lines.append(f"{_LABELS.get(name, name):<25}{values}{stage['count']:>9}")
    return lines


def run_text(document: dict[str, Any]) -> str:
    """The stages in milliseconds, the counters, and how exact the latency of a flip is."""
    lines = stage_lines(document["stages"])
    pushed = document["meta"].get("frames") == "pushed"
    if pushed:
        lines.append(
            "the target tells its changes: there are no polls, and times count from the arrival of its message"
        )
    if document["meta"].get("guest_waits"):
        lines.append(
            "the guest waits until mdevview has taken each frame: mdevview is part of the pace that is measured"
        )
    if not pushed and (flip := document["stages"].get("flip_to_submit")) is not None:
        low, high = flip["p50_low_us"] / 1000, flip["p50_high_us"] / 1000
        lines.append(f"the median of flip to submit is between {low:.3f} and {high:.3f}: a flip is between two polls")
    lost = f", lost between two polls: {document['flips_lost']}" if "flips_lost" in document else ""
    lines.append(
        f"flips seen: {document['flips_seen']}{lost}, superseded before they were drawn: "
        f"{document['flips_superseded']}; "
        f"cursor moves: {document['cursor_moves']}"
    )
    lines.append(
        f"pictures with something new: {document['frames_shown']}, repeats: {document['repeats']}; "
        + ("" if pushed else f"polls per second: {document['poll_rate_hz']:g}; ")
        + f"CPU: {document['cpu_percent']:g} %"
    )
    if "inputs_sent" in document:
        lines.append(
            f"keys sent: {document['inputs_sent']}, without a reaction: {document['input_misses']}, with a change that "
            f"may be the region's own: {document['inputs_uncertain']}"
        )
    if document["state"] not in _SHOWS:
        lines.append(f"at the end there was no picture ({document['state']}: {document['reason']})")
    return "\n".join(lines)
