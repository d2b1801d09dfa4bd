"""What a driver does with a buffer that this program never imports: tried in another process, for ``inspect`` only.

The process gets the dma-buf that was fetched, by inheritance. The answer is not recorded: it says nothing about the
imports that the program makes.
"""

from dataclasses import replace

from app.diagnosis.picture.picture_facts import ImportEvidence, ImportProof
from app.planes.frame import Surface
from app.planes.outcome import Outcome, PixelPath
from gl.context import Context
from gl.import_check import map_obstacle
from gl.trial_process import IMAGE_MADE, NOTE, RESULT, TrialLimits, TrialProcess
from gl.trial_record import TrialAnswer, TrialEnd
from gl.trial_request import TrialRequest, renderer_facts, trial_origins


def import_evidence(context: Context, surface: Surface, outcome: Outcome) -> ImportEvidence | None:
    """Waits for the trial, for seconds at most. None for a plane that needs none, and if no trial could be made.

    Only a buffer that the CPU cannot map for writing needs one. The context need not be current.
    """
    buffer = surface.buffer
    if buffer.dmabuf_fd is None or buffer.may_vanish or outcome.path in (PixelPath.EGL_IMAGE, PixelPath.BRIDGE):
        return None
    if not context.imports_dma_bufs or map_obstacle(buffer, software=context.software) is None:
        return None
    request = TrialRequest(surface.plane, renderer_facts(context), trial_origins(context), evidence=True)
    limits = TrialLimits()
    limits = replace(limits, memory=limits.memory + 4 * buffer.size)
    try:
        trial = TrialProcess(request.to_json(), buffer.dmabuf_fd, limits, lambda _answer: None)
    except OSError:
        return None
    trial.wait()
    return evidence_of(trial.answer) if trial.answer is not None else None


def evidence_of(answer: TrialAnswer) -> ImportEvidence | None:
    """What the answer of a trial proves; None if it tells nothing."""
    made = "eglCreateImage succeeded" if IMAGE_MADE in answer.said else "eglCreateImage made no image"
    notes = [each.removeprefix(NOTE) for each in answer.said if each.startswith(NOTE)]
    if not answer.survived:
        proof = ImportProof.HUNG if answer.end is TrialEnd.TIME else ImportProof.CRASHED
        # A driver that ends while it draws an image that EGL made of the buffer cannot read it.
        if proof is ImportProof.CRASHED and IMAGE_MADE in answer.said:
            proof = ImportProof.UNREADABLE
        return ImportEvidence(proof, "; ".join((made, *notes, answer.detail)))
    results = [each.removeprefix(RESULT) for each in answer.said if each.startswith(RESULT)]
    proofs = [each for each in ImportProof if [each.value] == results]
    return ImportEvidence(proofs[0], "; ".join((made, *notes))) if proofs else None
