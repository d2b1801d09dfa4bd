"""The problems that were seen on one connection, each with its last values and how often it was seen."""

from app.planes.display_facts import DisplayProblem, SeenProblem


class ProblemLog:
    """Bounded: there is one entry for each kind of problem. Not thread-safe."""

    def __init__(self) -> None:
        self._seen: dict[DisplayProblem, SeenProblem] = {}

    def note(self, problem: DisplayProblem, evidence: str) -> None:
        before = self._seen.get(problem)
        self._seen[problem] = SeenProblem(problem, evidence, 1 if before is None else before.count + 1)

    def seen(self) -> tuple[SeenProblem, ...]:
        """All of them, in the order in which they were seen first."""
        return tuple(self._seen.values())
