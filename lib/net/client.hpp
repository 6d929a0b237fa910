// A Store on a server.
#pragma once

#include <accrete/accrete.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dataset/dataset.hpp"
#include "net/curve.hpp"
#include "net/patience.hpp"

namespace accrete {

/// Connects to the server at `endpoint`, `ipc://PATH` or `tcp://HOST:PORT`. Throws NetworkError if it cannot be reached
/// within options.connect_timeout, TimeoutError if it does not answer within options.timeout, AuthError if keys do not
/// match, and what the server refuses with.
///
/// What holds when a call has returned:
/// - `append` and `append_batch`, with Acknowledgement::window: the batch is in this process's memory. The server gets
///   it within options.linger and the window's room; while the window is full, appends wait. If the server refuses it
///   for now (its disk is full), the batch and those after it stay, in their order; the next call throws the server's
///   error, once, without having done its own work; they are sent again at the call after that and, every 100 ms to
///   1 s, in the background. Nothing is lost or doubled. If the server refuses it for good (its dataset is damaged or
///   may not be written to), the batch is given up, with what shares its message, and the next call says so, once.
///   Other clients see the batch, and what they append stands after it, once it is acknowledged: at the latest when a
///   call that waits has returned.
/// - with Acknowledgement::each, or with `sync` or `expect_size`: the server has applied the batch, at its durability
///   (with `sync`: against power loss). A refusal is thrown by the call and the batch is given up. If the server says
///   nothing, a batch that was not sent yet is taken back (TimeoutError, or NetworkError without a connection). One
///   that was sent is UnknownOutcomeError, which has the id to send it again with: the user's, or one that the client
///   has made and that leaves nothing on the server once its outcome is known and the Store is closed. The client goes
///   on with it meanwhile.
/// - `get`, `size`, `list` and the other questions, `erase`, `drop` and `set_attribute` see all that this Store was
///   given before: they wait until it is acknowledged. An `erase`, a `drop` or a `set_attribute` that was sent and not
///   answered is UnknownOutcomeError; so is a `set_attribute` that had to be sent again, as the connection broke, and
///   then found the attribute to be other than expected.
/// - `flush`: all is acknowledged, and handed down to the server's operating system. `sync`: and survives power loss.
/// - Destroying the Store waits up to options.timeout until all is acknowledged, and tells `on_lost_appends` what is
/// not
///   and what no call has thrown yet.
///
/// A connection that breaks is made again, and what the server has not applied is sent again, each batch applied once.
/// What a server may have applied and forgotten, as it keeps only so many sessions of clients that it does not hear of,
/// is not sent again: who waits for it gets UnknownOutcomeError, and the next call does if nobody waits. Each call ends
/// by options.timeout, with TimeoutError, with NetworkError if there is no connection, or with AuthError if the keys
/// were refused. A server of Durability::memory that is restarted has lost what it had not handed down: the next call
/// throws a NetworkError that says so, once, and things go on. Entries of the batches of several threads may share a
/// message, which is applied whole.
///
/// Limitations: a batch has to fit into one message of the server (TooLargeError). A list of more keys than the server
/// gives at once is put together from pages, each of one moment. What the window holds dies with the process. A forked
/// child begins with a session of its own at its first call; what the parent had gathered is the parent's to send, and
/// what the parent's session takes up in the child's memory is not given back. The parent's connection stays open until
/// its children have ended too.
///
/// `files`: of the dataset that is served, if they are on this host. Large values are read from them, once the server
/// has said how far they go.
[[nodiscard]] std::unique_ptr<Store> connect(const std::string& endpoint, const ClientOptions& options = {},
                                             const Patience& patience = {},
                                             std::unique_ptr<const DirectReader> files = nullptr,
                                             LostAppendsHandler on_lost_appends = {});

/// Has the server that `store` is a client of read again which keys it lets in; nullopt if it is no client. Throws what
/// the server cannot do it for: UnsupportedError if it has no list, or if this is a client on TCP. The server then goes
/// on with the list that it has.
std::optional<KeyListChange> reload_keys(const Store& store);

}  // namespace accrete
