"""A server that may have few descriptors: whoever connects, and however many, it goes on and serves who says hello."""
import unittest

import raw_client as raw
from raw_client import RawClient
from serving import ServerTest

DESCRIPTORS = 256
MOST_CONNECTIONS = DESCRIPTORS // 8 * 3
MOST_CLIENTS = MOST_CONNECTIONS // 8 * 7
SILENT = 4 * DESCRIPTORS  # connections; with the descriptors of the values, far more than there can be


class FewDescriptors(ServerTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve(*self.options, descriptors=DESCRIPTORS)
        self.open = []
        self.addCleanup(lambda: [stream.close() for stream in self.open])

    def connect_silently(self, endpoint, said=b""):
        stream = raw.connect(endpoint)
        self.open.append(stream)
        stream.sendall(said)
        if len(self.open) > DESCRIPTORS:  # of this process
            self.open.pop(0).close()

    def check_crowd(self, endpoint, said=b""):
        with self.server.client() as before:
            before.append([(b"before", b"1")])
            for number in range(SILENT):
                self.connect_silently(endpoint, said)
                if number % 100 == 0:
                    with RawClient(endpoint) as client:
                        client.append([(b"during", b"1")])
                        client.wait_for_ack()
            before.append([(b"before", b"2")])
            self.assertEqual(before.get(b"before", b"during"), [b"12", b"1" * (SILENT // 100 + 1)])
            while before.clients() > 1:  # those that have gone
                pass
        self.check_well(self.server)
        self.assertIn("connections that said no hello", self.server.logged())

    def test_connections_over_the_socket_that_say_nothing_harm_nobody(self):
        self.check_crowd(self.server.endpoints[0])

    def test_connections_over_tcp_that_say_nothing_harm_nobody(self):
        self.check_crowd(self.server.tcp())

    def test_connections_that_end_their_handshake_and_say_no_hello_harm_nobody(self):
        self.check_crowd(self.server.endpoints[0], raw.GREETING + raw.ready())

    def test_clients_beyond_the_descriptors_are_told_so_and_the_others_stay(self):
        self.assertIn(f"serves at most {MOST_CLIENTS} clients", self.server.logged())
        clients = [self.server.client() for _ in range(MOST_CLIENTS)]
        for _ in range(2 * MOST_CONNECTIONS):
            with self.server.client(hello=False) as late:
                with self.assertRaisesRegex(raw.Failed, "cannot take one more client"):
                    late.say_hello()
        for number, client in enumerate(clients):
            client.append([(b"key%d" % number, b"x")])  # more files than there are descriptors left
        for number, client in enumerate(clients):
            self.assertEqual(client.get(b"key%d" % number), [b"x"])
            client.close()
        self.check_well(self.server)

    def test_many_values_beside_many_clients_are_written(self):
        clients = [self.server.client() for _ in range(MOST_CLIENTS)]
        with self.server.client(hello=False):
            for number in range(2 * DESCRIPTORS):
                clients[0].append([(b"key%d" % number, b"x" * (64 << 10))])  # goes to its file at once
                clients[0].wait_for_ack()
        for client in clients:
            self.assertEqual(client.get(b"key0", b"none"), [b"x" * (64 << 10), b""])
            client.close()
        self.check_well(self.server)


if __name__ == "__main__":
    unittest.main()
