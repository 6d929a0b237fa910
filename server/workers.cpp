#include "server/workers.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "base/escape.hpp"
#include "net/part_encoder.hpp"
#include "os/system.hpp"
#include "os/thread.hpp"

namespace accrete::server {
namespace {

/// Other replies take the memory that this one needs.
class BusyError : public TooLargeError {
 public:
  using TooLargeError::TooLargeError;
};

/// Answers one request: an overload for each, which returns the messages of the result.
class Answering {
 public:
  using Parts = std::vector<SharedMessage>;

  Answering(BufferedStore& store, ReplyBudget& budget, MessagePool& messages, const RequestTask& task,
            ReplyBudget::Share& share)
      : store_(store), budget_(budget), messages_(messages), task_(task), share_(share) {}

  Parts operator()(const wire::Get& get) {
    const std::string action = "get " + std::to_string(get.keys.size()) + " values";
    reserve(held_bytes(get.keys), action);
    std::uint64_t bytes = 0;
    for (const std::string_view key : get.keys) bytes += store_.size(key).value_or(0);
    reserve(bytes, action);
    const std::vector<std::string> values = store_.get_batch(get.keys);
    wire::PartEncoder parts(task_.request.id, wire::encoded_values_size(values), messages_);
    wire::encode_values(values, [&](std::string_view piece) { parts.add(piece); });
    return parts.end();
  }

  Parts operator()(const wire::Locate& locate) {
    reserve(held_bytes(locate.keys), "get " + std::to_string(locate.keys.size()) + " values");
    const LocatedValues located = store_.locate(locate.keys, [&](std::uint64_t bytes) {
      reserve(bytes, "get " + std::to_string(locate.keys.size()) + " values");
    });
    wire::PartEncoder parts(task_.request.id, wire::encoded_located_size(located), messages_);
    wire::encode_located(located, [&](std::string_view piece) { parts.add(piece); });
    return parts.end();
  }

  Parts operator()(const wire::GetRange& get) {
    const std::uint64_t size = store_.size(get.key).value_or(0);
    const std::uint64_t left = size - std::min(size, get.offset);
    reserve(std::min(get.size, left), "get a range of the value of " + quoted(get.key));
    return cut(store_.get_range(get.key, get.offset, get.size));
  }

  Parts operator()(const wire::Size& size) { return cut(wire::encode_size(store_.size(size.key))); }

  Parts operator()(const wire::List& list) {
    // As many keys as surely fit; the client asks for the others.
    constexpr std::uint64_t bytes_a_key = 256;
    const auto max_bytes = static_cast<std::size_t>(budget_.limit() / 2);
    const std::size_t max_keys = std::max<std::size_t>(max_bytes / bytes_a_key, 1);
    ListOptions options = list.options;
    const bool is_cut = options.limit.value_or(max_keys + 1) > max_keys;
    if (is_cut) options.limit = max_keys;
    wire::KeyPage page{.keys = store_.list(options)};
    page.more = is_cut && page.keys.size() == max_keys;
    std::string bytes = wire::encode_list(page, max_bytes);
    reserve(bytes.size(), "list the keys");
    return cut(bytes);
  }

  Parts operator()(const wire::Erase& erase) {
    store_.erase(erase.key);
    return cut({});
  }

  Parts operator()(const wire::Drop&) {
    store_.drop();
    return cut({});
  }

  Parts operator()(const wire::Flush&) {
    store_.flush();
    return cut({});
  }

  Parts operator()(const wire::Sync&) {
    store_.sync();
    return cut({});
  }

  Parts operator()(const wire::StatsRequest&) { return cut(wire::encode_stats(store_.stats())); }

  Parts operator()(const wire::Removals&) { return cut(wire::encode_number(store_.removals())); }

  Parts operator()(const wire::LastSequence& last) { return cut(wire::encode_size(store_.last_sequence(last.writer))); }

