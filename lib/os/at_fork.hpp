// For objects with a lock inside: `fork` waits until each is at rest, so that the child finds it whole.
#pragma once

namespace accrete {

/// Derive from it to be asked around every `fork` of the process. A derived class calls `watch_forks` at the end of its
/// constructor and `ignore_forks` at the beginning of its destructor, so that it is only asked while it is whole.
class AtFork {
 public:
  AtFork(const AtFork&) = delete;
  AtFork& operator=(const AtFork&) = delete;

 protected:
  AtFork() = default;
  virtual ~AtFork() = default;
  void watch_forks();
  void ignore_forks() noexcept;

 private:
  friend class ForkWatch;
  /// Waits until no thread is inside, and keeps others out.
  virtual void before_fork() = 0;
  virtual void after_fork_in_parent() noexcept = 0;
  /// Runs in the only thread of the child.
  virtual void after_fork_in_child() noexcept = 0;
};

}  // namespace accrete
