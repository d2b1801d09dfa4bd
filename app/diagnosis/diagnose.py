"""From the facts about a picture to findings, the most important first. Pure."""

from app.diagnosis.finding import Finding
from app.diagnosis.picture_facts import PictureFacts
from app.diagnosis.picture_findings import plane_finding


def diagnose(facts: PictureFacts) -> tuple[Finding, ...]:
    """All findings about a picture, ranked: the first one is what a person should read first."""
    found = (plane_finding(each.kind, each.status) for each in facts.planes)
    return tuple(each for each in found if each is not None)
