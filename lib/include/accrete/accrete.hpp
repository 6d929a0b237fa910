// accrete: an appendable key → bytes store. The four functions, and the factories of stores.
#pragma once

#include <accrete/codec.hpp>
#include <accrete/error.hpp>
#include <accrete/export.hpp>
#include <accrete/interruptible.hpp>
#include <accrete/store.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accrete {

// A `url` is the path of a dataset's directory. While a server serves the dataset, put, get and open talk to the
// server, unchanged; they take its endpoint, `ipc://…` or `tcp://…`, too. Other schemes throw UnsupportedError.

struct CreateOptions {
  /// Make a dataset of a directory that exists and holds one raw file a key (such as partd leaves behind), keeping
  /// every byte. Refused with InvalidKeyError if a name in it is not the name of a key, and with LockedError if it is a
  /// temporary dataset whose owner lives.
  bool adopt = false;
  /// Compress values, with checksums; without, they are raw files. With `adopt`, what the files are compressed with.
  /// Whoever opens the dataset finds it.
  std::optional<Codec> codec{};
  /// How the dataset lies: "files", one file a key.
  std::string layout = "files";
  /// As OpenOptions has it.
  std::vector<std::string> trusted_file_systems{};
};

/// Creates an empty dataset. Throws ExistsError if there is anything at the path. Its parent must exist.
/// The dataset appears at once and whole, and survives power loss when the call returns.
ACCRETE_API void create(std::string_view url, const CreateOptions& options = {});

/// Appends each entry's bytes to its key, all or none. If a server serves the dataset, it has applied them when the
/// call returns, at its durability.
ACCRETE_API void put(std::string_view url, std::span<const Entry> entries, const AppendOptions& options = {});
ACCRETE_API void put(std::string_view url, std::initializer_list<Entry> entries, const AppendOptions& options = {});

/// The values of `keys`, in their order; a missing key's is empty.
[[nodiscard]] ACCRETE_API std::vector<std::string> get(std::string_view url, std::span<const std::string_view> keys);
[[nodiscard]] ACCRETE_API std::vector<std::string> get(std::string_view url,
                                                       std::initializer_list<std::string_view> keys);

/// Removes the dataset and its directory. Refuses, having removed nothing, what is not a dataset, a symbolic link to
/// one, and a directory that holds files of others. One that was interrupted is completed by calling it again.
ACCRETE_API void destroy(std::string_view url);

/// What an append that has returned survives.
enum class Durability {
  memory,      ///< nothing: it is in this process's, or the server's, memory until a flush
  os,          ///< the death of any process
  sync,        ///< power loss
  replicated,  ///< the loss of a machine; not of a dataset in a directory
};

struct BufferOptions {
  /// Memory that the buffer may take, its own bookkeeping included. Appends wait when it is full.
  std::uint64_t limit_bytes = std::uint64_t{256} << 20;
};

/// Is told in words which appends, that had returned, are lost or wait in a journal when a Store is closed: its
/// destructor cannot throw. What it throws itself is dropped.
using LostAppendsHandler = std::function<void(std::string_view what)>;

/// When a client's append returns.
enum class Acknowledgement {
  window,  ///< when the batch is in the client's window: flush, sync, get and closing wait for the server
  each,    ///< when the server has acknowledged the batch, or refused it, which the call throws
};

/// A pair of CURVE keys in Z85, as `accrete keygen` writes them.
struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

/// The pair in the file of a secret key. Throws IoError if it cannot be read; InvalidArgumentError if it is no such
/// file, or is this user's and open to others, too: its mode must be 0600 or less.
[[nodiscard]] ACCRETE_API KeyPair read_key_pair(std::string_view path);

/// The key in the file of a public key. Throws IoError if it cannot be read, InvalidArgumentError if it does not hold
/// one public key.
[[nodiscard]] ACCRETE_API std::string read_public_key(std::string_view path);

