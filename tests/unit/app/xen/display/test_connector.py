from app.planes.status import Reason, Status
from app.xen.display.connector import Connector

_END = Status(Reason.DEVICE_FAULT, "a mistake")


def test_after_the_end_nothing_else_is_told() -> None:
    connector = Connector(0, Status(Reason.NO_SCANOUT))
    told: list[bool] = []
    connector.attach(lambda: told.append(True))
    connector.end(_END)
    end, _ = connector.frame()
    assert (end.status, connector.ended(), told) == (_END, _END, [True])
    connector.show_nothing(Status(Reason.PLANE_OFF))
    connector.explain(Status(Reason.NOT_OPENED))
    connector.end(Status(Reason.VM_ENDED))
    assert connector.frame()[0] is end and connector.ended() == _END
