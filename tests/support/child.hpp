// Work in a forked child.
#pragma once

#include <cerrno>
#include <functional>
#include <iostream>
#include <sys/types.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace accrete::test {

/// Forks; the child runs `work` and exits with 0, or with 1 after writing what `work` threw to standard error.
inline pid_t start_child(const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid > 0) return pid;
  try {
    work();
  } catch (const std::exception& e) {
    std::cerr << "in a child: " << e.what() << std::endl;
    ::_exit(1);
  }
  ::_exit(0);
}

/// True if the child has exited with 0.
inline bool succeeds(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace accrete::test
