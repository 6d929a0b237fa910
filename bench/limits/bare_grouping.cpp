// The limit of accrete load: reads a file of plain rows, finds their columns, and writes each row into the file of its
// key. It promises nothing: no quotes, no errors, nothing that survives a kill.
// usage: bare_grouping FILE DIRECTORY COLUMN[,COLUMN]    numbers from 1; the key is the columns, joined by commas
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t window_bytes = 1 << 20;
constexpr std::size_t value_bytes = 64 << 10;  // gathered of a key before it is written

struct Group {
  int fd = -1;
  std::string rows{};
};

void require(bool holds) {
  if (!holds) std::abort();
}

void write(Group& group) {
  require(::write(group.fd, group.rows.data(), group.rows.size()) == static_cast<ssize_t>(group.rows.size()));
  group.rows.clear();
}

std::string_view column(std::string_view row, int number) {
  for (; number > 1; --number) row.remove_prefix(row.find(',') + 1);
  return row.substr(0, row.find(','));
}

}  // namespace

int main(int argc, char** argv) {
  require(argc == 4);
  const int fd = ::open(argv[1], O_RDONLY);
  require(fd >= 0 && ::chdir(argv[2]) == 0);
  const int first = std::atoi(argv[3]);
  const char* const comma = std::strchr(argv[3], ',');
  const int second = comma ? std::atoi(comma + 1) : 0;
  std::unordered_map<std::string, Group> groups;
  std::vector<char> window(window_bytes);
  std::size_t kept = 0;
  bool is_header = true;
  std::string key;
  for (ssize_t got = 0; (got = ::read(fd, window.data() + kept, window.size() - kept)) > 0;) {
    std::string_view text(window.data(), kept + static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
      const std::string_view line = text.substr(0, end);
      if (std::exchange(is_header, false)) continue;
      key.assign(column(line, first));
      if (second > 0) key.append(",").append(column(line, second));
      Group& group = groups[key];
      if (group.fd < 0) group.fd = ::open(key.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
      group.rows += text.substr(0, end + 1);
      if (group.rows.size() >= value_bytes) write(group);
    }
    kept = text.size();
    std::memmove(window.data(), text.data(), kept);
  }
  for (auto& [name, group] : groups) write(group);
}
