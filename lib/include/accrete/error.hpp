// The errors that accrete throws. Each message names the action, the object and the cause.
#pragma once

#include <accrete/batch_id.hpp>
#include <accrete/export.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace accrete {

/// The base of everything that accrete throws; no other library's exception crosses the API.
class ACCRETE_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The operating system refused or failed; `code()` holds its errno.
class ACCRETE_API IoError : public Error {
 public:
  /// The message reads "cannot <action> '<object>': <cause of error_number>".
  IoError(std::string_view action, std::string_view object, int error_number);
  /// With a message made elsewhere, such as on a server.
  IoError(const std::string& message, std::error_code code, std::string_view object = {});

  [[nodiscard]] const std::error_code& code() const noexcept { return code_; }

  /// What it concerns, as it is and not as the message quotes it: a path in most cases. Empty where that is not known,
  /// such as of a server's error.
  [[nodiscard]] std::string_view object() const noexcept { return *object_; }

 private:
  std::error_code code_;
  std::shared_ptr<const std::string> object_;  // shared, since copying an exception must not throw
};

/// No room is left on the device, in the quota, or for one more file. Nothing of the call was applied.
class ACCRETE_API DiskFullError : public IoError {
 public:
  using IoError::IoError;
};

/// Stored bytes are not what was written: a checksum, a name or a structure is wrong.
class ACCRETE_API CorruptionError : public Error {
 public:
  using Error::Error;
};

/// There is no such dataset. (A missing key is not an error: see Store::size.)
class ACCRETE_API NotFoundError : public Error {
 public:
  using Error::Error;
};

/// What was to be created is there already.
class ACCRETE_API ExistsError : public Error {
 public:
  using Error::Error;
};

/// Another process or thread held the dataset's lock for longer than OpenOptions::lock_timeout.
class ACCRETE_API LockedError : public Error {
 public:
  using Error::Error;
};

/// A key is empty or longer than `max_key_size` bytes.
class ACCRETE_API InvalidKeyError : public Error {
 public:
  using Error::Error;
};

/// The value did not have AppendOptions::expect_size bytes; nothing was appended.
class ACCRETE_API SizeMismatchError : public Error {
 public:
  using Error::Error;
};

/// What is stored is of another type than what was asked for or appended; nothing was appended.
class ACCRETE_API TypeMismatchError : public Error {
 public:
  using Error::Error;
};

/// What was read in several steps was erased between them, or may have been: read it again. Or an erase in several
/// steps was interrupted: erase it again.
class ACCRETE_API ErasedError : public Error {
 public:
  using Error::Error;
};

/// The dataset may be read but not changed by this process.
class ACCRETE_API ReadOnlyError : public Error {
 public:
  using Error::Error;
};

/// A value or a request does not fit the memory that there is; read it in pieces with Store::get_range. Or an attribute
/// exceeds its limits.
class ACCRETE_API TooLargeError : public Error {
 public:
  using Error::Error;
};

/// An argument or a combination of options makes no sense; nothing was done.
class ACCRETE_API InvalidArgumentError : public Error {
 public:
  using Error::Error;
};

/// A server cannot be reached, or what it sends is not accrete's protocol.
class ACCRETE_API NetworkError : public Error {
 public:
  using Error::Error;
};

/// A call's deadline has passed, and it has changed nothing and will not; a flush or a sync may happen still.
class ACCRETE_API TimeoutError : public Error {
 public:
  using Error::Error;
};

/// Who made an Interruptible wanted the call that waited to end. It has changed nothing and will not; a flush or a sync
/// may happen still, or be done in part.
class ACCRETE_API InterruptedError : public Error {
 public:
  using Error::Error;
};

/// A server was sent a change and has not said what became of it: it may have been made, or may be made yet. A batch is
/// sent again with AppendOptions::id set to `batch()`, as often as it takes, through the same Store or another one: it
/// is then applied once in all. Thrown again, it may say that such an id of a client's own making has been forgotten,
/// as only the latest 4,096 are kept: then look at what is there. Of an erase, a drop or an attribute that was set,
/// look at what is there before asking for it again.
class ACCRETE_API UnknownOutcomeError : public Error {
 public:
  explicit UnknownOutcomeError(const std::string& message, const std::optional<BatchId>& batch = std::nullopt)
      : Error(message), batch_(batch) {}

  /// nullopt if it was no batch.
  [[nodiscard]] const std::optional<BatchId>& batch() const noexcept { return batch_; }

 private:
  std::optional<BatchId> batch_;
};

/// A server does not know this client's key, or is not the one whose key was given.
class ACCRETE_API AuthError : public Error {
 public:
  using Error::Error;
};

/// The dataset, URL or value needs what this version or build does not have: a newer format, another layout, another
/// scheme, the library of a codec.
class ACCRETE_API UnsupportedError : public Error {
 public:
  using Error::Error;
};

}  // namespace accrete
