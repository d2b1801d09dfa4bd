"""A frame loop that polls no more by itself learns of the end of its VM."""

import time

from PyQt6.QtCore import QCoreApplication, QTimer

from app.attach.vm_device import VmDevice
from app.host.process import Process
from app.measure.loop.pacing import Pace, Pacer
from app.planes.frame import Frame
from app.vfio.end_detector import EndDetector
from app.vfio.poller import Poller
from tests.unit.scripted import ScriptedDevice, plane_answer
from tests.unit.vms import Child
from ui.window.picture.qt_frame_loop import QtFrameLoop

application = QCoreApplication([])
child, device = Child([]), ScriptedDevice(primary=plane_answer)
process = Process.open(child.pid)
poller = Poller(VmDevice(device, process, process.close), ended=EndDetector(None, process, "VM"), end_fd=process.fileno)
loop = QtFrameLoop(poller, Pacer(Pace(), time.monotonic_ns()))
reasons: list[str] = []


def end_vm() -> None:
    loop._timer.stop()
    child.end()


def changed(frame: Frame) -> None:
    reasons.append(frame.status.reason.key)
    QTimer.singleShot(0, end_vm if reasons == ["ok"] else application.quit)


loop.frame_changed.connect(changed)
loop.start()
QTimer.singleShot(20_000, application.quit)
application.exec()
child.kill()
assert reasons == ["ok", "vm-ended"], reasons
assert device.closed and process.fileno() == -1
loop.close()
