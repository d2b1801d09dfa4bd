"""A process with a second thread, until it is killed."""

import threading
import time

threading.Thread(target=time.sleep, args=(1000,)).start()