struct ClientOptions {
  /// Each call ends by then, with TimeoutError if the server has not answered, or UnknownOutcomeError if it may have
  /// changed something or may do so yet.
  std::chrono::milliseconds timeout = std::chrono::minutes{1};
  /// Opening ends by then, with NetworkError, if there is no connection. To a server that is there but busy, and for
  /// the next one when the server goes away later, a client waits for as long as `timeout` allows.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds{5};
  Acknowledgement ack = Acknowledgement::window;
  /// Appends are gathered until they have so many bytes, or the first of them is so old.
  std::uint64_t batch_bytes = std::uint64_t{1} << 20;
  std::chrono::microseconds linger = std::chrono::milliseconds{5};
  /// Bytes that may wait for their acknowledgement; the server may allow fewer.
  std::uint64_t window_bytes = std::uint64_t{16} << 20;
  /// The server's public key in Z85, for an endpoint that asks for CURVE; empty: none. Opening a dataset by path finds
  /// it.
  std::string server_key{};
  /// This client's; empty: made anew for each connection.
  KeyPair keys{};
};

struct CompressedOptions {
  /// A call whose result would be larger throws TooLargeError: a few stored bytes may decode to very many.
  std::uint64_t limit_bytes = std::uint64_t{4} << 30;
};

struct OpenOptions {
  /// How long a call waits for another process or thread to release the dataset before it throws LockedError.
  std::chrono::milliseconds lock_timeout = std::chrono::minutes{1};
  /// Descriptors of values kept open for the next append, at most. 0: as many as all Stores of the process may have
  /// together, which is half of what RLIMIT_NOFILE allows.
  std::size_t max_open_files = 0;
  /// Gather appends in memory. The dataset is then this Store's alone until it is closed; others get LockedError.
  std::optional<BufferOptions> buffer{};
  /// Of a buffer: at `os` and `sync` it has a journal in the dataset, which the next to open it replays. Without it, as
  /// the dataset's layout has it: `os` for files. UnsupportedError for what the layout cannot give.
  std::optional<Durability> durability{};
  /// Of a dataset with a codec.
  CompressedOptions compressed{};
  /// For a dataset that a server serves.
  ClientOptions client{};
  /// For appends that return before they have reached the files or the server; flush first, and there are none. Without
  /// it, a line is written to standard error.
  LostAppendsHandler on_lost_appends{};
  /// File systems to be used though nobody vouches for their locks, such as "fuse" or "nfs": others are refused with
  /// UnsupportedError, which names them. Only where no two hosts, containers or views of a directory use a dataset at
  /// a time. The environment variable ACCRETE_TRUST_LOCKS ("fuse,nfs") says the same for a whole program.
  std::vector<std::string> trusted_file_systems{};
};

/// Opens a dataset. Rolls back what a writer that died left half done. A dataset that this process may read but not
/// write opens too; its changing calls throw ReadOnlyError.
[[nodiscard]] ACCRETE_API std::unique_ptr<Store> open(std::string_view url, const OpenOptions& options = {});

/// What a caching server has done since it began to serve, and has to do. A batch is what a client has gathered, and
/// sends as one message.
struct ServerStats {
  std::uint64_t clients = 0;          ///< that are connected
  std::uint64_t refused_clients = 0;  ///< since there were too many
  std::uint64_t batches = 0;          ///< that were applied, or found to have been applied before
  std::uint64_t batch_bytes = 0;      ///< of these, as they came
  std::uint64_t refused_batches = 0;
  std::uint64_t queued_bytes = 0;  ///< of batches that came and are neither applied nor refused yet
  std::uint64_t answers = 0;       ///< to calls that append nothing, errors too; but not to those for these figures
};

/// Of the server that `store` is a client of; nullopt if it is none. Waits neither for what this client has appended
/// nor for the server's store; but a server that has as much to do as its memory allows hears nobody until it has done
/// some.
[[nodiscard]] ACCRETE_API std::optional<ServerStats> server_stats(const Store& store);

/// A store in this process's memory, for tests and as the reference of what a store does. `sync` and `flush` have
/// nothing to hand down; a forked child goes on with a copy of its own.
[[nodiscard]] ACCRETE_API std::unique_ptr<Store> memory_store();