  Parts operator()(const wire::GetAttribute& get) { return cut(wire::encode_attribute(store_.attribute(get.name))); }

  Parts operator()(const wire::ListAttributes&) { return cut(wire::encode_values(store_.attributes())); }

  Parts operator()(const wire::SetAttribute& set) {
    return cut(wire::encode_flag(store_.set_attribute(set.name, set.value, set.options)));
  }

  /// The main loop deals with the rest itself.
  template <typename Other>
  Parts operator()(const Other&) {
    return cut({});
  }

 private:
  /// What a get takes for each key besides its bytes, until it is answered: views, strings, and their places in them.
  static std::uint64_t held_bytes(const std::vector<std::string_view>& keys) noexcept {
    constexpr std::uint64_t bytes_a_key = 160;
    return keys.size() > few_keys ? keys.size() * bytes_a_key : 0;
  }

  [[nodiscard]] Parts cut(std::string_view result) { return wire::encode_parts(task_.request.id, result, messages_); }

  void reserve(std::uint64_t bytes, const std::string& action) {
    if (budget_.try_add(share_, bytes)) return;
    const std::uint64_t all = share_.bytes() + bytes;
    const std::string problem = "cannot " + action + ": " + std::to_string(all) + " bytes are more than the server ";
    const std::string advice = "; read it in pieces with get_range, get fewer keys at once, or list with a limit";
    if (all > budget_.limit()) {
      throw TooLargeError(problem + "keeps for replies (" + std::to_string(budget_.limit()) + ")" + advice);
    }
    throw BusyError(problem + "has left for replies now" + advice);
  }

  BufferedStore& store_;
  ReplyBudget& budget_;
  MessagePool& messages_;
  const RequestTask& task_;
  ReplyBudget::Share& share_;
};

Answer answer(BufferedStore& store, ReplyBudget& budget, MessagePool& messages, RequestTask task) {
  Answer answer{
      .request = task.request.id, .request_bytes = task.message.bytes().size(), .held_bytes = task.held_bytes()};
  try {
    answer.parts = std::visit(Answering(store, budget, messages, task, answer.share), task.request.body);
  } catch (const BusyError&) {
    answer.failure = std::current_exception();
    answer.busy = true;
  } catch (...) {
    answer.failure = std::current_exception();
  }
  answer.client = std::move(task.client);
  return answer;
}

}  // namespace

Workers::Workers(BufferedStore& store, Results& results, ReplyBudget& budget, MessagePool& messages,
                 const Threads& threads, Workers* for_large)
    : store_(store), results_(results), budget_(budget), messages_(messages), for_large_(for_large) {
  try {
    threads_.reserve(threads.count);
    while (threads_.size() < threads.count) {
      threads_.push_back(start_thread([this, give_way = threads.give_way] {
        if (give_way) give_way_to_others();
        run();
      }));
    }
  } catch (...) {
    end();
    throw;
  }
}

Workers::~Workers() { end(); }

void Workers::end() noexcept {
  tasks_.close();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::run() {
  while (std::optional<RequestTask> task = tasks_.take()) run_one(*std::move(task));
}

void Workers::run_one(RequestTask task) {
  if (for_large_ && is_large(task.request)) {
    for_large_->push(std::move(task));
  } else {
    results_.push(answer(store_, budget_, messages_, std::move(task)));
  }
}

/// Of a get.
bool Workers::is_large(const wire::Request& request) const {
  constexpr std::uint64_t large = std::uint64_t{1} << 20;
  std::uint64_t bytes = 0;
  const auto add = [&](std::string_view key) { bytes += store_.size(key).value_or(0); };
  try {
    if (const auto* get = std::get_if<wire::Get>(&request.body)) std::for_each(get->keys.begin(), get->keys.end(), add);
  } catch (const std::exception&) {
    return false;  // the answer tells of it
  }
  return bytes > large;
}

}  // namespace accrete::server
