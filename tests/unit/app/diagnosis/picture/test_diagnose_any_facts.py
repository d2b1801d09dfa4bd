"""What holds of the findings about any picture, whatever its facts are."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.device.gfx_plane import DisplayOffer
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.host_facts import ExporterFacts, HostFacts, RunState, VmFacts
from app.diagnosis.picture.picture_facts import HistoryFacts, ImportEvidence, ImportProof, ModeRequest, PlaneFacts
from app.diagnosis.picture.picture_keys import rank_of
from app.planes.outcome import PixelPath
from app.planes.plane import PlaneKind
from app.planes.status import Reason, State, Status
from tests.unit.app.diagnosis.picture.facts import (
    CURSOR,
    EXPORTER,
    FAILSAFE,
    GVT,
    LLVMPIPE,
    MBOCHS,
    PRIMARY,
    REFUSED,
    RENDERER,
    X_TILED,
    picture,
)

PLANES = st.builds(
    PlaneFacts,
    kind=st.just(PlaneKind.PRIMARY),
    status=st.builds(Status, st.sampled_from(Reason), st.sampled_from(["", "words"])),
    plane=st.sampled_from([None, PRIMARY, replace(PRIMARY, fourcc=0, modifier=X_TILED)]),
    path=st.sampled_from([None, *PixelPath]),
    failures=st.sampled_from([(), (REFUSED,)]),
    map_error=st.sampled_from([None, "", "ENODEV: No such device"]),
    import_evidence=st.none() | st.builds(ImportEvidence, st.sampled_from(ImportProof), st.just("words")),
    one_colour=st.sampled_from([None, (0, 0, 0, 255)]),
)
CURSORS = PLANES.map(lambda each: replace(each, kind=PlaneKind.CURSOR, plane=CURSOR if each.plane else None))
TIMES = st.none() | st.floats(0, 1e6)
HISTORIES = st.builds(HistoryFacts, st.floats(0, 1e6), st.booleans(), TIMES, TIMES, st.just(()), st.booleans())
VMS = st.builds(
    VmFacts,
    st.just(7),
    st.sampled_from([None, "guest"]),
    st.none() | st.sampled_from(RunState),
    age_s=TIMES,
    opregion=st.sampled_from([None, True, False]),
    ramfb=st.sampled_from([None, True, False]),
    firmware_screen=st.sampled_from([None, "VGA"]),
)
HOSTS = st.builds(
    HostFacts,
    st.none() | VMS,
    st.sampled_from([None, EXPORTER, ExporterFacts("0000:03:00.0")]),
    st.sampled_from([(), (FAILSAFE,), ("a", FAILSAFE, "b")]),
)


@given(PLANES, st.none() | CURSORS, HISTORIES, HOSTS, st.sampled_from([None, GVT, MBOCHS]), st.data())
def test_any_facts_have_ranked_findings_of_the_set_and_none_twice(
    primary: PlaneFacts,
    below: PlaneFacts | None,
    history: HistoryFacts,
    host: HostFacts,
    vgpu: object,
    data: st.DataObject,
) -> None:
    facts = picture(
        *((primary,) if below is None else (primary, below)),
        history=history,
        host=host,
        vgpu=vgpu,
        late_mode=data.draw(st.sampled_from([None, ModeRequest(800, 600)])),
        renderer=data.draw(st.sampled_from([None, RENDERER, LLVMPIPE])),
        pci_command=data.draw(st.sampled_from([None, 0, 3, 7])),
        offer=data.draw(st.sampled_from([None, DisplayOffer(dmabuf=True, region=False)])),
    )
    found = diagnose(facts)
    assert [rank_of(each) for each in found] == sorted(rank_of(each) for each in found)
    cursor_alone = {each.key for each in found if each.message.startswith("cursor plane: ")}
    assert max(Counter(each.key for each in found if each.key not in cursor_alone).values(), default=0) <= 1
    if primary.status.state is not State.SHOWING:
        assert found, "a missing picture is explained"
