"""The server as a service: what it tells the service manager."""
import os
import socket
import unittest

from serving import ServerTest


class ServiceTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)

    def check_told(self, address, name):
        self.manager.bind(address)
        os.environ["NOTIFY_SOCKET"] = name
        server = self.serve()
        self.check_well(server)
        server.end()
        self.manager.setblocking(False)  # all is said
        self.assertEqual(self.manager.recv(100), b"READY=1")
        with self.assertRaises(BlockingIOError):
            self.manager.recv(100)

    def test_it_says_once_that_it_is_ready(self):
        path = os.path.join(self.dir, "notify")
        self.check_told(path, path)

    def test_it_says_so_to_an_abstract_socket(self):
        name = f"accrete-test-{os.getpid()}"
        self.check_told("\0" + name, "@" + name)

    def test_it_serves_though_nobody_listens(self):
        for name in (os.path.join(self.dir, "missing"), "x" * 200, ""):
            os.environ["NOTIFY_SOCKET"] = name
            server = self.serve()
            self.check_well(server)
            server.end()


if __name__ == "__main__":
    unittest.main()
