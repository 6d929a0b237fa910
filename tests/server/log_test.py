"""The server's log: it tells what happened, is not flooded, and holds nobody up."""
import os
import subprocess
import unittest
import unittest.mock

import raw_client as raw
from raw_client import RawClient
from serving import PROGRAM, ServerTest


class Log(ServerTest):
    def test_refused_clients_do_not_flood_it(self):
        server = self.serve("--max-clients", "1")
        with server.client():
            with server.client(hello=False) as late:
                for _ in range(5000):
                    with self.assertRaisesRegex(raw.Failed, "--max-clients"):
                        late.say_hello()
            while "more lines like that were left out: refused clients" not in server.logged():
                pass
        self.assertLess(server.logged().count("refused a client"), 1000)

    def test_refused_appends_are_told(self):
        server = self.serve()
        with server.client() as client:
            client.send(raw.append(1, [(b"k", b"1")], expect_size=77))
            client.receive_refusal()
        self.assertRegex(server.logged(), "refused an append of client 1: .*77")
        self.check_well(server)

    def test_standard_error_that_nobody_reads_holds_nobody_up(self):
        process = subprocess.Popen(
            [PROGRAM, "serve", self.data],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"ACCRETE_LOG": "debug"},
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        endpoint = process.stdout.readline().decode().split()[-1]
        for number in range(2000):  # each makes a line or two, and a pipe has room for some hundred
            with RawClient(endpoint) as client:
                client.append([(b"k", b"x")])
                client.wait_for_ack()
        with RawClient(endpoint) as client:
            self.assertEqual(client.get(b"k"), [b"x" * 2000])
            read = b""
            while b"lines were left out here: nobody read standard error" not in read:
                read += os.read(process.stderr.fileno(), 65536)
                with RawClient(endpoint):  # so that there is another line
                    pass
        process.terminate()
        process.stderr.read()
        self.assertEqual(process.wait(), 0)

    def logged_at(self, level):
        """By a server that starts and ends at this ACCRETE_LOG."""
        with unittest.mock.patch.dict(os.environ, ACCRETE_LOG=level):
            server = self.serve()
        self.assertEqual(server.end(), 0)
        return server.logged()

    def test_a_level_that_is_none_is_told_and_silences_nothing(self):
        for level in "bogus", "INFO", "debug ", "0":
            logged = self.logged_at(level)
            self.assertIn(f"ACCRETE_LOG={level} is none of debug, info, warning, error and off", logged)
            self.assertEqual(logged.count("ACCRETE_LOG"), 1)
            self.assertIn("info: stopped", logged)

    def test_a_level_logs_what_it_says(self):
        for level in "", "debug", "info":
            self.assertIn("info: stopped", self.logged_at(level))
        for level in "warning", "error", "off":
            self.assertEqual(self.logged_at(level), "")

    def test_a_client_without_curve_is_told(self):
        key = os.path.join(self.dir, "key")
        self.run_program("keygen", key)
        server = self.serve("--bind", "tcp://127.0.0.1:*", "--server-key", key, "--allow-client-keys", key + ".pub")
        with raw.connect(server.tcp()) as stream:
            stream.sendall(raw.GREETING + raw.ready())
            raw.read_until_closed(stream)
        while "it does not use CURVE" not in server.logged():
            pass
        self.check_well(server)


if __name__ == "__main__":
    unittest.main()
