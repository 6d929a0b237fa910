"""What the server promises a client: order, acknowledgements, refusals, credit, and sessions that outlive connections."""
import signal
import struct
import unittest
import uuid

import raw_client as raw
from serving import ServerTest

LARGE = 12 << 20


class Session(ServerTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.client = self.server.client()
        self.addCleanup(self.client.close)

    def put_large(self):
        self.client.append_mebibytes(b"large", LARGE >> 20)


class Appends(Session):
    def test_pipelined_appends_are_applied_in_order(self):
        expected = b""
        for number in range(3000):
            text = b"%d," % number
            self.client.append([(b"k", text)])
            expected += text
        self.assertEqual(self.client.get(b"k"), [expected])
        self.client.wait_for_ack()

    def test_a_get_sees_the_appends_that_its_client_sent_before(self):
        for number in range(200):
            self.client.append([(b"k", b"x")])
            self.assertEqual(len(self.client.get(b"k")[0]), number + 1)

    def test_a_batch_that_comes_again_is_acknowledged_and_applied_once(self):
        batch = raw.append(1, [(b"k", b"once")])
        for _ in range(3):
            self.client.send(batch)
        self.client.wait_for_ack(1)
        self.assertEqual(self.client.get(b"k"), [b"once"])
        self.client.send(batch)
        self.assertEqual(self.client.receive().kind, raw.ACK)
        self.assertEqual(self.client.get(b"k"), [b"once"])

    def test_a_batch_after_a_gap_is_passed_over(self):
        self.client.send(raw.append(2, [(b"k", b"2")]))
        self.client.send(raw.append(3, [(b"k", b"3")]))
        self.client.send(raw.append(1, [(b"k", b"1")]))
        self.client.send(raw.append(2, [(b"k", b"two")]))
        self.client.wait_for_ack(2)
        self.assertEqual(self.client.get(b"k"), [b"1two"])

    def test_a_refused_batch_and_those_after_it_are_not_applied(self):
        self.client.send(raw.append(1, [(b"k", b"1")]))
        self.client.send(raw.append(2, [(b"k", b"2")], expect_size=77))
        self.client.send(raw.append(3, [(b"k", b"3")]))
        sequence, error = self.client.receive_refusal()
        self.assertEqual(sequence, 2)
        self.assertIn("77", error.text)
        self.assertEqual(self.client.get(b"k"), [b"1"])
        # another batch takes the number of the one that was given up
        self.client.send(raw.append(2, [(b"k", b"two")]))
        self.client.send(raw.append(3, [(b"k", b"three")]))
        self.client.wait_for_ack(3)
        self.assertEqual(self.client.get(b"k"), [b"1twothree"])

    def test_a_size_expected_of_several_entries_is_refused(self):
        self.client.send(raw.append(1, [(b"a", b"1"), (b"b", b"2")], expect_size=0))
        self.assertEqual(self.client.receive_refusal()[0], 1)
        self.assertEqual(self.client.get(b"a", b"b"), [b"", b""])

    def test_the_window_is_at_most_a_sixteenth_of_the_memory(self):
        self.assertEqual(self.client.window, 4 << 20)
        self.assertEqual(self.client.max_message, 4 << 20)
        self.assertEqual(self.client.durability, 1)


class Connections(Session):
    def test_a_session_goes_on_over_another_connection(self):
        for number in range(10):
            self.client.append([(b"k", b"%d" % number)])
        self.client.wait_for_ack()
        self.client.close()
        with self.server.client(session=self.client.session) as again:
            self.assertEqual((again.applied, again.incarnation), (10, self.client.incarnation))
            again.send(raw.append(10, [(b"k", b"9")]))
            again.append([(b"k", b"x")])
            again.wait_for_ack(11)
            self.assertEqual(again.get(b"k"), [b"0123456789x"])

    def test_what_comes_over_the_old_connection_of_a_session_is_not_applied(self):
        with self.server.client(session=self.client.session) as again:
            self.client.send(raw.append(1, [(b"k", b"old")]))
            self.assertEqual(self.client.receive_answer().kind, raw.RESET)
            again.append([(b"k", b"new")])
            again.wait_for_ack()
            self.assertEqual(again.get(b"k"), [b"new"])

    def test_hello_may_be_said_again_on_one_connection(self):
        self.client.append([(b"k", b"1")])
        self.client.wait_for_ack()
        self.client.say_hello()
        self.assertEqual(self.client.applied, 1)
        self.assertEqual(self.client.clients(), 1)

    def test_a_session_begins_anew_after_a_goodbye(self):
        self.client.append([(b"k", b"1")])
        self.client.wait_for_ack()
        self.client.send(raw.message(raw.BYE, struct.pack("<I", 0)))
        with self.assertRaisesRegex(raw.Failed, "say hello first"):
            self.client.ask(raw.PING)
        # the goodbye is on its way through the queue of appends
        while self.client.applied:
            self.client.say_hello()
        self.client.append([(b"k", b"2")])
        self.client.wait_for_ack()
        self.assertEqual(self.client.get(b"k"), [b"12"])

    def test_a_session_is_forgotten_after_4096_later_ones_and_the_server_says_so(self):
        self.client.append([(b"k", b"1")])
        self.client.wait_for_ack()
        session, forgotten = self.client.session, self.client.forgotten
        with self.server.client() as other:
            for _ in range(5000):
                other.append([(b"other", b"")])
                other.wait_for_ack()
                other.session = uuid.uuid4().bytes
                other.say_hello()
            self.assertNotEqual(other.forgotten, forgotten)
        self.client.say_hello()
        self.assertEqual(self.client.applied, 1)  # its client is connected
        self.server.end(signal.SIGKILL)
        self.server = self.serve()
        with self.server.client(session=session) as again:
            self.assertEqual(again.applied, 0)
            self.assertNotEqual(again.forgotten, forgotten)

    def test_a_session_that_the_server_has_forgotten_begins_anew(self):
        for text in b"1", b"2":
            self.client.append([(b"k", text)])
        self.client.wait_for_ack()
        self.client.close()
        with self.server.client() as other:
            while other.clients() > 1:
                pass
            for _ in range(5000):
                other.append([(b"other", b"")])
                other.wait_for_ack()
                other.session = uuid.uuid4().bytes
                other.say_hello()
        with self.server.client(session=self.client.session) as again:
            self.assertEqual(again.applied, 0)
            for text in b"3", b"4":
                again.append([(b"k", text)])
                again.wait_for_ack()
            self.assertEqual(again.get(b"k"), [b"1234"])

    def test_a_server_that_is_killed_says_the_same_if_nothing_was_forgotten(self):
        for _ in range(3):
            forgotten = self.client.forgotten
            self.client.append([(b"k", b"1")])
            self.client.wait_for_ack()
            self.server.end(signal.SIGKILL)
            self.server = self.serve()
            self.client = self.server.client(session=self.client.session)
            self.addCleanup(self.client.close)
            self.assertEqual(self.client.forgotten, forgotten)

    def test_clients_that_vanish_are_no_longer_counted(self):
        others = [self.server.client() for _ in range(5)]
        self.assertEqual(self.client.clients(), 6)
        for other in others:
            other.close()
        while self.client.clients() > 1:
            pass


class Questions(Session):
    def test_every_question_has_its_answer(self):
        self.client.append([(b"a", b"1"), (b"b", b"22")])
        ask = self.client.ask
        self.assertEqual(ask(raw.SIZE, raw.sized(b"b")), b"\x01" + struct.pack("<Q", 2))
        self.assertEqual(ask(raw.SIZE, raw.sized(b"none")), b"\x00")
        listed = ask(raw.LIST, struct.pack("<QB", (1 << 64) - 1, 0) + raw.sized(b""))
        self.assertEqual(struct.unpack_from("<BQ", listed), (0, 2))
        self.assertEqual(ask(raw.WRITER, uuid.uuid4().bytes), b"\x00")
        for nothing in (raw.FLUSH, raw.SYNC, raw.PING):
            self.assertEqual(ask(nothing), b"")
        ask(raw.ERASE, raw.sized(b"a"))
        self.assertEqual(self.client.get(b"a", b"b", b"b"), [b"", b"22", b"22"])
        ask(raw.DROP)
        self.assertEqual(self.client.get(b"b"), [b""])

    def test_an_error_of_the_store_reaches_the_client(self):
        with self.assertRaisesRegex(raw.Failed, "key"):
            self.client.ask(raw.GET, struct.pack("<I", 1) + raw.sized(b"k" * 2000))

    def test_a_large_reply_waits_for_credit(self):
        self.put_large()
        request = self.client.start(raw.GET, struct.pack("<I", 1) + raw.sized(b"large"))
        for index in range(raw.FIRST_PARTS):
            part = self.client.receive_reply_to(request)
            self.assertEqual(struct.unpack_from("<IB", part.body), (index, 0))
        # what is asked later is answered meanwhile
        self.assertEqual(self.client.ask(raw.PING), b"")
        self.client.send(raw.message(raw.MORE, struct.pack("<QI", request, 100)))
        last = index = 0
        while not last:
            index, last = struct.unpack_from("<IB", self.client.receive_reply_to(request).body)
        self.assertEqual(index, LARGE // raw.PART_BYTES)

    def test_a_reply_beyond_the_budget_is_refused_and_read_in_pieces(self):
        self.put_large()
        with self.assertRaisesRegex(raw.Failed, "get_range") as caught:
            self.client.get(b"large", b"large")
        self.assertEqual(caught.exception.retryable, 0)
        pieces = [self.client.get_range(b"large", at, 5 << 20) for at in range(0, LARGE, 5 << 20)]
        self.assertEqual(b"".join(pieces), b"x" * LARGE)

    def test_a_reply_for_which_others_leave_no_room_may_be_asked_for_again(self):
        self.put_large()
        first = self.client.start(raw.GET, struct.pack("<I", 1) + raw.sized(b"large"))
        self.client.receive_reply_to(first)
        with self.server.client() as other:
            with self.assertRaises(raw.Failed) as caught:
                other.get(b"large")
            self.assertEqual(caught.exception.retryable, 1)
            self.client.send(raw.message(raw.MORE, struct.pack("<QI", first, 100)))
            last = 0
            while not last:
                last = self.client.receive_reply_to(first).body[4]
            while True:
                try:
                    self.assertEqual(other.get(b"large"), [b"x" * LARGE])
                    break
                except raw.Failed as failure:
                    self.assertEqual(failure.retryable, 1)


if __name__ == "__main__":
    unittest.main()
