# Runs Terraform's core out of a shared library, which lies beside this file, as if it were a program of its own.
import ctypes
import os
import signal
import sys

# Python's own ways with these would come between the core and whoever sends them.
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)

library = ctypes.CDLL(os.path.join(os.path.dirname(os.path.realpath(__file__)), "library"))
run = library.RunCli
run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
run.restype = ctypes.c_int
words = [os.fsencode(word) for word in sys.argv[1:]]
code = run(len(words), (ctypes.c_char_p * len(words))(*words), 1, 2)
# The core's threads are not waited for.
os._exit(code)