/// A buffer in memory over another store: appends are gathered by key and handed down in large pieces, in the
/// background: keys that have enough for a large write, and the largest ones when memory gets short. Closing it
/// flushes; if that fails, `on_lost_appends` is told, as OpenOptions has it.
///
/// Limitations: what is not flushed dies with the process, and a kill may leave a batch in some of its keys only; for a
/// dataset, `OpenOptions::buffer` adds a journal that mends both. Others who use `next` meanwhile see what is flushed.
/// A forked child begins with an empty buffer: what was in it is its parent's to flush.
[[nodiscard]] ACCRETE_API std::unique_ptr<Store> buffered(std::unique_ptr<Store> next,
                                                          const BufferOptions& options = {},
                                                          const LostAppendsHandler& on_lost_appends = {});

/// Values compressed in another store, with checksums. What it says of bytes and sizes means those that were appended,
/// not those that they take below. The bytes that a batch has for a key are compressed together, in pieces of up to 1
/// MiB; many small appends compress well only once a buffer over this store has gathered them.
///
/// Costs: `get` decodes the whole value, and `get_range` the pieces that it touches. `get_range`, `size`, `list`,
/// `stats` and `expect_size` pass over the headers of the pieces before; of up to 16 large values, those that were
/// passed over last are remembered, so that reading on and appending on cost no way from the front.
///
/// Damage, and bytes in `next` that this store has not appended, are CorruptionError in all calls that come upon them:
/// `list` and `stats` too. UnsupportedError: a piece was compressed by a library that this build lacks. TooLargeError:
/// more would be decoded than `CompressedOptions::limit_bytes`.
///
/// Limitations: `expect_size` can be taken in by others who erase a value meanwhile and append anew just as many
/// compressed bytes. `list` and `stats` tell of one moment, unless others erase without a pause.
[[nodiscard]] ACCRETE_API std::unique_ptr<Store> compressed(std::unique_ptr<Store> next, const Codec& codec = lz4(),
                                                            const CompressedOptions& options = {});

/// A dataset that goes when this object does. The process that created it removes it, a forked child does not; if that
/// process dies first, `sweep` does.
class ACCRETE_API TemporaryDataset {
 public:
  TemporaryDataset(TemporaryDataset&&) noexcept;
  TemporaryDataset& operator=(TemporaryDataset&&) noexcept;
  ~TemporaryDataset();

  /// For `open` and the four functions, in this process or any other.
  [[nodiscard]] const std::string& url() const noexcept;

 private:
  friend TemporaryDataset create_temporary(std::string_view dir);
  class Owner;
  explicit TemporaryDataset(std::unique_ptr<Owner> owner) noexcept;
  std::unique_ptr<Owner> owner_;
};

/// Creates a dataset of a new name inside the directory `dir`.
[[nodiscard]] ACCRETE_API TemporaryDataset create_temporary(std::string_view dir);

/// Removes the temporary datasets in the directory `dir` whose owner is dead, and what interrupted creations left
/// there. Returns the paths of what it removed.
ACCRETE_API std::vector<std::string> sweep(std::string_view dir);

struct VerifyOptions {
  /// Roll back what a dead writer left half done, recount the totals, and cut out of compressed values what cannot be
  /// decoded. Values are never changed otherwise.
  bool repair = false;
};

struct VerifyReport {
  std::vector<std::string> problems;  ///< a sentence each; empty: all is well
  std::vector<std::string> repairs;   ///< what `repair` has mended, a sentence each
  Stats counted;                      ///< keys and bytes as found, not as recorded: of a codec, what can be decoded
};

/// Checks all that can be checked of a dataset, under its lock, and changes nothing unless asked to.
[[nodiscard]] ACCRETE_API VerifyReport verify(std::string_view url, const VerifyOptions& options = {});

/// What stands in a dataset's marker.
struct DatasetInfo {
  std::uint32_t format_version = 0;
  std::string layout;
  std::string codec;  ///< "none", or as Codec::name() has it
  std::string uuid;
};

[[nodiscard]] ACCRETE_API DatasetInfo info(std::string_view url);

}  // namespace accrete
