"""Makes what a test of real machines needs: namespaces, mounts and disks of its own. Skips where it may not."""
import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ["ACCRETE"]
SKIPPED = 77  # as Meson counts it
CLONE_NEWNS = 0x00020000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *args):
    if function(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


@contextlib.contextmanager
def locked(path):
    """Somebody else has the dataset's lock, the file `path`."""
    set_lock_of_open_file = 37  # F_OFD_SETLK
    with open(path, "rb+") as lock:
        fcntl.fcntl(lock, set_lock_of_open_file, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))
        yield


def has_own_mounts():
    """Gives this process a mount namespace of its own, so that nothing that it mounts is seen elsewhere or left behind."""
    try:
        _call(_libc.unshare, CLONE_NEWNS)
        _call(_libc.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    except OSError as error:
        print(f"skipped: no mount namespace: {error}")
        return False
    return True


class MachineTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="accrete-system-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def mount(self, *args):
        """`mount` with these arguments, the last of which is where; undone when the test ends."""
        done = subprocess.run(["mount", *args], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"mount {' '.join(args)}: {done.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", args[-1]], check=False)

    def tmpfs(self, name, *options):
        """A new directory on a file system in memory."""
        os.mkdir(self.path(name))
        self.mount("-t", "tmpfs", *(["-o", ",".join(options)] if options else []), "tmpfs", self.path(name))
        return self.path(name)

    def disk(self, image, name, make):
        """A new directory on the file system that `make`, such as ["mkfs.ext4", "-q"], makes in the file `image`."""
        if not shutil.which(make[0]):
            self.skipTest(f"there is no {make[0]}")
        subprocess.run([*make, image], check=True, stdout=subprocess.DEVNULL)
        os.makedirs(self.path(name), exist_ok=True)
        self.mount("-o", "loop", image, self.path(name))
        return self.path(name)

    def run_program(self, *args, code=0, stdin=b"", **more):
        """Its standard output, or what it says when it fails as expected."""
        done = subprocess.run([PROGRAM, *args], input=stdin, capture_output=True, check=False, **more)
        self.assertEqual(done.returncode, code, (args, done.stdout[:1000], done.stderr.decode(errors="replace")))
        return done.stdout if code == 0 else done.stderr.decode(errors="replace")

    @contextlib.contextmanager
    def served(self, dataset, *options, **more):
        """The process of `accrete serve`, ready; killed at the end."""
        with subprocess.Popen([PROGRAM, "serve", dataset, *options], stdout=subprocess.PIPE, **more) as server:
            try:
                line = server.stdout.readline()
                self.assertTrue(line.startswith(b"accrete: serving "), line)
                yield server
            finally:
                with contextlib.suppress(ProcessLookupError):
                    server.send_signal(signal.SIGKILL)


def main():
    """Runs the tests of the calling module; exits with SKIPPED if none could be run."""
    if not has_own_mounts():
        sys.exit(SKIPPED)
    result = unittest.main(module="__main__", exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun == len(result.skipped) else 0)
