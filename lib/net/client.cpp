#include "net/client.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <mutex>
#include <utility>

#include "base/entries.hpp"
#include "base/escape.hpp"
#include "base/foreign_errors.hpp"
#include "base/within_memory.hpp"
#include "net/curve.hpp"
#include "net/endpoint.hpp"
#include "net/session.hpp"
#include "os/at_fork.hpp"
#include "os/local_socket.hpp"

namespace accrete {
namespace {

class Client final : public Store, private AtFork {
 public:
  Client(std::string endpoint, ClientOptions options, const Patience& patience,
         std::unique_ptr<const DirectReader> files, LostAppendsHandler on_lost_appends)
      : endpoint_(std::move(endpoint)),
        options_(std::move(options)),
        patience_(patience),
        files_(std::move(files)),
        on_lost_appends_(std::move(on_lost_appends)) {
    watch_forks();
  }
  ~Client() override {
    ignore_forks();
    delete session_.load();
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void wait_ready() { session().wait_ready(patience_.opening); }

  [[nodiscard]] ServerStats server_stats() const {
    return wire::decode_server_stats(call("get the server's statistics", wire::ServerStatsRequest{}));
  }

  [[nodiscard]] KeyListChange reload_keys() const {
    return wire::decode_key_list_change(call("have the server read its allowed keys again", wire::ReloadKeys{}));
  }

 private:
  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    within_memory("append", [&] {
      if (options.sync || options.expect_size || options.id || options_.ack == Acknowledgement::each) {
        session().append_with(entries, options);
      } else {
        session().append(entries);
      }
    });
  }

  std::uint64_t do_max_batch_bytes() const override {
    static_assert(entry_overhead >= entry_header_size);
    constexpr std::uint64_t max_options = sizeof(BatchId) + sizeof(std::uint64_t);
    constexpr std::uint64_t before_entries = wire::append_header_size + max_options;
    const std::uint64_t max_message = session().max_message();
    return max_message - std::min(max_message, before_entries);
  }

  std::string do_get(std::string_view key) const override {
    return std::move(get_values("get the value of " + accrete::quoted(key), {&key, 1}).front());
  }

  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    return get_values("get the values of " + std::to_string(keys.size()) + " keys", keys);
  }

  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    BytesReader reader(size);
    call("get a range of the value of " + accrete::quoted(key),
         wire::GetRange{.offset = offset, .size = size, .key = key}, reader);
    return std::move(reader.bytes());
  }

  std::optional<std::uint64_t> do_size(std::string_view key) const override {
    return wire::decode_size(call("get the size of " + accrete::quoted(key), wire::Size{.key = key}));
  }

  std::vector<KeySize> do_list(const ListOptions& options) const override {
    return within_memory("list the keys", [&] {
      wire::KeyPage page = list_page(options);
      std::vector<KeySize> keys = std::move(page.keys);
      while (page.more) {
        ListOptions rest = options;
        rest.after = keys.back().key;
        if (rest.limit) *rest.limit -= keys.size();
        page = list_page(rest);
        keys.insert(keys.end(), std::move_iterator(page.keys.begin()), std::move_iterator(page.keys.end()));
      }
      return keys;
    });
  }

  std::uint64_t do_removals() const override {
    return wire::decode_number(call("get the number of removals", wire::Removals{}));
  }

  Stats do_stats() const override { return wire::decode_stats(call("get the statistics", wire::StatsRequest{})); }

  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return wire::decode_size(call("get the last sequence of a writer", wire::LastSequence{.writer = writer}));
  }

  std::optional<std::string> do_attribute(std::string_view name) const override {
    return wire::decode_attribute(call("get the attribute " + accrete::quoted(name), wire::GetAttribute{.name = name}));
  }

  std::vector<std::string> do_attributes() const override {
    return wire::decode_values(call("list the attributes", wire::ListAttributes{}));
  }

  bool do_set_attribute(std::string_view name, std::optional<std::string_view> value,
                        const AttributeOptions& options) override {
    const std::string what = "set the attribute " + accrete::quoted(name);
    BytesReader reader;
    const bool was_sent_again =
        call(what, wire::SetAttribute{.name = name, .value = value, .options = options}, reader);
    const bool is_set = wire::decode_flag(reader.bytes());
    if (is_set || !was_sent_again) return is_set;
    throw UnknownOutcomeError("cannot " + what + " at the server " + accrete::quoted(endpoint_) +
                              ": it was asked to again after the connection broke, and the attribute is not what was "
                              "expected, which may be because it was set the first time: look at what is there");
  }

  void do_erase(std::string_view key) override { (void)call("erase " + accrete::quoted(key), wire::Erase{.key = key}); }
  void do_flush() override { (void)call("flush", wire::Flush{}); }
  void do_sync() override { (void)call("sync", wire::Sync{}); }
  void do_drop() override { (void)call("drop all keys", wire::Drop{}); }

  [[nodiscard]] wire::KeyPage list_page(const ListOptions& options) const {
    wire::KeyPage page = wire::decode_list(call("list the keys", wire::List{.options = options}));
    const bool is_in_order = page.keys.empty() || !options.after || page.keys.front().key > *options.after;
    const bool is_within_limit = page.keys.size() <= options.limit.value_or(page.keys.size());
    if (!is_in_order || !is_within_limit || (page.more && page.keys.empty())) {
      throw NetworkError("cannot list the keys at the server " + accrete::quoted(endpoint_) +
                         ": it has sent others than were asked for");
    }
    return page;
  }

  [[nodiscard]] std::vector<std::string> get_values(const std::string& what,
                                                    std::span<const std::string_view> keys) const {
    if (files_ && files_->is_of_use()) {
      if (std::optional<std::vector<std::string>> values = try_get_from_files(what, keys)) return *std::move(values);
    }
    ValuesReader reader(keys.size());
    call(what, wire::Get{.keys = {keys.begin(), keys.end()}}, reader);
    return std::move(reader.values());
  }

  [[nodiscard]] std::optional<std::vector<std::string>> try_get_from_files(
      const std::string& what, std::span<const std::string_view> keys) const {
    LocatedReader reader(keys.size());
    call(what, wire::Locate{.keys = {keys.begin(), keys.end()}}, reader);
    return within_memory(what, [&] { return files_->try_read(keys, std::move(reader.located())); });
  }

  [[nodiscard]] std::string call(const std::string& what, decltype(wire::Request::body) body) const {
    BytesReader reader;
    (void)call(what, std::move(body), reader);
    return std::move(reader.bytes());
  }

  /// As Session::call.
  bool call(const std::string& what, decltype(wire::Request::body) body, ReplyReader& reader) const {
    return within_memory(what, [&] { return session().call(what, {.body = std::move(body)}, reader); });
  }

  [[nodiscard]] Session& session() const {
    if (Session* session = session_.load(std::memory_order_acquire)) return *session;
    const std::lock_guard lock(starting_);
    if (session_.load() == nullptr) session_.store(new Session(endpoint_, options_, patience_, on_lost_appends_));
    return *session_.load();
  }

  void before_fork() override { starting_.lock(); }
  void after_fork_in_parent() noexcept override { starting_.unlock(); }
  // The child has neither the thread nor the right to the socket. What they used is left as it was: a thread may have
  // been changing any of it, and ZeroMQ would wait for threads that are not there.
  void after_fork_in_child() noexcept override {
    std::construct_at(&starting_);
    session_.store(nullptr);
  }

  const std::string endpoint_;
  const ClientOptions options_;
  const Patience patience_;
  const std::unique_ptr<const DirectReader> files_;  // nullptr: all bytes come from the server
  const LostAppendsHandler on_lost_appends_;
  mutable std::mutex starting_;  // held while a session is made, and across a fork
  mutable std::atomic<Session*> session_ = nullptr;
};

/// For connections that are made anew, whatever directory is the current one then.
std::string anchored(const std::string& endpoint) {
  const std::optional<std::string> path = socket_path(endpoint);
  return path ? "ipc://" + whole_socket_path(*path) : endpoint;
}

}  // namespace

std::optional<ServerStats> server_stats(const Store& store) {
  const auto* const client = dynamic_cast<const Client*>(&store);
  if (!client) return std::nullopt;
  return without_foreign_errors("ask a server for its statistics", [&] { return client->server_stats(); });
}

std::optional<KeyListChange> reload_keys(const Store& store) {
  const auto* const client = dynamic_cast<const Client*>(&store);
  if (!client) return std::nullopt;
  return client->reload_keys();
}

std::unique_ptr<Store> connect(const std::string& endpoint, const ClientOptions& options, const Patience& patience,
                               std::unique_ptr<const DirectReader> files, LostAppendsHandler on_lost_appends) {
  if (!is_endpoint(endpoint)) {
    throw InvalidArgumentError("cannot connect to " + accrete::quoted(endpoint) +
                               ": an endpoint is ipc://PATH or tcp://HOST:PORT, such as tcp://127.0.0.1:5555");
  }
  if (!options.server_key.empty() && !is_curve_key(options.server_key)) {
    throw InvalidArgumentError("cannot connect to " + accrete::quoted(endpoint) +
                               ": the server key is no public key; one has 40 characters in Z85");
  }
  auto client =
      std::make_unique<Client>(anchored(endpoint), options, patience, std::move(files), std::move(on_lost_appends));
  client->wait_ready();
  return client;
}

}  // namespace accrete
